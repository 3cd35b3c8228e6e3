import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { parse } from 'yaml';
import { type RunningEnvoy, startEnvoy } from '../../envoy/process.ts';
import { type Backend, startBackend } from '../support/backend.ts';
import { type CliRun, runCommand } from '../support/cli.ts';
import { ask, askMany } from '../support/client.ts';
import { ControlPlane } from '../support/control-plane.ts';
import { envoyRefusalOfFile } from '../support/envoy-validate.ts';
import { freePort } from '../support/ports.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { until } from '../support/until.ts';

describe('what init and bundle write is taken by Envoy', () => {
  for (const [role, variant, streams] of [
    ['edge', 'delta', 'ads'],
    ['edge', 'delta', 'per-type'],
    ['edge', 'sotw', 'ads'],
    ['edge', 'sotw', 'per-type'],
    ['sidecar', 'delta', 'ads'],
    ['sidecar', 'sotw', 'per-type'],
  ] as const) {
    it(`${role}, ${variant}, ${streams}`, async () => {
      const cwd = temporaryDirectory();
      const flags = ['--role', role, '--variant', variant, '--streams', streams, '--zone', 'a'];
      const { code } = await runCommand(['init', ...flags], { cwd });
      assert.equal(code, 0);
      assert.equal(await envoyRefusalOfFile(join(cwd, `envoy-${role}.yaml`)), undefined);
      const bundle = await runCommand(['bundle', '--bootstrap', `envoy-${role}.yaml`], { cwd });
      writeFileSync(join(cwd, 'static.yaml'), bundle.out);
      assert.equal(await envoyRefusalOfFile(join(cwd, 'static.yaml')), undefined);
    });
  }
});

interface Dumped {
  readonly name: string;
}

describe('a first day: init, serve, status, canary, drain', () => {
  const cwd = temporaryDirectory();
  const dataFolder = join(cwd, '.switchyard');
  const policyFile = join(cwd, 'switchyard.yaml');
  let backends: readonly [Backend, Backend, Backend];
  let plane: ControlPlane;
  let envoy: RunningEnvoy;
  let port: number;
  let env: Readonly<Record<string, string>>;

  // Whatever ends this process, nothing of it is left behind.
  const killAll = () => {
    plane?.killNow();
    if (envoy !== undefined && envoy.pid > 0) process.kill(envoy.pid, 'SIGKILL');
  };

  const run = (...args: readonly string[]): Promise<CliRun> => runCommand(args, { cwd, env });
  const served = () => askMany(60, () => ask(port, '/'));

  before(async () => {
    process.once('exit', killAll);
    const names = ['v1-a', 'v1-b', 'v2'] as const;
    const [one, two, three] = await Promise.all(names.map(name => startBackend({ name })));
    assert.ok(one && two && three);
    backends = [one, two, three];
    port = await freePort();
    const [xdsPort, adminPort, envoyAdmin] = [await freePort(), await freePort(), await freePort()];
    env = { SWITCHYARD_ADMIN: `127.0.0.1:${adminPort}` };
    const addresses = ['--xds', `127.0.0.1:${xdsPort}`, '--envoy-admin', `127.0.0.1:${envoyAdmin}`];
    assert.equal((await run('init', ...addresses)).code, 0);
    const starter = readFileSync(policyFile, 'utf8');
    const mine = starter
      .replace('127.0.0.1:8081', one.address)
      .replace('127.0.0.1:8082', two.address)
      .replace('127.0.0.1:8083', three.address)
      .replace('port: 8000', `port: ${port}`);
    writeFileSync(policyFile, mine);
    assert.equal((await run('validate')).out, 'good: 1 fleet, 0 errors, 0 warnings\n');
    plane = new ControlPlane({ policyFile, dataFolder, xdsPort, adminPort });
    await plane.start();
    const bootstrap = parse(readFileSync(join(cwd, 'envoy-edge.yaml'), 'utf8')) as object;
    envoy = startEnvoy({ name: 'edge', bootstrap });
    await envoy.ready(AbortSignal.timeout(60_000));
  });
  after(async () => {
    await envoy?.stop();
    await plane?.stop();
    for (const each of backends ?? []) await each[Symbol.asyncDispose]();
    process.off('exit', killAll);
  });

  it('says where it listens and where the token is', () => {
    assert.match(
      plane.output,
      /^switchyard is ready: xDS on 127\.0\.0\.1:\d+, admin API on http:\/\/127\.0\.0\.1:\d+ \(token in \/.+\/admin-token\)$/m,
    );
  });

  it('status: the Envoy holds the policy', async () => {
    const synced = await until('status exits with 0', async () => {
      const status = await run('status');
      return status.code === 0 && status;
    });
    assert.match(synced.out, /^revision 1, \d+s ago by .*\nfleets: edge\n/);
    assert.match(synced.out, /\nedge-\S+ +edge +synced +\d+s +delta +synced +synced +synced +synced +1\.\d+\.\d+\n$/);
    await until('it serves', async () => (await ask(port, '/')).status === 200);
  });

  it('config: what the Envoy is to hold is what its own dump says that it holds', async () => {
    const [id = ''] = (await run('status', '-o', 'name')).out.trim().split('\n');
    const shown = await run('config', id, '-o', 'json');
    assert.equal(shown.code, 0, shown.err);
    const ours: Readonly<Record<string, readonly Dumped[]>> = JSON.parse(shown.out);
    const { configs } = JSON.parse(await envoy.admin('/config_dump?include_eds'));
    const dumped = (list: string, field: string): readonly Dumped[] =>
      configs.flatMap((each: Record<string, readonly Record<string, unknown>[]>) =>
        (each[list] ?? []).map(entry => ((entry['active_state'] as typeof entry | undefined) ?? entry)[field]),
      );
    const theirs = {
      listeners: dumped('dynamic_listeners', 'listener'),
      clusters: dumped('dynamic_active_clusters', 'cluster'),
      routes: dumped('dynamic_route_configs', 'route_config'),
    };
    for (const [kind, found] of Object.entries(theirs)) {
      assert.ok(found.length > 0, kind);
      assert.deepEqual(found.map(each => each.name).sort(), ours[kind]?.map(each => each.name).sort(), kind);
    }
    const weights = (tables: readonly Dumped[] = []) => JSON.stringify(tables).match(/"name":"web@v\d","weight":\d+/g);
    assert.ok(weights(ours['routes']));
    assert.deepEqual(weights(theirs.routes), weights(ours['routes']));
    assert.match((await run('config', id)).out, /, since its cluster is "edge"\n/);
    assert.match((await run('config', id, '--diff')).out, /\nit holds all that is intended\n$/);
  });

  it('canary: the shift is in the traffic once it is acknowledged, and goes back', async () => {
    const shifted = await run('canary', 'weights', 'web/everyone', 'web@v1=0', 'web@v2=100', '--wait');
    assert.equal(shifted.code, 0, shifted.out + shifted.err);
    assert.match(shifted.out, /1 of 1 connected proxies have acknowledged/);
    assert.deepEqual([...(await served())], [['v2', 60]]);
    assert.match((await run('status')).out, /override \(active\) routes\/web\/rules\/everyone: web@v1=0 web@v2=100/);
    const ended = await run('canary', 'weights', 'web/everyone', '--end', '--wait');
    assert.equal(ended.code, 0, ended.out + ended.err);
    const counts = await served();
    assert.ok((counts.get('v1-a') ?? 0) + (counts.get('v1-b') ?? 0) > 50, JSON.stringify([...counts]));
  });

  it('drain: the endpoint gets no more requests, the last one is not drained, and both end', async () => {
    const [first, second] = backends;
    assert.equal((await run('drain', 'web', first.address, '--for', '10m', '--wait')).code, 0);
    const counts = await served();
    assert.equal(counts.get('v1-a'), undefined, JSON.stringify([...counts]));
    const last = await run('drain', 'web', second.address);
    assert.equal(last.code, 1);
    assert.match(last.err, /^error: Refused: .*last usable endpoint.*\nhint: add --force to do it all the same\n$/);
    const unknown = await run('drain', 'web', '10.9.9.9:1');
    assert.equal(unknown.code, 1);
    assert.match(unknown.err, /^error: Not found: /);
    assert.equal((await run('drain', 'web', first.address, '--undo', '--wait')).code, 0);
    await until('it gets requests again', async () => ((await served()).get('v1-a') ?? 0) > 0);
  });

  it('status: a broken save is shown and changes nothing', async () => {
    const text = readFileSync(policyFile, 'utf8');
    writeFileSync(policyFile, text.replace('service: web, version: v2', 'service: wbe, version: v2'));
    const status = await until('status shows it', async () => {
      const { code, out } = await run('status');
      return code === 2 && out.includes('a save was refused') && out;
    });
    assert.match(status, /switchyard\.yaml:\d+:\d+: error: .*"wbe".*\n.*did you mean "web"\?/);
    assert.match(status, /^revision 1, /);
    assert.equal((await ask(port, '/')).status, 200);
    writeFileSync(policyFile, text);
    await until('status is content again', async () => (await run('status')).code === 0);
  });

  it('a second server on the same data says who has it; without a server, commands say so', async () => {
    const second = await run('serve', '--xds', '127.0.0.1:0', '--admin', '127.0.0.1:0');
    assert.equal(second.code, 1);
    assert.match(second.err, /^error: the data directory \S+ is in use by process \d+: .*\n$/);
    await plane.stop('SIGINT');
    const gone = await run('status');
    assert.equal(gone.code, 1);
    assert.match(gone.err, /^error: no admin API at .*ECONNREFUSED.*is "switchyard serve" running\?/);
    assert.equal((await ask(port, '/')).status, 200, 'Envoy goes on');
  });
});

import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { parse } from 'yaml';
import { envoyBinary } from '../../envoy/binary.ts';
import { startBackend } from '../support/backend.ts';
import { runCommand } from '../support/cli.ts';
import { ask } from '../support/client.ts';
import { freePort } from '../support/ports.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { until } from '../support/until.ts';
import { testTransport } from '../support/xds-transport.ts';

const children: ChildProcess[] = [];
const killAll = () => {
  for (const each of children) each.kill('SIGKILL');
};
process.once('exit', killAll);

/** Starts a process with nothing in its environment but this, and keeps what it says. */
function start(words: readonly string[], env: Readonly<Record<string, string>>, cwd: string): () => string {
  const [program = '', ...args] = words;
  const child = spawn(program, args, { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] });
  children.push(child);
  let output = '';
  const keep = (chunk: Buffer) => {
    output = (output + chunk.toString()).slice(-20_000);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  child.once('error', error => keep(Buffer.from(String(error))));
  return () => output;
}

/** `KEY=value` of a unit or an environment file, the last of each. */
const directives = (text: string): Readonly<Record<string, string>> =>
  Object.fromEntries([...text.matchAll(/^([A-Za-z_]+)=(.*)$/gm)].map(([, key = '', value = '']) => [key, value]));

/** The words of an ExecStart that quotes none, for an instance of the unit. */
const wordsOf = (unit: string, instance = ''): readonly string[] =>
  (directives(unit)['ExecStart'] ?? '').replaceAll('%i', instance).split(' ');

after(async () => {
  const ended = children.map(
    each =>
      new Promise(resolve =>
        each.exitCode === null && each.signalCode === null ? each.once('exit', resolve) : resolve(0),
      ),
  );
  killAll();
  await Promise.all(ended);
  process.off('exit', killAll);
});

describe('what init makes is what runs', () => {
  for (const run of ['systemd', 'compose'] as const) {
    it(`${run}: a server and an Envoy are started as it says, and a request goes through`, async () => {
      const [folder, data] = [temporaryDirectory(), temporaryDirectory()];
      await using backend = await startBackend({ name: 'shop-1' });
      const [port, xds, admin, envoyAdmin] = [await freePort(), await freePort(), await freePort(), await freePort()];
      const flags = ['--node', 'edge-1', '--service', 'shop', '--endpoint', backend.address, '--port', String(port)];
      const more = [
        '--xds',
        `127.0.0.1:${xds}`,
        '--envoy-admin',
        `127.0.0.1:${envoyAdmin}`,
        '--envoy-bin',
        envoyBinary(),
      ];
      const made = await runCommand(['init', folder, '--run', run, ...flags, ...more], { cwd: folder });
      assert.equal(made.code, 0, made.err);
      const text = (name: string) => readFileSync(join(folder, name), 'utf8');
      // Where it keeps its data, the ports of this machine, and the transport of xDS are the test's.
      const ours = { SWITCHYARD_DATA: data, SWITCHYARD_XDS_TRANSPORT: testTransport };
      const mine = { ...ours, SWITCHYARD_ADMIN: `127.0.0.1:${admin}` };
      const server =
        run === 'systemd'
          ? start(
              wordsOf(text('systemd/switchyard.service')),
              { ...directives(text('systemd/switchyard.env')), ...mine },
              '/',
            )
          : start(
              [process.execPath, join(import.meta.dirname, '../../src/cli/main.ts'), 'serve'],
              { ...inContainer(text('compose.yaml'), folder), ...mine, SWITCHYARD_XDS: `127.0.0.1:${xds}` },
              '/',
            );
      await until(
        'the server is ready',
        async () => (await fetch(`http://127.0.0.1:${admin}/readyz`)).ok,
        30_000,
      ).catch(cause => {
        throw new Error(server(), { cause });
      });
      const envoy =
        run === 'systemd'
          ? start(wordsOf(text('systemd/switchyard-envoy@.service'), 'edge-1'), {}, '/')
          : start([envoyBinary(), ...commandOf(text('compose.yaml'), folder)], {}, '/');
      await until('a request goes through', async () => (await ask(port, '/')).by === 'shop-1', 30_000).catch(cause => {
        throw new Error(`${server()}\n${envoy()}`, { cause });
      });
      const status = await runCommand(['status', '--data', data, '--admin', `127.0.0.1:${admin}`], { cwd: folder });
      assert.match(status.out, /\nedge-1 +edge +synced/);
    });
  }
});

/** The environment of the server's container, with the paths of this machine in place of what is mounted. */
function inContainer(compose: string, folder: string): Readonly<Record<string, string>> {
  const { environment, volumes } = parse(compose).services.switchyard;
  assert.ok(volumes.includes('.:/etc/switchyard:ro'));
  const values = Object.entries<string>(environment).map(([key, value]) => [
    key,
    value.replace(/^\/etc\/switchyard/, folder),
  ]);
  return Object.fromEntries(values);
}

/** The arguments of the Envoy, likewise. */
function commandOf(compose: string, folder: string): readonly string[] {
  const { command, volumes } = parse(compose).services['edge-1'];
  assert.deepEqual(volumes, ['./envoy-edge-1.yaml:/etc/envoy/envoy.yaml:ro']);
  return command.map((each: string) => each.replace('/etc/envoy/envoy.yaml', join(folder, 'envoy-edge-1.yaml')));
}

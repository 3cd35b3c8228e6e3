import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { cp, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { promisify } from 'node:util';
import { parse } from 'yaml';
import { type RunningEnvoy, startEnvoy } from '../../envoy/process.ts';
import { npm } from '../../setup/npm.mjs';
import { type Backend, startBackend } from '../support/backend.ts';
import { type Answer, ask } from '../support/client.ts';
import { startLoad } from '../support/load.ts';
import { freePort } from '../support/ports.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { until } from '../support/until.ts';
import { testTransport } from '../support/xds-transport.ts';

const root = join(import.meta.dirname, '..', '..');
const example = join(root, 'examples', 'control-plane');
const run = promisify(execFile);

/** The example's program, as a process of its own, and an Envoy with the example's bootstrap. */
class World implements AsyncDisposable {
  readonly #file = join(temporaryDirectory(), 'services.json');
  readonly #program: ChildProcess;
  readonly #port: number;
  #log = '';
  #envoy: RunningEnvoy | undefined;

  private constructor(main: string, port: number, services: object) {
    this.#port = port;
    this.save(services);
    this.#program = spawn(process.execPath, [main, this.#file, '0'], {
      cwd: dirname(main),
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const keep = (chunk: Buffer): void => {
      this.#log += chunk;
    };
    this.#program.stdout?.on('data', keep);
    this.#program.stderr?.on('data', keep);
  }

  static async start(main: string, variant: 'GRPC' | 'DELTA_GRPC', services: object): Promise<World> {
    const world = new World(main, await freePort(), services);
    const xds = await world.said(/xDS on port (\d+)/);
    const bootstrap = parse(readFileSync(join(example, 'envoy.yaml'), 'utf8'));
    bootstrap.admin.address.socket_address.port_value = await freePort();
    bootstrap.dynamic_resources.ads_config.api_type = variant;
    const [cluster] = bootstrap.static_resources.clusters;
    cluster.load_assignment.endpoints[0].lb_endpoints[0].endpoint.address.socket_address.port_value = Number(xds[1]);
    world.#envoy = startEnvoy({ name: variant, bootstrap });
    await world.#envoy.ready(AbortSignal.timeout(30_000));
    return world;
  }

  /** Waits for the program to say it. */
  said(pattern: RegExp): Promise<RegExpExecArray> {
    return until(String(pattern), () => {
      assert.equal(this.#program.exitCode, null, this.#log);
      return pattern.exec(this.#log) ?? undefined;
    });
  }

  save(services: object): void {
    writeFileSync(this.#file, JSON.stringify({ port: this.#port, services }));
  }

  ask(path: string): Promise<Answer> {
    return ask(this.#port, path);
  }

  async answeredBy(path: string): Promise<string> {
    const { status, by } = await this.ask(path);
    return status === 200 ? by : String(status);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#envoy?.stop();
    if (this.#program.exitCode !== null || this.#program.signalCode !== null) return;
    const ended = once(this.#program, 'exit');
    this.#program.kill('SIGTERM');
    await ended;
  }
}

describe('a control plane of one’s own, made with the library', { timeout: 480_000 }, () => {
  let backends: readonly Backend[] = [];
  before(async () => {
    backends = await Promise.all([startBackend({ name: 'one' }), startBackend({ name: 'two' })]);
  });
  after(() => Promise.all(backends.map(each => each[Symbol.asyncDispose]())));

  /** Traffic flows, an update arrives, and what is no good changes nothing. */
  async function serves(main: string, variant: 'GRPC' | 'DELTA_GRPC'): Promise<void> {
    const [one, two] = backends.map(each => `127.0.0.1:${each.port}`);
    await using world = await World.start(main, variant, { catalog: [one] });
    await until('it answers', async () => (await world.answeredBy('/catalog')) === 'one');
    assert.equal(await world.answeredBy('/checkout'), '404');
    const load = startLoad(() => world.ask('/catalog'), { perSecond: 50 });
    await load.more(20);
    world.save({ catalog: [two], checkout: [one] });
    await world.said(/in force; 1 of 1 Envoys have it/);
    await until('endpoints have moved', async () => (await world.answeredBy('/catalog')) === 'two');
    await load.end();
    assert.deepEqual(load.failures, [], 'a save costs no request');
    assert.equal(await world.answeredBy('/checkout'), 'one');
    world.save({ catalog: [], '': [one] });
    await world.said(/not taken, the last good goes on: /);
    assert.equal(await world.answeredBy('/catalog'), 'two');
  }

  let project: Promise<string>;
  before(() => {
    project = installed();
    // Whoever needs it is told.
    project.catch(() => {});
  });

  it('the example serves a real Envoy over delta', () => serves(join(example, 'main.ts'), 'DELTA_GRPC'));

  it('the package has types that are complete, and serves a real Envoy over SotW', async () => {
    const folder = await project;
    const contents = join(folder, 'node_modules', 'switchyard');
    assert.deepEqual(readdirSync(contents).sort(), ['LICENSE', 'README.md', 'dist', 'package.json', 'schema']);
    for (const name of readdirSync(contents, { recursive: true, encoding: 'utf8' }).map(each => join(contents, each))) {
      if (/(?<!\.d)\.ts$|\.map$|\.test\./.test(name)) assert.fail(`${name} has no place in the package`);
      if (/\.(?:js|d\.ts)$/.test(name)) assert.ok(!readFileSync(name, 'utf8').includes(root), `${name} names ${root}`);
    }
    const source = readFileSync(join(example, 'main.ts'), 'utf8');
    const changes = [
      ["'../../src/index.ts'", "'switchyard'"],
      ['new XdsServer(board, {', `new XdsServer(board, { transport: '${testTransport}',`],
    ] as const;
    for (const [before] of changes) assert.ok(source.includes(before), before);
    const own = changes.reduce((text, [before, after]) => text.replace(before, after), source);
    writeFileSync(join(folder, 'main.ts'), own);
    writeFileSync(join(folder, 'types.ts'), typed);
    const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
    const settings = ['--strict', '--module', 'nodenext', '--target', 'es2024', '--types', 'node', '--outDir', 'out'];
    await run(process.execPath, [compiler, ...settings, 'main.ts', 'types.ts'], { cwd: folder }).catch(error => {
      throw new Error(`it does not compile:\n${error.stdout}`, { cause: error });
    });
    await serves(join(folder, 'out', 'main.js'), 'GRPC');
  });
});

/** Much of what is exported, used as its types say. */
const typed = `
import { Server, ServerCredentials } from '@grpc/grpc-js';
import { createSnapshot, type Hooks, type Node, type Resource, SnapshotBoard, typeUrl, XdsServer } from 'switchyard';
import { type Policy, definePolicy } from 'switchyard';

const hooks: Hooks = { onAck: ack => console.log(ack.version), onRequest: (stream, request) => [stream.peer, request.nonce] };
const key = (node: Node): string | undefined => node.metadata['env'] ?? node.zone;
const raw: Resource = { typeUrl: 'type.googleapis.com/test.Thing', name: 'a', value: Uint8Array.of(1), ttl: 5000, version: '1' };
const url: 'type.googleapis.com/envoy.config.cluster.v3.Cluster' = typeUrl('envoy.config.cluster.v3.Cluster');
export async function control(policy: Policy): Promise<string[]> {
  const board = new SnapshotBoard(key);
  board.set('edge', createSnapshot([raw], { versions: { [url]: '7' } }));
  board.update('edge', { put: [raw, { typeUrl: url, name: 'b', error: { code: 'NOT_FOUND', message: 'no' } }], remove: [] });
  const server = new XdsServer(board, { hooks, identifier: 'mine', order: { linger: 0 }, isolateRejections: true });
  server.register(new Server());
  await server.listen({ port: 0, credentials: ServerCredentials.createInsecure(), reflection: false });
  // @ts-expect-error there is no such field
  definePolicy({ services: {}, nonsense: {} });
  return [...server.clients().map(client => client.node.id), ...Object.keys(policy.services)];
}
`;

/** A project that has the package from its archive, and of other packages only those that this one asks for. */
async function installed(): Promise<string> {
  const project = temporaryDirectory();
  writeFileSync(join(project, 'package.json'), JSON.stringify({ private: true, type: 'module' }));
  const [archive] = await Promise.all([packed(), copyDependencies(project)]);
  const options = ['--offline', '--ignore-scripts', '--no-audit', '--no-fund', '--loglevel=error'];
  await npm(['install', ...options, archive], { cwd: project, node: process.execPath, what: 'Installing the package' });
  return project;
}

/** @returns the package as it would be published. */
async function packed(): Promise<string> {
  const folder = temporaryDirectory();
  await run(process.execPath, [join(root, 'setup', 'build.mjs')]);
  const what = 'Packing';
  const archive = ['pack', '--ignore-scripts', '--loglevel=error', '--pack-destination', folder];
  await npm(archive, { cwd: root, node: process.execPath, what });
  const [name = ''] = readdirSync(folder);
  return join(folder, name);
}

/** npm takes what is there already, and so needs no registry. */
async function copyDependencies(project: string): Promise<void> {
  const { packages } = JSON.parse(readFileSync(join(root, 'node_modules', '.package-lock.json'), 'utf8'));
  for (const [place, { dev }] of Object.entries(packages as Record<string, { dev?: boolean }>)) {
    if (dev || place.lastIndexOf('node_modules/') > 0) continue;
    await mkdir(dirname(join(project, place)), { recursive: true });
    await cp(join(root, place), join(project, place), { recursive: true });
  }
}

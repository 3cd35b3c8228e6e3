import { renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { type RunningEnvoy, startEnvoy } from '../../envoy/process.ts';
import type { ProxyReply } from '../../src/admin/api.ts';
import type { PolicyInput } from '../../src/policy/kinds.ts';
import { bootstrap, bootstrapDefaults } from '../../src/translate/bootstrap.ts';
import { type Backend, type BackendOptions, startBackend } from './backend.ts';
import { ControlPlane } from './control-plane.ts';
import { freePort } from './ports.ts';
import { temporaryDirectory } from './temporary.ts';
import { until } from './until.ts';

/** An Envoy to start: who it says it is, and how it speaks xDS. */
export interface ProxyOptions {
  readonly id: string;
  readonly cluster: string;
  readonly variant?: 'delta' | 'sotw';
  /** The streams of its bootstrap; `ads` where nothing is said. */
  readonly streams?: 'ads' | 'perType';
  readonly region?: string;
  readonly zone?: string;
  readonly metadata?: Readonly<Record<string, string>>;
  /** Its worker threads; 1 unless said. */
  readonly concurrency?: number;
  /** Port of its admin interface; any free one where nothing is said. */
  readonly adminPort?: number;
}

/** An Envoy of the world. */
export interface Proxy extends RunningEnvoy {
  readonly id: string;
}

/** A service and a rule as a policy declares them. */
export type ServiceInput = NonNullable<PolicyInput['services']>[string];
export type RuleInput = NonNullable<PolicyInput['routes']>[string]['rules'][number];

/** The policy of one fleet of edge proxies (cluster `edge`) with one HTTP port on loopback. */
export function edgePolicy(
  port: number,
  { services, rules }: { services: Record<string, ServiceInput>; rules: RuleInput[] },
): PolicyInput {
  return {
    services,
    gateways: { public: { listeners: [{ port, address: '127.0.0.1', protocol: 'http' }] } },
    routes: { shop: { gateways: ['public'], rules } },
    fleets: { edge: { match: { cluster: 'edge' }, gateways: ['public'] } },
  };
}

/** The same for two fleets of one proxy each, `delta` and `sotw`, which both clusters and node ids are named after. */
export function pairPolicy(
  ports: Readonly<Record<'delta' | 'sotw', number>>,
  { services, rules }: { services: Record<string, ServiceInput>; rules: RuleInput[] },
): PolicyInput {
  const gateway = (port: number) => ({ listeners: [{ port, address: '127.0.0.1', protocol: 'http' as const }] });
  return {
    services,
    gateways: { delta: gateway(ports.delta), sotw: gateway(ports.sotw) },
    routes: { shop: { gateways: ['delta', 'sotw'], rules } },
    fleets: {
      delta: { match: { cluster: 'delta' }, gateways: ['delta'] },
      sotw: { match: { cluster: 'sotw' }, gateways: ['sotw'] },
    },
  };
}

/** The proxies of {@link pairPolicy}. */
export const pair: readonly ProxyOptions[] = [
  { id: 'delta', cluster: 'delta', variant: 'delta' },
  { id: 'sotw', cluster: 'sotw', variant: 'sotw' },
];

/**
 * The product, real Envoys and applications, on free ports of loopback, with a folder of their own. Everything ends
 * with `close`, and with the test process, however that ends.
 */
export class World implements AsyncDisposable {
  readonly folder = temporaryDirectory();
  readonly policyFile = path.join(this.folder, 'switchyard.yaml');
  readonly dataFolder = path.join(this.folder, 'data');
  readonly envoys: Proxy[] = [];
  readonly #closing: AsyncDisposable[] = [];
  #plane: ControlPlane | undefined;
  #xdsPort = 0;
  readonly #killAll = () => this.#killNow();
  readonly #endAll = () => process.exit(1);

  constructor() {
    // Before the folders are removed, into which they would still write.
    process.prependOnceListener('exit', this.#killAll);
    process.once('SIGTERM', this.#endAll);
  }

  get plane(): ControlPlane {
    if (!this.#plane) throw new Error('this world has no control plane yet: start it first');
    return this.#plane;
  }

  get xdsPort(): number {
    return this.#xdsPort;
  }

  /** Starts an application. */
  async backend(options: BackendOptions | string): Promise<Backend> {
    return this.use(await startBackend(typeof options === 'string' ? { name: options } : options));
  }

  /** Starts several plain applications. */
  backends<const N extends readonly string[]>(...names: N): Promise<{ [K in keyof N]: Backend }> {
    return Promise.all(names.map(name => this.backend(name))) as Promise<{ [K in keyof N]: Backend }>;
  }

  /** Something to be ended with the world, newest first. */
  use<T extends AsyncDisposable>(thing: T): T {
    this.#closing.push(thing);
    return thing;
  }

  port(): Promise<number> {
    return freePort();
  }

  /** Writes the policy as an editor would: to a new file, put in place of the old one. */
  save(policy: PolicyInput | string): void {
    const text = typeof policy === 'string' ? policy : JSON.stringify(policy, undefined, 2);
    writeFileSync(`${this.policyFile}.new`, text);
    renameSync(`${this.policyFile}.new`, this.policyFile);
  }

  /** Starts the control plane with a policy, then the proxies, and waits until all of them hold it and serve. */
  async start(policy: PolicyInput | string, proxies: readonly ProxyOptions[]): Promise<readonly Proxy[]> {
    this.save(policy);
    await (await this.makePlane()).start();
    const started = await Promise.all(proxies.map(each => this.startProxy(each)));
    await this.synced();
    return started;
  }

  /** Settles where the control plane will be, so that proxies can be started before it. `more`: flags of `serve`. */
  async makePlane(more: readonly string[] = []): Promise<ControlPlane> {
    this.#xdsPort = await freePort();
    const { policyFile, dataFolder } = this;
    // Requests of tests take no longer.
    const flags = ['--linger-limit', '3s', ...more];
    const adminPort = await freePort();
    this.#plane = new ControlPlane({ policyFile, dataFolder, xdsPort: this.#xdsPort, adminPort, flags });
    return this.#plane;
  }

  /** Starts one more proxy, without waiting for it. */
  async startProxy({
    id,
    cluster,
    variant = 'delta',
    streams = 'ads',
    region,
    zone,
    metadata,
    concurrency = 1,
    adminPort,
  }: ProxyOptions): Promise<Proxy> {
    const envoy = startEnvoy({
      name: id,
      concurrency,
      bootstrap: bootstrap({
        node: {
          id,
          cluster,
          ...(region === undefined ? {} : { region }),
          ...(zone === undefined ? {} : { zone }),
          ...(metadata === undefined ? {} : { metadata }),
        },
        xds: [`127.0.0.1:${this.#xdsPort}`],
        variant,
        admin: `127.0.0.1:${adminPort ?? (await freePort())}`,
        ...bootstrapDefaults,
        streams,
      }),
    });
    return this.adopt(id, envoy);
  }

  /** Takes an Envoy that was started by other means into the world. */
  adopt(id: string, envoy: RunningEnvoy): Proxy {
    const proxy: Proxy = { ...envoy, id };
    void envoy.ended.then(() => gone.add(proxy));
    this.envoys.push(proxy);
    return proxy;
  }

  /** Writes the policy and waits until it is in force, and held by every proxy. @returns the milliseconds that took. */
  async saved(policy: PolicyInput | string): Promise<number> {
    const before = (await this.plane.policy()).revision?.number ?? 0;
    const start = performance.now();
    this.save(policy);
    await until('the saved policy is in force', async () => {
      const { revision, rejected } = await this.plane.policy();
      // Tests change policies as nobody would: what they take away is meant so.
      if (rejected?.digest !== undefined)
        await this.plane.api('POST', `/api/v1/policy/accept?digest=${rejected.digest}`);
      else if (rejected) throw new Error(`it was rejected: ${JSON.stringify(rejected.problems)}`);
      return (revision?.number ?? 0) > before;
    });
    await this.synced();
    return performance.now() - start;
  }

  /** Waits until every proxy holds all that is intended for it, and has it in use. */
  async synced(): Promise<void> {
    const ids = this.envoys.filter(isRunning).map(each => each.id);
    await until(
      `${ids.join(', ')} synced`,
      async () => {
        const rows = await this.plane.proxies();
        const late = ids.map(id => rows.find(row => row.id === id) ?? id).filter(row => !isSynced(row));
        if (late.length > 0) throw new Error(JSON.stringify(late));
        return true;
      },
      60_000,
    ).catch((cause: unknown) => {
      throw new Error(`${(cause as Error).message}\n${this.plane.output}\n${this.#logs()}`, { cause });
    });
    await Promise.all(this.envoys.filter(isRunning).map(inUse));
  }

  /** One row of the sync table. */
  async proxy(id: string): Promise<ProxyReply | undefined> {
    return (await this.plane.proxies()).find(each => each.id === id);
  }

  async close(): Promise<void> {
    process.off('exit', this.#killAll);
    process.off('SIGTERM', this.#endAll);
    await Promise.all(this.envoys.map(each => each.stop()));
    await this.#plane?.stop();
    for (const thing of this.#closing.reverse()) await thing[Symbol.asyncDispose]();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #logs(): string {
    return this.envoys.map(each => `--- ${each.name}\n${each.log().slice(-2000)}`).join('\n');
  }

  #killNow(): void {
    this.#plane?.killNow();
    for (const { pid } of this.envoys.filter(isRunning)) process.kill(pid, 'SIGKILL');
  }
}

const gone = new WeakSet<Proxy>();

function isRunning(envoy: Proxy): boolean {
  return envoy.pid > 0 && !gone.has(envoy);
}

function isSynced(row: ProxyReply | string): boolean {
  return typeof row === 'object' && row.state === 'synced';
}

/** Waits until an Envoy serves and has nothing left to warm: what is acknowledged may be warming still, and serves nothing then. */
export async function inUse(envoy: RunningEnvoy): Promise<void> {
  await envoy.ready(AbortSignal.timeout(60_000));
  await until(`${envoy.name} has nothing left to warm`, async () => {
    const warming = [
      'listener_manager.total_listeners_warming',
      'cluster_manager.warming_clusters',
      'listener_manager.workers_started',
    ].map(name => envoy.stat(name));
    const [listeners, clusters, workers] = await Promise.all(warming);
    return listeners === 0 && clusters === 0 && workers === 1;
  });
}

import { join } from 'node:path';
import type { Variant } from '../../src/xds/events.ts';
import { routeName, type Size, type TypeName } from './fixtures.ts';
import type { Peer } from './peers.ts';
import { cpuOf, Led, quietCpuOf } from './process.ts';
import { fixtureFiles, type Ready } from './setup.ts';
import { makeCertificates } from './tls.ts';

/** What the load client reports; times are nanoseconds. Lists are by type, in the order of `types`. */
export interface Report {
  readonly streams: number;
  readonly ready: number;
  readonly received: number;
  readonly acknowledged: number;
  readonly ended: number;
  readonly failed: number;
  /** Bytes read from sockets. */
  readonly wire: number;
  readonly requests: number;
  readonly rejected: number;
  readonly messages: readonly number[];
  readonly resources: readonly number[];
  readonly removed: readonly number[];
  readonly payload: readonly number[];
  /** Responses that the proxy with the fewest, and the one with the most, was sent. */
  readonly least: number;
  readonly most: number;
  readonly receipt: Distribution | null;
  readonly ack: Distribution | null;
  readonly staleness: Distribution | null;
  readonly lastReady: number;
  readonly lastAck: number;
  readonly lastTraffic: number;
  readonly cpu: number;
  readonly now: number;
}

export interface Distribution {
  readonly count: number;
  readonly p50: number;
  readonly p99: number;
  readonly max: number;
}

export interface SessionOptions {
  readonly variant: Variant;
  readonly streams: number;
  readonly size: Size;
  readonly want?: readonly TypeName[];
  readonly perType?: boolean;
  readonly perConnection?: number;
  /** Names of endpoints that each proxy asks for, and of how many. */
  readonly sets?: readonly [size: number, of: number];
  /** The system places processes as it likes. */
  readonly unpinned?: boolean;
  /** Over mutual TLS. Servers that know none may not be given it. */
  readonly tls?: boolean;
}

/** A server with its proxies. The server has a core, client and driver the other one. */
export class Session {
  readonly peer: Peer;
  readonly server: Led;
  readonly client: Led;
  readonly options: SessionOptions;
  /** Between both, where there is TLS. */
  readonly #tunnel: Led | undefined;

  private constructor(peer: Peer, server: Led, client: Led, options: SessionOptions, tunnel: Led | undefined) {
    this.peer = peer;
    this.server = server;
    this.client = client;
    this.options = options;
    this.#tunnel = tunnel;
  }

  /** @returns undefined where the peer cannot be had. Rejects when not all proxies get what they ask for. */
  static async open(peer: Peer, ready: Ready, options: SessionOptions): Promise<Session | undefined> {
    const session = await Session.start(peer, ready, options);
    await session?.connect(options.streams);
    return session;
  }

  /** Without any proxy yet. */
  static async start(peer: Peer, ready: Ready, options: SessionOptions): Promise<Session | undefined> {
    const { variant, size, unpinned } = options;
    const tls = options.tls ? makeCertificates(ready.folder) : undefined;
    const command = peer.command(ready, fixtureFiles(size), variant, tls);
    if (!command) return undefined;
    const [own, other] = unpinned ? [] : [0, 1];
    const server = new Led(peer.name, command, own);
    const served = await portOf(server);
    await server.ask(`nodes ${options.streams}`);
    const tunnel = tls && new Led(`TLS of ${peer.name}`, tunnelCommand(served, tls), other);
    const port = tunnel ? await portOf(tunnel) : served;
    const client = new Led(
      `client of ${peer.name}`,
      clientCommand(ready, port, peer.route ?? routeName, options),
      other,
    );
    return new Session(peer, server, client, options, tunnel || undefined);
  }

  async connect(count: number, patience = 300_000): Promise<void> {
    const { perType = false, size, want = [] } = this.options;
    const each = perType ? 3 + size.clusters : 1;
    const known = (await this.report(0)).streams;
    await this.client.ask(`connect ${count}`);
    const wanted = perType ? known + count * (want.length > 0 ? want.length : each) : known + count;
    const { reached, have } = await this.wait(`ready ${wanted}`, patience);
    if (!reached) throw new Error(`${this.peer.name}: only ${have} of ${wanted} streams got what they ask for`);
    await this.settle();
    await this.client.ask('learn off');
  }

  /** Waits until neither side has anything to do. */
  async settle(): Promise<void> {
    await this.wait('quiet 100', 120_000);
    await quietCpuOf(this.server.pid);
  }

  async wait(what: string, patience: number): Promise<{ readonly reached: boolean; readonly have: number }> {
    return JSON.parse(await this.client.ask(`wait ${what} ${patience}`)) as { reached: boolean; have: number };
  }

  async report(since: number): Promise<Report> {
    return JSON.parse(await this.client.ask(`report ${since}`)) as Report;
  }

  /** Brings a change about and waits until `count` proxies have acknowledged it, and the server rests. */
  async push(change: string, type: TypeName, count = this.options.streams, patience = 120_000): Promise<Push> {
    const armed = JSON.parse(await this.client.ask(`arm ${type}`)) as { readonly cpu: number };
    const before = cpuOf(this.server.pid);
    const [, asked = '0', applied = '0'] = (await this.server.ask(`change ${change}`)).split(' ');
    const { reached } = await this.wait(`acked ${count}`, patience);
    const acknowledged = await this.report(Number(asked));
    await this.wait('quiet 20', patience);
    const after = await quietCpuOf(this.server.pid);
    const report = await this.report(Number(asked));
    const busy = acknowledged.cpu - armed.cpu;
    return {
      complete: reached && report.acknowledged === count && report.ended === 0,
      cpu: after - before,
      wall: report.lastAck - Number(asked),
      apply: Number(applied) - Number(asked),
      clientShare: busy / Math.max(1, acknowledged.now - Number(asked)),
      report,
    };
  }

  async status(): Promise<Readonly<Record<string, number>>> {
    return JSON.parse((await this.server.ask('status')).slice('status '.length)) as Record<string, number>;
  }

  /** Bytes resident, once what is garbage is collected. */
  async restingBytes(): Promise<number> {
    await this.server.ask('gc');
    return Number((await this.server.ask('gc')).split(' ')[1]);
  }

  async close(): Promise<void> {
    await Promise.all([this.server.stop(), this.client.stop(), this.#tunnel?.stop()]);
  }
}

/** One change, from its cause to rest. Times are nanoseconds. */
export interface Push {
  /** Every proxy that should has received and acknowledged it, and no stream has ended. */
  readonly complete: boolean;
  readonly cpu: number;
  /** Until the last acknowledgement was sent. */
  readonly wall: number;
  /** That the call which brings it about took. */
  readonly apply: number;
  /** Of a core, that the client used meanwhile. */
  readonly clientShare: number;
  readonly report: Report;
}

/** A server says it by itself. */
async function portOf(server: Led): Promise<string> {
  const [, port = ''] = (await server.ask('')).split(' ');
  return port;
}

function tunnelCommand(to: string, tls: string): readonly string[] {
  return [process.execPath, join(import.meta.dirname, 'servers/tls-tunnel.ts'), '--to', to, '--tls', tls];
}

function clientCommand(ready: Ready, port: string, route: string, options: SessionOptions): readonly string[] {
  const { variant, perType = false, perConnection = 1, want = [], sets } = options;
  return [
    ...[ready.client, '--port', port, '--variant', variant, '--node', ready.node, '--route', route],
    ...['--streams', perType ? 'per-type' : 'ads', '--per-connection', String(perConnection)],
    ...(want.length > 0 ? ['--want', want.join(',')] : []),
    ...(sets ? ['--sets', sets.join(',')] : []),
  ];
}

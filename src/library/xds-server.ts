import type { Server, ServerCredentials } from '@grpc/grpc-js';
import type { ServerTls } from '../base/server-tls.ts';
import { Fleet } from '../fleet/fleet.ts';
import type { ProxyStatus } from '../fleet/proxy.ts';
import { type WaitResult, waitAcked } from '../fleet/wait.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import type { RejectionSettings } from '../xds/client-state.ts';
import type { XdsEvent } from '../xds/events.ts';
import { defaultLimits, limitMistakes, type XdsLimits } from '../xds/limits.ts';
import type { OrderSettings } from '../xds/order-state.ts';
import { type TransportName, transportNames } from '../xds/rpc.ts';
import { defaultXdsSettings, type OtherServices, XdsService } from '../xds/service.ts';
import { HookQueue, type Hooks, type Report } from './hooks.ts';
import type { SnapshotBoard } from './snapshot-board.ts';

/** Where a client stands: its node, its key, and how far it has come with each type. */
export type ClientStatus = ProxyStatus;

/** Times are milliseconds. */
export interface XdsServerOptions {
  /** What speaks HTTP/2 and gRPC for a server of our own: `grpc-js`, if left out, or `http2`, which costs less. */
  readonly transport?: TransportName;
  /** What clients show as their control plane; `switchyard` if left out. */
  readonly identifier?: string;
  /** What clients may ask of it. Those of messages, connections and streams on a connection are of a server of our own. */
  readonly limits?: Partial<XdsLimits>;
  /** Between pings on a silent connection (15 s), and until one without answer is given up (10 s). Likewise. */
  readonly keepaliveTime?: number;
  readonly keepaliveTimeout?: number;
  /**
   * Make before break. `gateLimit` (5 s): how long listeners and routes wait at most for clusters to be acknowledged.
   * `linger` (1 s): how long clusters that routes no longer lead to stay. 0 does away with either.
   */
  readonly order?: Partial<OrderSettings>;
  /**
   * After a rejection, find out which resources are to blame, keep those from the client and send it everything else.
   * Off if left out: what was rejected is sent again when something changes, and not before.
   */
  readonly isolateRejections?: boolean | Partial<RejectionSettings>;
  readonly hooks?: Hooks;
  /** Is told of hooks that failed; standard error if left out. */
  readonly report?: Report;
}

/** Which services there are beside discovery. All of them if left out, on a server of the caller's only client status. */
export type ServiceChoice = OtherServices;

export interface ListenOptions extends ServiceChoice {
  /** Address of this machine to listen on; `127.0.0.1` if left out. */
  readonly host?: string;
  /** 0 picks a free one; 18000 if left out. */
  readonly port?: number;
  /** TLS with certificates of clients, which are required, on either transport. */
  readonly tls?: ServerTls;
  /** Of grpc-js, for TLS on that transport, instead. Without either, connections are in plain text. */
  readonly credentials?: ServerCredentials;
}

export interface WaitAckedOptions {
  /** Ends the waiting; what has come by then is the result. Milliseconds instead of a signal are a limit. */
  readonly signal?: AbortSignal;
  readonly timeout?: number;
}

/** Gives clients over gRPC the snapshots of a board: ADS and a service for each type, SotW and delta. */
export class XdsServer {
  readonly #board: SnapshotBoard;
  readonly #fleet = new Fleet();
  readonly #service: XdsService;
  #listening = false;

  constructor(board: SnapshotBoard, options: XdsServerOptions = {}) {
    const { order, limits, isolateRejections, hooks = {}, report = toStandardError, ...settings } = options;
    refuse([...limitMistakes(given(limits)), ...timeMistakes(options), ...transportMistake(options)]);
    const queue = new HookQueue(hooks, report);
    const emit = (event: XdsEvent): void => {
      this.#fleet.apply(event);
      queue.event(event);
    };
    this.#board = board;
    this.#service = new XdsService(
      board.publications,
      {
        ...defaultXdsSettings,
        ...given(settings),
        order: { ...defaultXdsSettings.order, linger: 1_000, ...given(order) },
        limits: { ...defaultLimits, ...given(limits) },
        rejection: rejectionSettings(isolateRejections),
      },
      emit,
      this.#fleet,
      queue.tap,
    );
  }

  /** @returns the port. Rejects with what to do when the address cannot be had. Once only. */
  async listen(options: ListenOptions = {}): Promise<number> {
    if (this.#listening) throw new Error('this server listens already');
    this.#listening = true;
    try {
      return await this.#service.listen(given(options));
    } catch (error) {
      this.#listening = false;
      throw error;
    }
  }

  /**
   * Adds the services to a gRPC server of the caller's, instead of `listen` or beside it. Its options, connections and end
   * are the caller's: give it `grpc.max_send_message_length: -1` and a limit for received messages of some MiB, and end it
   * after `close`. Throws when it has one of the services already.
   */
  register(server: Server, services: ServiceChoice = {}): void {
    this.#service.register(server, { health: false, reflection: false, loadReports: false, ...services });
  }

  /** Connected clients that have said who they are, longest connected first. A snapshot, never changed afterwards. */
  clients(): readonly ClientStatus[] {
    return this.#fleet.proxies();
  }

  /**
   * Waits until every connected client of the keys has acknowledged what is in force for its key, of all types that it has
   * asked for, or has rejected it. Without keys: of all keys. Never rejects; `concerned: 0` is nobody, which is not success.
   */
  waitAcked(keys?: Iterable<string>, { signal, timeout }: WaitAckedOptions = {}): Promise<WaitResult> {
    const targets = new Map<string, Snapshot>();
    for (const key of keys ?? this.#board.keys()) {
      const snapshot = this.#board.get(key);
      if (snapshot) targets.set(key, snapshot);
    }
    const limits = [...(signal ? [signal] : []), ...(timeout === undefined ? [] : [AbortSignal.timeout(timeout)])];
    const { publications: board } = this.#board;
    return waitAcked({ fleet: this.#fleet, board, targets, signal: AbortSignal.any(limits) });
  }

  /** Sends a node once more what it has rejected, if `isolateRejections` is set. @returns whether it is connected. */
  retry(nodeId: string): boolean {
    return this.#service.retry(nodeId);
  }

  /**
   * Takes no more streams, ends those that there are as OK, after their first answer where they have had none, and then its
   * connections. Clients keep what they have. Resolves when all has ended, after `within` milliseconds at the latest.
   */
  async close({ within = 2_000 }: { readonly within?: number } = {}): Promise<void> {
    await this.#service.close(AbortSignal.timeout(within));
  }
}

/** Times are set in milliseconds: 0 is none, and nothing else than a finite number can be waited for. */
function timeMistakes({ order = {}, isolateRejections: isolate, ...rest }: XdsServerOptions): readonly string[] {
  const { keepaliveTime, keepaliveTimeout } = rest;
  const rejection = typeof isolate === 'object' ? isolate : {};
  const positive = { keepaliveTime, keepaliveTimeout };
  return [
    ...Object.entries({ ...order, ...rejection }).flatMap(([name, value]) => timeMistake(name, value, 0)),
    ...Object.entries(positive).flatMap(([name, value]) => timeMistake(name, value, 1)),
  ];
}

function transportMistake({ transport = 'grpc-js' }: XdsServerOptions): readonly string[] {
  return transportNames.includes(transport) ? [] : [`transport must be ${transportNames.join(' or ')}`];
}

function timeMistake(name: string, value: number | undefined, least: number): readonly string[] {
  if (value === undefined || (value >= least && value <= LONGEST)) return [];
  return [`${name} must be from ${least} to ${LONGEST} milliseconds, not ${value}`];
}

/** What a timer of Node can wait. */
const LONGEST = 2 ** 31 - 1;

function refuse(mistakes: readonly string[]): void {
  if (mistakes.length > 0) throw new RangeError(mistakes.join('; '));
}

function rejectionSettings(isolate: XdsServerOptions['isolateRejections']): RejectionSettings | undefined {
  if (isolate === undefined || isolate === false) return undefined;
  return { ...defaultXdsSettings.rejection, ...(isolate === true ? {} : given(isolate)) };
}

/** Without what is there and undefined, which stands for the default as well. */
function given<T extends object>(options: T | undefined): Partial<T> {
  const entries = Object.entries(options ?? {}).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as Partial<T>;
}

function toStandardError(message: string, error: unknown): void {
  console.error(`switchyard: ${message}:`, error);
}

import type { Board } from '../snapshot/board.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import type { Fleet } from './fleet.ts';
import type { ProxyStatus, WithheldResource } from './proxy.ts';

export interface MissingProxy {
  /** Node id. */
  readonly id: string;
  readonly fleet: string;
  /** Type URLs that it has not acknowledged. */
  readonly types: readonly string[];
  readonly reason: 'pending' | 'rejected';
  /** The same in words; of a rejection, Envoy's. */
  readonly why: string;
  /** A content that it rejected, if that is known. */
  readonly rejected?: WithheldResource;
}

export interface WaitResult {
  /** Proxies of the fleets that were connected, from the beginning or later, and still are. 0 is not success. */
  readonly concerned: number;
  readonly acked: number;
  readonly missing: readonly MissingProxy[];
  /** Node ids that were waited for and disconnected, or went to another fleet. */
  readonly departed: readonly string[];
}

export interface WaitOptions {
  readonly fleet: Fleet;
  readonly board: Board;
  /** Fleet key → the snapshot to be acknowledged. One published later counts as well: the newest wins. */
  readonly targets: ReadonlyMap<string, Snapshot>;
  /** Ends the waiting; the result then says who is missing. */
  readonly signal: AbortSignal;
}

/**
 * Waits until every connected proxy of the targets' fleets has acknowledged all types that it has asked for, or has
 * rejected one: who has rejected is not waited for longer than for the others. Never rejects.
 */
export function waitAcked(options: WaitOptions): Promise<WaitResult> {
  const wait = new Wait(options);
  return wait.result;
}

class Wait {
  readonly result: Promise<WaitResult>;
  readonly #options: WaitOptions;
  /** Fleet key → type URL → versions that count as acknowledged. */
  readonly #accepted = new Map<string, Map<string, Set<string>>>();
  readonly #missing = new Map<number, MissingProxy>();
  readonly #acked = new Map<number, string>();
  readonly #departed = new Set<string>();
  #finish: (result: WaitResult) => void = () => {};
  #endings: readonly (() => void)[] = [];

  constructor(options: WaitOptions) {
    this.#options = options;
    this.result = new Promise(resolve => {
      this.#finish = resolve;
    });
    const { fleet, board, targets, signal } = options;
    for (const [key, snapshot] of targets) this.#accept(key, snapshot);
    this.#acceptNewest();
    for (const proxy of fleet.proxies()) this.#look(proxy.clientId);
    const onAbort = (): void => this.#end();
    this.#endings = [
      fleet.onChange(clientId => this.#changed(clientId)),
      board.subscribe(() => this.#published()),
      () => signal.removeEventListener('abort', onAbort),
    ];
    signal.addEventListener('abort', onAbort);
    if (signal.aborted) this.#end();
    else this.#endIfDone();
  }

  /** Who holds the newest already, after something was undone, will have nothing to acknowledge. */
  #published(): void {
    this.#acceptNewest();
    for (const clientId of [...this.#missing.keys()]) this.#look(clientId);
    this.#endIfDone();
  }

  #acceptNewest(): void {
    for (const key of this.#options.targets.keys()) {
      const newest = this.#options.board.current?.snapshots.get(key);
      if (newest) this.#accept(key, newest);
    }
  }

  #accept(key: string, snapshot: Snapshot): void {
    const types = this.#accepted.get(key) ?? new Map<string, Set<string>>();
    this.#accepted.set(key, types);
    for (const [url, { version }] of snapshot.types) types.set(url, (types.get(url) ?? new Set()).add(version));
  }

  #changed(clientId: number): void {
    this.#look(clientId);
    this.#endIfDone();
  }

  #look(clientId: number): void {
    const proxy = this.#options.fleet.proxy(clientId);
    const key = proxy?.assignment?.kind === 'assigned' ? proxy.assignment.key : undefined;
    const accepted = key === undefined ? undefined : this.#accepted.get(key);
    if (!proxy || key === undefined || !accepted) {
      this.#forget(clientId);
      return;
    }
    const missing = missingOf(proxy, key, accepted);
    if (missing) {
      this.#missing.set(clientId, missing);
      this.#acked.delete(clientId);
    } else {
      this.#acked.set(clientId, proxy.node.id);
      this.#missing.delete(clientId);
    }
  }

  #forget(clientId: number): void {
    const id = this.#missing.get(clientId)?.id ?? this.#acked.get(clientId);
    if (id !== undefined) this.#departed.add(id);
    this.#missing.delete(clientId);
    this.#acked.delete(clientId);
  }

  #endIfDone(): void {
    for (const { reason } of this.#missing.values()) if (reason === 'pending') return;
    this.#end();
  }

  #end(): void {
    for (const end of this.#endings) end();
    const missing = [...this.#missing.values()];
    const acked = this.#acked.size;
    this.#finish({ concerned: acked + missing.length, acked, missing, departed: [...this.#departed] });
  }
}

function missingOf(
  proxy: ProxyStatus,
  fleet: string,
  accepted: ReadonlyMap<string, ReadonlySet<string>>,
): MissingProxy | undefined {
  const { id } = proxy.node;
  const asked = [...proxy.types.values()].filter(type => type.state !== 'notAsked' && accepted.has(type.typeUrl));
  if (asked.length === 0) {
    return { id, fleet, types: [], reason: 'pending', why: 'it has just connected and not asked for anything yet' };
  }
  const behind = asked.filter(({ typeUrl, acked }) => acked === undefined || !accepted.get(typeUrl)?.has(acked));
  if (behind.length === 0) return undefined;
  const types = behind.map(each => each.typeUrl);
  const { rejects = [], suspects = [] } = proxy.withheld ?? {};
  const withheld = [...rejects, ...suspects].find(each => types.includes(each.typeUrl));
  if (withheld) {
    const why = `it rejected ${withheld.name}: ${withheld.message}`;
    return { id, fleet, types, reason: 'rejected', why, rejected: withheld };
  }
  const rejected = behind.find(({ state }) => state === 'rejected');
  if (!rejected?.rejection) {
    return { id, fleet, types, reason: 'pending', why: `it has not acknowledged ${types.map(shortName).join(', ')}` };
  }
  const { version, message } = rejected.rejection;
  const why = `it rejected ${shortName(rejected.typeUrl)}: ${message}`;
  // Rejected before the target was made: the target may still be on its way.
  const final = accepted.get(rejected.typeUrl)?.has(version) === true;
  return { id, fleet, types, reason: final ? 'rejected' : 'pending', why };
}

/** `Cluster` of `type.googleapis.com/envoy.config.cluster.v3.Cluster`. */
function shortName(typeUrl: string): string {
  return typeUrl.slice(typeUrl.lastIndexOf('.') + 1);
}

import type { Snapshot, TypeSnapshot } from '../snapshot/snapshot.ts';
import type { ProxyStatus, WithheldResource } from './proxy.ts';

/** Milliseconds within which proxies come back after a restart; Envoy waits up to 30 s between attempts. */
const RETURN = 60_000;

/**
 * What proxies of a fleet have accepted, also those that have gone since: whoever connects while they are away must not
 * be able to take it from them (P12). Keeps a set for each fleet and type, and copies nothing.
 */
export class AcceptedContents {
  readonly #sets = new Map<string, TypeSnapshot>();
  readonly #first: ReadonlyMap<string, Snapshot>;
  readonly #since: number;

  /**
   * @param first what was served from the store at the start, which those may have accepted who are not back yet.
   * @param since that start, in milliseconds since the epoch.
   */
  constructor(first: ReadonlyMap<string, Snapshot> = new Map(), since = 0) {
    this.#first = first;
    this.#since = since;
  }

  /** Takes down what the proxy has accepted of what its fleet is sent now. */
  see({ assignment, types }: ProxyStatus, snapshots: ReadonlyMap<string, Snapshot>): void {
    if (assignment?.kind !== 'assigned') return;
    const sent = snapshots.get(assignment.key)?.types;
    for (const { typeUrl, acked } of types.values()) {
      const set = sent?.get(typeUrl);
      if (set && acked === set.version) this.#sets.set(keyOf(assignment.key, typeUrl), set);
    }
  }

  has(fleet: string, { typeUrl, name, version }: WithheldResource): boolean {
    return this.#sets.get(keyOf(fleet, typeUrl))?.resources.get(name)?.version === version;
  }

  /** Milliseconds that those who may have accepted it before the restart still have to come back; not above 0: none. */
  returnOf(fleet: string, { typeUrl, name, version }: WithheldResource, now: number): number {
    const before = this.#first.get(fleet)?.types.get(typeUrl)?.resources.get(name)?.version;
    return before === version ? RETURN - (now - this.#since) : 0;
  }
}

function keyOf(fleet: string, typeUrl: string): string {
  return `${typeUrl} ${fleet}`;
}

import type { EncodedResource, Snapshot, TypeSnapshot } from '../snapshot/snapshot.ts';
import { heldOf } from '../snapshot/withhold.ts';
import type { ProxyStatus, WithheldResource } from './proxy.ts';

/** Milliseconds within which proxies come back after a restart; Envoy waits up to 30 s between attempts. */
const RETURN = 60_000;
/** Sets of a type that acknowledgements may still come for, and sets that are kept of those that were acknowledged. */
const MOST_PUBLISHED = 4;
const MOST_PROVEN = 8;

type Content = Pick<WithheldResource, 'typeUrl' | 'name' | 'version'>;

interface Published {
  readonly set: TypeSnapshot;
  /** Which one it was. */
  readonly order: number;
}

/** What proxies hold of a published set: all of it, or what is left where something is withheld from them. */
interface Proven extends Published {
  readonly whole: boolean;
}

/** Newest first. */
interface OfType {
  readonly published: readonly Published[];
  readonly proven: readonly Proven[];
}

const nothing: OfType = { published: [], proven: [] };

/**
 * What proxies of a fleet have accepted, also those that have gone since: whoever connects while they are away must not
 * be able to take it from them (P12). Keeps a few sets for each fleet that there is and each type, and copies nothing.
 */
export class AcceptedContents {
  /** By fleet, then by type URL. */
  readonly #fleets = new Map<string, Map<string, OfType>>();
  #first: ReadonlyMap<string, Snapshot>;
  readonly #since: number;
  #count = 0;

  /**
   * @param first what was served from the store at the start, which those may have accepted who are not back yet.
   * @param since that start, in milliseconds since the epoch.
   */
  constructor(first: ReadonlyMap<string, Snapshot> = new Map(), since = 0) {
    this.#first = first;
    this.#since = since;
    this.published(first, since);
  }

  /** From now on fleets are sent these. What was of other fleets is forgotten. @param now milliseconds since the epoch. */
  published(snapshots: ReadonlyMap<string, Snapshot>, now: number): void {
    if (now - this.#since >= RETURN) this.#first = new Map();
    this.#count++;
    for (const key of this.#fleets.keys()) if (!snapshots.has(key)) this.#fleets.delete(key);
    for (const [key, { types }] of snapshots) {
      const fleet = this.#fleets.get(key) ?? new Map<string, OfType>();
      this.#fleets.set(key, fleet);
      for (const [typeUrl, set] of types) {
        const { published, proven } = fleet.get(typeUrl) ?? nothing;
        if (published[0]?.set === set) continue;
        const earlier = published.filter(each => each.set !== set).slice(0, MOST_PUBLISHED - 1);
        fleet.set(typeUrl, { published: [{ set, order: this.#count }, ...earlier], proven });
      }
    }
  }

  /** Takes down what the proxy has accepted of what its fleet is sent, or was not long ago. */
  see({ assignment, types }: ProxyStatus): void {
    const fleet = assignment?.kind === 'assigned' ? this.#fleets.get(assignment.key) : undefined;
    if (!fleet) return;
    for (const { typeUrl, acked } of types.values()) {
      const known = fleet.get(typeUrl);
      if (!known || acked === undefined || known.proven[0]?.set.version === acked) continue;
      const found = provenBy(known.published, acked);
      if (found) fleet.set(typeUrl, { ...known, proven: withProven(known.proven, found) });
    }
  }

  has(fleet: string, { typeUrl, name, version }: Content): boolean {
    return this.#proven(fleet, typeUrl).some(({ set }) => set.resources.get(name)?.version === version);
  }

  /** The newest other content of the name that a proxy of the fleet is known to have accepted. */
  lastGood(fleet: string, { typeUrl, name, version }: Content): EncodedResource | undefined {
    for (const { set } of this.#proven(fleet, typeUrl)) {
      const content = set.resources.get(name);
      if (content && content.version !== version) return content;
    }
    return undefined;
  }

  /**
   * Milliseconds that those still have to come back who may have accepted it before the restart, or another content of
   * the name of which nothing is known now; not above 0: nobody is waited for.
   */
  returnOf(fleet: string, content: Content, now: number): number {
    const left = RETURN - (now - this.#since);
    const { typeUrl, name, version } = content;
    const before = this.#first.get(fleet)?.types.get(typeUrl)?.resources.get(name)?.version;
    if (before === undefined) return 0;
    return before === version || !this.lastGood(fleet, content) ? left : 0;
  }

  #proven(fleet: string, typeUrl: string): readonly Proven[] {
    return this.#fleets.get(fleet)?.get(typeUrl)?.proven ?? [];
  }
}

function provenBy(published: readonly Published[], acked: string): Proven | undefined {
  for (const { set: made, order } of published) {
    const set = heldOf(made, acked);
    if (set) return { set, order, whole: set === made };
  }
  return undefined;
}

/** Whoever holds all of a set has accepted what it has in place of all that came before. */
function withProven(known: readonly Proven[], found: Proven): readonly Proven[] {
  const isOld = known.some(each => each.order >= found.order && (each.whole || each.set === found.set));
  if (isOld) return known;
  const others = known.filter(({ set, order }) => set !== found.set && !(found.whole && order <= found.order));
  const all = [...others, found].sort((a, b) => b.order - a.order);
  // The last is the one that somebody held all of.
  return all.length <= MOST_PROVEN ? all : [...all.slice(0, MOST_PROVEN - 1), ...all.slice(-1)];
}

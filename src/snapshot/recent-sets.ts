import type { Board } from './board.ts';
import type { Snapshot, TypeSnapshot } from './snapshot.ts';
import { heldOf } from './withhold.ts';

/** Sets of a type that are kept of what a fleet was sent; the newest is one. */
const MOST_SETS = 4;

interface Sent {
  readonly set: TypeSnapshot;
  /** When it was first published, in milliseconds since the epoch. */
  readonly at: number;
}

/**
 * What fleets were sent lately: so that it can be shown what a proxy holds that is behind, and for how long it has been.
 * Copies nothing.
 */
export class RecentSets {
  /** By fleet key, then by type URL; the newest first. */
  readonly #fleets = new Map<string, Map<string, readonly Sent[]>>();

  /** @param now milliseconds since the epoch. */
  constructor(board: Pick<Board, 'current' | 'subscribe'>, now: () => number) {
    const see = () => this.#see(board.current?.snapshots ?? new Map(), now());
    see();
    board.subscribe(see);
  }

  /** When what a fleet is to hold of a type was published. */
  since(fleet: string, typeUrl: string): number | undefined {
    return this.#sets(fleet, typeUrl)[0]?.at;
  }

  /** What a proxy of the fleet holds that has acknowledged this version; undefined if that is too long ago. */
  held(fleet: string, typeUrl: string, acked: string | undefined): TypeSnapshot | undefined {
    for (const { set } of this.#sets(fleet, typeUrl)) {
      const found = heldOf(set, acked);
      if (found) return found;
    }
    return undefined;
  }

  #sets(fleet: string, typeUrl: string): readonly Sent[] {
    return this.#fleets.get(fleet)?.get(typeUrl) ?? [];
  }

  #see(snapshots: ReadonlyMap<string, Snapshot>, at: number): void {
    for (const key of this.#fleets.keys()) if (!snapshots.has(key)) this.#fleets.delete(key);
    for (const [key, { types }] of snapshots) {
      const fleet = this.#fleets.get(key) ?? new Map<string, readonly Sent[]>();
      this.#fleets.set(key, fleet);
      for (const [typeUrl, set] of types) {
        const sets = fleet.get(typeUrl) ?? [];
        if (sets[0]?.set.version === set.version) continue;
        const earlier = sets.filter(each => each.set.version !== set.version).slice(0, MOST_SETS - 1);
        fleet.set(typeUrl, [{ set, at }, ...earlier]);
      }
    }
  }
}

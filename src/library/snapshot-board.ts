import { type Assignment, Board, type NodeIdentity, type Publication } from '../snapshot/board.ts';
import { changedSnapshot, type RawChange, type RawResource, rawSnapshot, type TypeVersions } from '../snapshot/raw.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import type { ResourceOrError } from './resource.ts';

/** Which snapshot a node is given, by its key; undefined: none. Must be quick, and depend on the node alone. */
export type KeyOf = (node: NodeIdentity) => string | undefined;

/** Settings of a snapshot. */
export interface SnapshotOptions {
  /**
   * Versions of types by hand: one for all, or by type URL. They are what clients see as `version_info` and
   * `system_version_info`. Without, a type has the hash of its content.
   */
  readonly versions?: TypeVersions;
  /** Of equal content, its very objects are used again. */
  readonly previous?: Snapshot;
}

/**
 * A snapshot of resources as they are, unchecked; `checkConsistency` and `validate` look for mistakes. Their order is
 * irrelevant; of two with one type and name the last counts. It can be set for many keys.
 *
 * @throws Error when a version by hand is that of another content in `previous`, or empty, and of what cannot be sent: a
 * name or version that is ill-formed or has control characters, a negative `ttl`, no `value`, an unknown error code.
 */
export function createSnapshot(
  resources: Iterable<ResourceOrError>,
  { versions, previous }: SnapshotOptions = {},
): Snapshot {
  return rawSnapshot('', [...resources], previous, versions === undefined ? {} : { versions });
}

/** What is to be another in a key's snapshot. Of a name that is removed and put, what is put counts. */
export type SnapshotChange = RawChange;

/**
 * The snapshots that are in force, by key. Nodes whose key has none are sent nothing, and keep what they have.
 *
 * A change takes effect at once, and reaches clients after the present turn of the event loop, so that changes made
 * together travel together. What is equal to what was there before is not sent: content is compared, not objects.
 */
export class SnapshotBoard {
  /** What the server watches. */
  readonly publications = new Board();
  readonly #snapshots = new Map<string, Snapshot>();
  #assign: Publication['assign'];

  /** @param keyOf one for each node id, if left out. */
  constructor(keyOf: KeyOf = node => node.id) {
    this.#assign = assignment(keyOf);
  }

  get(key: string): Snapshot | undefined {
    return this.#snapshots.get(key);
  }

  keys(): readonly string[] {
    return [...this.#snapshots.keys()];
  }

  /**
   * What the nodes of the key are to hold from now on, in place of all that was there.
   *
   * @returns the snapshot; the very one that was there if it is equal. @throws Error as `createSnapshot` does.
   */
  set(
    key: string,
    content: Snapshot | Iterable<ResourceOrError>,
    { versions }: Pick<SnapshotOptions, 'versions'> = {},
  ): Snapshot {
    const previous = this.#snapshots.get(key);
    const snapshot =
      'types' in content
        ? content
        : createSnapshot(content, { ...(versions !== undefined && { versions }), ...(previous && { previous }) });
    return this.#keep(key, snapshot);
  }

  /**
   * Changes single resources, all in one go, and leaves the others as they are. A type that changes and is given no
   * version has the hash of its content. A key without a snapshot is given one when something is put: a snapshot of
   * nothing would take everything from its nodes, and that is for `set`.
   *
   * @returns the snapshot; of a key that stays without one, what would have been in force, which has nothing. @throws Error as `createSnapshot` does; nothing has then changed.
   */
  update(key: string, change: SnapshotChange): Snapshot {
    const known = this.#snapshots.get(key);
    const next = changedSnapshot(known ?? createSnapshot([]), change);
    return known || change.put?.length ? this.#keep(key, next) : next;
  }

  /** Adds resources, or replaces those of the same type and name. */
  put(key: string, ...resources: readonly ResourceOrError[]): Snapshot {
    return this.update(key, { put: resources });
  }

  /** Removes resources of a type; names that are not there are passed over, and do not give a key a snapshot. */
  remove(key: string, typeUrl: RawResource['typeUrl'], ...names: readonly string[]): Snapshot {
    return this.update(key, { remove: names.map(name => ({ typeUrl, name })) });
  }

  /**
   * Takes the key's snapshot away. Nobody is sent anything for that: its nodes keep what they have, new ones of them wait
   * until the key is set again. To take resources from nodes, set an empty list. @returns whether there was one.
   */
  clear(key: string): boolean {
    const known = this.#snapshots.delete(key);
    if (known) this.#publish();
    return known;
  }

  /** Another rule for keys. Every connected node is asked for its key again, and given that one's snapshot. */
  assign(keyOf: KeyOf): void {
    this.#assign = assignment(keyOf);
    this.#publish();
  }

  #keep(key: string, snapshot: Snapshot): Snapshot {
    if (this.#snapshots.get(key) === snapshot) return snapshot;
    this.#snapshots.set(key, snapshot);
    this.#publish();
    return snapshot;
  }

  #publish(): void {
    // The map itself, since a copy of thousands of keys for each change would cost more than the change.
    this.publications.publish({ snapshots: this.#snapshots, assign: this.#assign });
  }
}

function assignment(keyOf: KeyOf): Publication['assign'] {
  return (node): Assignment => {
    try {
      const key = keyOf(node);
      if (key !== undefined) return { kind: 'assigned', key };
      return { kind: 'unmatched', nearest: undefined, why: 'the board has no key for this node' };
    } catch (error) {
      // A fault of one rule must end nobody's stream.
      const reason = error instanceof Error ? error.message : String(error);
      return { kind: 'unmatched', nearest: undefined, why: `the rule for keys failed: ${reason}` };
    }
  };
}

import type { Snapshot } from '../snapshot/snapshot.ts';
import type { PublicationCause, PublicationRecord, Store } from '../store/store.ts';
import type { Clock } from './clock.ts';

/** Why fleets are sent something else. */
export interface Occasion {
  readonly cause: PublicationCause;
  readonly author: string;
  /** In one line. */
  readonly what: string;
}

export interface PublicationLogOptions {
  readonly store: Store;
  readonly clock: Clock;
  readonly report: (message: string, error: unknown) => void;
}

/** Milliseconds until they are stored together: nobody waits for it, and each write is a wait for the disk. */
const gathering = 1000;
/** Of those that could not be stored yet. */
const mostKept = 1000;

/** Remembers what fleets were sent when, and why. Stored a little later: what a crash loses of it, revisions tell. */
export class PublicationLog {
  readonly #options: PublicationLogOptions;
  #fresh: PublicationRecord[] = [];
  #last = 0;
  #versions: ReadonlyMap<string, string> = new Map();
  #timer: NodeJS.Timeout | undefined;
  #fails = false;

  constructor(options: PublicationLogOptions) {
    this.#options = options;
    const stored = options.store.publications();
    this.#last = stored.at(-1)?.number ?? 0;
    const versions = new Map<string, string>();
    for (const { fleets } of stored) {
      for (const [key, version] of Object.entries(fleets)) {
        if (version === null) versions.delete(key);
        else versions.set(key, version);
      }
    }
    this.#versions = versions;
  }

  /** Oldest first. */
  get records(): readonly PublicationRecord[] {
    return [...this.#options.store.publications(), ...this.#fresh];
  }

  /** Fleets hold these from now on. Where nothing is other than before, nothing is written down. */
  add(snapshots: ReadonlyMap<string, Snapshot>, revision: number, { cause, author, what }: Occasion): void {
    const fleets: Record<string, string | null> = {};
    for (const [key, { version }] of snapshots) if (this.#versions.get(key) !== version) fleets[key] = version;
    for (const key of this.#versions.keys()) if (!snapshots.has(key)) fleets[key] = null;
    if (Object.keys(fleets).length === 0) return;
    this.#versions = new Map([...snapshots].map(([key, { version }]) => [key, version]));
    this.#last += 1;
    const about = { cause, author, what, fleets };
    this.#fresh.push({ number: this.#last, at: this.#options.clock.now(), revision, ...about });
    if (this.#fresh.length > mostKept) this.#fresh.shift();
    this.#timer ??= setTimeout(() => this.flush(), gathering).unref();
  }

  /** Stores what is not stored yet; where that fails, it is tried again with the next. */
  flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#fresh.length === 0) return;
    const { store, report } = this.#options;
    try {
      store.addPublications(this.#fresh);
      this.#fresh = [];
      this.#fails = false;
    } catch (error) {
      if (!this.#fails) report('what fleets were sent was not written down', error);
      this.#fails = true;
    }
  }
}

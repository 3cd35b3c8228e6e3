import type { PublicationRecord } from './store.ts';

/** Bounds the sum of fleets over all records: one publication may concern thousands. */
const mostFleets = 200_000;

/** Which publications there were, as many as fit. Of each fleet the newest stays whatever its age. */
export class PublicationHistory {
  readonly #most: number;
  readonly #records = new Map<number, PublicationRecord>();
  /** Fleet key → the newest record that names it. */
  readonly #newest = new Map<string, number>();
  #fleets = 0;

  constructor(most: number) {
    this.#most = most;
  }

  /** Oldest first. */
  get all(): readonly PublicationRecord[] {
    return [...this.#records.values()];
  }

  /** @returns the numbers of those that are kept no longer. */
  add(records: readonly PublicationRecord[]): readonly number[] {
    for (const record of records) {
      this.#records.set(record.number, record);
      for (const key of Object.keys(record.fleets)) this.#newest.set(key, record.number);
      this.#fleets += Object.keys(record.fleets).length;
    }
    const dropped: number[] = [];
    for (const record of this.#records.values()) {
      if (this.#records.size <= this.#most && this.#fleets <= mostFleets) break;
      if (this.#isNeeded(record)) continue;
      dropped.push(record.number);
      this.#records.delete(record.number);
      this.#fleets -= Object.keys(record.fleets).length;
    }
    return dropped;
  }

  /** Without it nobody would know what a fleet has been sent since. */
  #isNeeded({ number, fleets }: PublicationRecord): boolean {
    return Object.entries(fleets).some(([key, version]) => version !== null && this.#newest.get(key) === number);
  }
}

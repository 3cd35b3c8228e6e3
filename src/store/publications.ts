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

  /** The numbers of those that would be kept no longer if these came in. Nothing changes. */
  over(records: readonly PublicationRecord[]): readonly number[] {
    const newest = new Map(records.flatMap(({ number, fleets }) => Object.keys(fleets).map(key => [key, number])));
    const isNeeded = ({ number, fleets }: PublicationRecord) =>
      Object.entries(fleets).some(
        ([key, version]) => version !== null && (newest.get(key) ?? this.#newest.get(key)) === number,
      );
    let size = this.#records.size + records.length;
    let fleets = records.reduce((sum, each) => sum + countOf(each), this.#fleets);
    const over: number[] = [];
    for (const list of [this.#records.values(), records]) {
      for (const record of list) {
        if (size <= this.#most && fleets <= mostFleets) return over;
        // Without it nobody would know what a fleet has been sent since.
        if (isNeeded(record)) continue;
        over.push(record.number);
        size -= 1;
        fleets -= countOf(record);
      }
    }
    return over;
  }

  /** @param over what {@link over} has said of them */
  add(records: readonly PublicationRecord[], over: readonly number[] = this.over(records)): void {
    for (const record of records) {
      this.#records.set(record.number, record);
      for (const key of Object.keys(record.fleets)) this.#newest.set(key, record.number);
      this.#fleets += countOf(record);
    }
    for (const number of over) {
      const record = this.#records.get(number);
      if (!record) continue;
      this.#records.delete(number);
      this.#fleets -= countOf(record);
      for (const key of Object.keys(record.fleets)) if (this.#newest.get(key) === number) this.#newest.delete(key);
    }
  }
}

const countOf = ({ fleets }: PublicationRecord) => Object.keys(fleets).length;

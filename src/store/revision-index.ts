import type { ListedRevision, Pin, Retention, RevisionInfo, RevisionQuery } from './store.ts';

/** However old they are, so many stay: a clock that jumps ahead must not cost the history (P6). */
const fewest = 100;

/** Which revisions there are, which are pinned, and which need not be kept any longer. Their states are elsewhere. */
export class RevisionIndex {
  readonly #retention: Pick<Retention, 'revisions' | 'age'>;
  /** In the order of the numbers. */
  readonly #infos = new Map<number, RevisionInfo>();
  readonly #pins = new Map<number, Pin>();
  #last = 0;

  constructor(retention: Pick<Retention, 'revisions' | 'age'>) {
    this.#retention = retention;
  }

  /** Number of the newest there ever was. */
  get last(): number {
    return this.#last;
  }

  get pins(): ReadonlyMap<number, Pin> {
    return this.#pins;
  }

  get numbers(): readonly number[] {
    return [...this.#infos.keys()];
  }

  has(number: number): boolean {
    return this.#infos.has(number);
  }

  add(info: RevisionInfo): void {
    this.#infos.set(info.number, info);
    this.reached(info.number);
  }

  /** Numbers up to this one are not given again. */
  reached(number: number): void {
    this.#last = Math.max(this.#last, number);
  }

  drop(numbers: readonly number[]): void {
    for (const number of numbers) {
      this.#infos.delete(number);
      this.#pins.delete(number);
    }
  }

  setPin(number: number, pin: Pin | undefined): void {
    if (pin) this.#pins.set(number, pin);
    else this.#pins.delete(number);
  }

  /** Numbers of those that need not be kept once there is a `next` one. `needed` stay. */
  over(next: RevisionInfo, needed: readonly (number | undefined)[]): readonly number[] {
    const { revisions, age } = this.#retention;
    const free = [...this.#infos.values(), next].filter(each => !this.#pins.has(each.number));
    const fromEnd = (index: number) => free.length - index;
    return free.flatMap(({ number, at }, index) => {
      const tooMany = fromEnd(index) > revisions;
      const tooOld = fromEnd(index) > fewest && next.at - at > age;
      return (tooMany || tooOld) && number !== next.number && !needed.includes(number) ? [number] : [];
    });
  }

  list({ before = Number.POSITIVE_INFINITY, limit, matches = () => true }: RevisionQuery): readonly ListedRevision[] {
    const found: ListedRevision[] = [];
    for (const info of [...this.#infos.values()].reverse()) {
      if (found.length >= limit) break;
      const pin = this.#pins.get(info.number);
      const listed = pin ? { ...info, pin } : info;
      if (info.number < before && matches(listed)) found.push(listed);
    }
    return found;
  }
}

/** A revision without its state. */
export function infoOf({
  documents: _,
  overrides: __,
  ...info
}: RevisionInfo & { documents?: unknown; overrides?: unknown }): RevisionInfo {
  return info;
}

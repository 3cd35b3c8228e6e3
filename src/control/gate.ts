import type { Problem } from '../base/problem.ts';
import type { Board } from '../snapshot/board.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import type { Freeze, Store } from '../store/store.ts';
import type { Line } from './builder.ts';
import type { Clock } from './clock.ts';
import type { Effect } from './control.ts';
import type { Build, BuildInput, Pipeline } from './pipeline.ts';
import type { Occasion, PublicationLog } from './publication-log.ts';
import type { Author } from './what.ts';

/** A state that was published, and that connected proxies have all acknowledged. */
export interface Good {
  /** Number of the newest revision in it. */
  readonly revision: number;
  /** When it was published; milliseconds since the epoch. */
  readonly at: number;
  readonly author: string;
  readonly what: string;
}

/** Something that was accepted and is not published. */
export interface Waiting extends Occasion {
  readonly at: number;
  readonly revision: number;
}

export interface FreezeStatus {
  /** Undefined: what is accepted is published. */
  readonly frozen:
    | (Author & { readonly since: number; readonly revision: number; readonly stored: boolean })
    | undefined;
  /** The newest hundred. */
  readonly waiting: readonly Waiting[];
  readonly waitingCount: number;
  /** Newest first. */
  readonly good: readonly Good[];
}

export interface GateOptions {
  readonly store: Store;
  readonly board: Board;
  readonly clock: Clock;
  readonly pipeline: Pipeline;
  readonly log: PublicationLog;
  readonly report: (message: string, error: unknown) => void;
}

/** Good states that can be restored. */
const mostGood = 10;
const mostWaiting = 100;

/**
 * What stands between what is accepted and what is published. Frozen, it lets nothing through but what is asked by
 * name; it needs no store for that, and none to put a good state of before in force again (P18).
 */
export class Gate {
  readonly #options: GateOptions;
  #freeze: Freeze | undefined;
  #newest: { readonly line: Line; readonly occasion: Occasion } | undefined;
  #published: Published | undefined;
  #good: readonly Published[] = [];
  #waiting: readonly Waiting[] = [];
  #waitingCount = 0;

  constructor(options: GateOptions) {
    this.#options = options;
    this.#freeze = options.store.freeze();
  }

  get frozen(): Freeze | undefined {
    return this.#freeze;
  }

  /** What was accepted last. */
  get newest(): Line | undefined {
    return this.#newest?.line;
  }

  /** What proxies are sent. */
  get published(): Line | undefined {
    return this.#published?.line;
  }

  get status(): FreezeStatus {
    const freeze = this.#freeze;
    return {
      frozen: freeze && { ...authorOf(freeze), since: freeze.since, revision: freeze.revision, stored: this.#isStored },
      ...(this.#isBehind ? { waiting: this.#waiting, waitingCount: this.#waitingCount } : nothingWaits),
      good: this.#good.map(({ line, at, occasion: { author, what } }) => ({ revision: line.number, at, author, what })),
    };
  }

  /** This is what is accepted. @param passes it is asked by name, and does not wait. */
  take(line: Line, occasion: Occasion, passes = false): void {
    const before = this.#newest?.line ?? this.published;
    this.#newest = { line, occasion };
    this.#syncStore();
    if (!this.#freeze) {
      this.#release(line, occasion);
      return;
    }
    if (passes || (before && sameVersions(before.build.snapshots, line.build.snapshots))) return;
    const waiting = { ...occasion, at: this.#options.clock.now(), revision: line.number };
    this.#waiting = [...this.#waiting, waiting].slice(-mostWaiting);
    this.#waitingCount += 1;
  }

  /** From now on nothing is published; with a `line`, after that, in place of what is. */
  freeze(author: Author, line: Line | undefined, occasion?: Occasion): void {
    if (line && occasion) this.#release(line, occasion);
    const now = this.#options.clock.now();
    this.#keep({ ...authorOf(author), since: this.#freeze?.since ?? now });
    this.#syncStore();
  }

  /** Publishes the newest that was accepted. */
  thaw(author: Author): void {
    this.#freeze = undefined;
    this.#waiting = [];
    this.#waitingCount = 0;
    this.#syncStore();
    if (this.#newest)
      this.#release(this.#newest.line, { cause: 'freeze', author: author.by, what: 'the freeze has ended' });
  }

  /** What a change that is asked by name comes to while all else is frozen. Nothing happens yet. Undefined: nothing is frozen. */
  plan(change: (input: BuildInput) => BuildInput): Planned | undefined {
    const before = this.published;
    if (!this.#freeze || !before) return undefined;
    const input = change(before.input);
    const outcome = this.#options.pipeline.build(input, before.build);
    return outcome.kind === 'failed' ? outcome : { kind: 'built', before, input, build: outcome.build };
  }

  /**
   * Publishes what was planned, and holds it from then on. What waited of the same does so no longer.
   *
   * @param more what else is another than before
   * @param settles of what waits, besides: that waits no longer either
   */
  pass(
    { before, input, build }: Passing,
    occasion: Occasion,
    more: Partial<Line> = {},
    settles: (each: Waiting) => boolean = () => false,
  ): void {
    this.#release({ ...before, ...more, input, build, altered: true }, occasion);
    const { cause, what } = occasion;
    const left = this.#waiting.filter(each => !settles(each) && (each.cause !== cause || each.what !== what));
    this.#waitingCount -= this.#waiting.length - left.length;
    this.#waiting = left;
    if (this.#freeze) this.#keep(this.#freeze);
    this.#syncStore();
  }

  /** What a write has led to, with whether proxies are sent it only when the freeze ends. */
  told(effect: Effect): Effect {
    return this.#freeze && this.#waits(effect) ? { ...effect, waitsForThaw: true } : effect;
  }

  #waits({ concerned, changed }: Effect): boolean {
    const published = this.published?.build.snapshots;
    if (!published) return changed;
    const differs = [...concerned].some(([key, { version }]) => published.get(key)?.version !== version);
    return differs || (changed && concerned.size === 0);
  }

  /** Whether something is accepted that is not published. */
  get #isBehind(): boolean {
    const [newest, published] = [this.#newest?.line, this.published];
    return newest !== undefined && !(published && sameVersions(published.build.snapshots, newest.build.snapshots));
  }

  /** Puts in force what was so when the server ended. */
  resume(line: Line): void {
    this.#release(line, { cause: 'start', author: 'Switchyard', what: 'the server has started, frozen' });
  }

  /** The newest good state of a revision, or the one that is published. */
  find(revision: number): Line | undefined {
    const known = [...(this.#published ? [this.#published] : []), ...this.#good];
    return known.find(({ line }) => line.number === revision && !line.altered)?.line;
  }

  /** Proxies have acknowledged all of these snapshots. */
  confirm(snapshots: ReadonlyMap<string, Snapshot>): void {
    const published = this.#published;
    // What goes by the number of a revision is what that revision was.
    if (published?.line.build.snapshots !== snapshots || published.line.altered) return;
    const others = this.#good.filter(each => each.line.number !== published.line.number);
    this.#good = [published, ...others].slice(0, mostGood);
  }

  #keep(about: Author & { readonly since: number }): void {
    const line = this.published;
    this.#freeze = {
      ...authorOf(about),
      since: about.since,
      revision: line?.number ?? 0,
      ...(line ? { documents: line.revision.documents } : {}),
      overrides: line?.input.overrides ?? [],
      quarantines: line?.input.quarantines ?? [],
      resolvedNames: Object.fromEntries(line?.input.resolved ?? []),
    };
  }

  get #isStored(): boolean {
    return this.#options.store.freeze() === this.#freeze;
  }

  /** A store that cannot be written keeps nobody from freezing; it is made up for when it can. */
  #syncStore(): void {
    if (this.#isStored) return;
    try {
      this.#options.store.setFreeze(this.#freeze);
    } catch (error) {
      this.#options.report('the freeze, or its end, was not stored, and holds until the server ends', error);
    }
  }

  #release(line: Line, occasion: Occasion): void {
    const before = this.#published?.line.build;
    const { snapshots, assign } = line.build;
    const { board, clock, log } = this.#options;
    const same = before?.snapshots === snapshots;
    if (same && before.assign === assign && this.#published) {
      const wasGood = this.#good.includes(this.#published);
      const again = line.number === this.#published.line.number;
      this.#published = { ...this.#published, line, ...(again ? {} : { occasion }) };
      // What proxies hold is the same, so that a revision that changes nothing for them is as good.
      if (wasGood) this.confirm(snapshots);
      return;
    }
    this.#published = { line, at: clock.now(), occasion };
    log.add(snapshots, line.number, occasion);
    board.publish({ snapshots, assign });
  }
}

interface Published {
  readonly line: Line;
  readonly at: number;
  readonly occasion: Occasion;
}

/** A change upon what is frozen. */
export interface Passing {
  readonly kind: 'built';
  readonly before: Line;
  readonly input: BuildInput;
  readonly build: Build;
}

export type Planned = Passing | { readonly kind: 'failed'; readonly problems: readonly Problem[] };

const nothingWaits = { waiting: [], waitingCount: 0 } as const;

function authorOf({ by, reason }: Author): Author {
  return reason === undefined ? { by } : { by, reason };
}

function sameVersions(a: ReadonlyMap<string, Snapshot>, b: ReadonlyMap<string, Snapshot>): boolean {
  return a === b || (a.size === b.size && [...a].every(([key, { version }]) => b.get(key)?.version === version));
}

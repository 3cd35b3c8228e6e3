import type { ComputedWeights, WeightsByService } from '../policy/computed-weights.ts';
import type { Clock } from './clock.ts';
import {
  type ComputedChange,
  type ComputedControl,
  type ComputedGiven,
  type ComputedOutcome,
  computedOutcome,
  decideComputed,
} from './computed.ts';
import type { Accepted, DryRun } from './control.ts';
import type { Build } from './pipeline.ts';
import { type ServiceWeights, serviceWeights } from './service-weights.ts';
import type { ComputedWrite, ControllerWrite } from './writes.ts';

export interface ComputedKeeperOptions {
  readonly clock: Clock;
  readonly report: (message: string, error: unknown) => void;
  /** Lets the single writer do it. */
  readonly add: (write: ComputedWrite) => void;
  /** Says what it would come to. */
  readonly rehearse: (change: ComputedChange) => Promise<ComputedOutcome>;
  readonly accepted: () => Accepted | undefined;
}

/** Milliseconds until what could not end is tried again: nobody else would end it. */
const retryAfter = 1000;

/** What a build is given of computed weights. */
export const weightsOf = (all: ReadonlyMap<string, ComputedWeights>): WeightsByService =>
  new Map([...all].map(([name, each]) => [name, each.weights]));

/**
 * The computed weights that every build is given, and their timers. They are not stored: what was measured before a
 * restart says little after it, and whoever measures sends it again.
 */
export class ComputedKeeper implements ComputedControl {
  readonly #options: ComputedKeeperOptions;
  readonly #timers = new Map<ComputedWeights, () => void>();
  #all: ReadonlyMap<string, ComputedWeights> = new Map();
  #weights: WeightsByService = new Map();

  constructor(options: ComputedKeeperOptions) {
    this.#options = options;
  }

  get all(): ReadonlyMap<string, ComputedWeights> {
    return this.#all;
  }

  /** What builds are given; the same weights are the same object. */
  get weights(): WeightsByService {
    return this.#weights;
  }

  give(give: ComputedGiven, { dryRun = false }: DryRun = {}): Promise<ComputedOutcome> {
    return dryRun ? this.#options.rehearse({ give }) : this.#change({ give });
  }

  end(service: string, { dryRun = false }: DryRun = {}): Promise<ComputedOutcome> {
    return dryRun ? this.#options.rehearse({ end: service }) : this.#change({ end: service });
  }

  of(service: string): ServiceWeights | undefined {
    return serviceWeights(this.#options.accepted(), this.#all, service);
  }

  /**
   * Puts the changes among these writes in force, in order, and the next build with them. What `build` throws is passed
   * on, and nothing has changed then.
   */
  process(batch: readonly ControllerWrite[], before: Build | undefined, build: () => Build | undefined): void {
    const writes = batch.flatMap(each => (each.kind === 'computed' ? [each] : []));
    const [all, now] = [this.#all, this.#options.clock.now()];
    const decided = writes.map(write => {
      const decision = decideComputed(write.change, { policy: before?.policy, all: this.#all, now });
      if (decision.kind === 'take') this.#set(decision.all);
      return { write, decision };
    });
    try {
      const after = build();
      for (const { write, decision } of decided) write.done(computedOutcome(write.change, decision, before, after));
    } catch (error) {
      this.#set(all);
      throw error;
    }
  }

  stop(): void {
    this.#watch(new Map());
  }

  #change(change: ComputedChange): Promise<ComputedOutcome> {
    const { promise, resolve, reject } = Promise.withResolvers<ComputedOutcome>();
    this.#options.add({ kind: 'computed', batchable: true, change, done: resolve, drop: reject });
    return promise;
  }

  #set(all: ReadonlyMap<string, ComputedWeights>): void {
    this.#all = all;
    const same =
      all.size === this.#weights.size && [...all].every(([name, each]) => this.#weights.get(name) === each.weights);
    if (!same) this.#weights = weightsOf(all);
    this.#watch(all);
  }

  #watch(all: ReadonlyMap<string, ComputedWeights>): void {
    const { clock, report } = this.#options;
    for (const [each, cancel] of this.#timers) {
      if (all.get(each.service) === each) continue;
      cancel();
      this.#timers.delete(each);
    }
    for (const each of all.values()) {
      if (this.#timers.has(each)) continue;
      const over = () => {
        this.#change({ expire: each }).catch(error => {
          if (!this.#timers.has(each)) return;
          report('computed weights did not expire yet', error);
          this.#timers.set(each, clock.after(retryAfter, over));
        });
      };
      this.#timers.set(each, clock.after(each.expiresAt - clock.now(), over));
    }
  }
}

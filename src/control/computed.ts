import { didYouMean } from '../base/suggest.ts';
import { canonicalAddress, declaredEndpoints } from '../ir/address.ts';
import type { FleetIr } from '../ir/ir.ts';
import { lookup } from '../ir/order.ts';
import type { ComputedWeights } from '../policy/computed-weights.ts';
import type { Policy } from '../policy/kinds.ts';
import type { DryRun, Effect, OverrideOutcome } from './control.ts';
import { effectOf } from './effect.ts';
import type { Build } from './pipeline.ts';
import type { Plan } from './plan.ts';
import type { ServiceWeights } from './service-weights.ts';

/** Weights that somebody has computed, by address of the endpoint, as they come. */
export interface ComputedGiven {
  readonly service: string;
  readonly source: string;
  readonly weights: Readonly<Record<string, number>>;
  /** Milliseconds for which they hold. */
  readonly ttl: number;
  /** Take the service over from another source. */
  readonly force: boolean;
}

/** Weights of endpoints from measurements, for a time: over the declared ones, under overrides. Not kept over restarts. */
export interface ComputedControl {
  /** Those that hold, by service. */
  readonly all: ReadonlyMap<string, ComputedWeights>;
  give(given: ComputedGiven, options?: DryRun): Promise<ComputedOutcome>;
  /** The declared weights hold again. */
  end(service: string, options?: DryRun): Promise<ComputedOutcome>;
  /** Which weight holds for each endpoint of a service, and why; undefined when there is no such service. */
  of(service: string): ServiceWeights | undefined;
}

/** What came of computed weights. */
export type ComputedOutcome =
  | {
      readonly kind: 'done';
      /** What holds from now on; undefined: the declared weights. */
      readonly current: ComputedWeights | undefined;
      /** Addresses that are none of the service's endpoints; they may have been. */
      readonly ignored: readonly string[];
      readonly effect: Effect;
      /** Of a dry run. */
      readonly plan?: Plan;
    }
  | Exclude<OverrideOutcome, { readonly kind: 'done' }>;

/** What is to happen to computed weights: they come, are taken back, or their time is up. */
export type ComputedChange =
  | { readonly give: ComputedGiven }
  | { readonly end: string }
  | { readonly expire: ComputedWeights };

export type ComputedDecision =
  | {
      readonly kind: 'take';
      readonly all: ReadonlyMap<string, ComputedWeights>;
      /** What holds now; undefined: the declared weights. */
      readonly current: ComputedWeights | undefined;
      /** Addresses that the service does not have (any more). */
      readonly ignored: readonly string[];
    }
  | { readonly kind: 'answer'; readonly outcome: Exclude<OverrideOutcome, { readonly kind: 'done' }> };

interface Situation {
  /** Undefined before the first. */
  readonly policy: Policy | undefined;
  readonly all: ReadonlyMap<string, ComputedWeights>;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** The bounds of a computed weight: those of a declared one, so that none turns an endpoint off. */
const [least, most] = [1, 1000];

/** What a change of computed weights comes to. Pure: the same situation gives the same decision. */
export function decideComputed(change: ComputedChange, situation: Situation): ComputedDecision {
  const { all } = situation;
  if ('give' in change) return decideGiven(change.give, situation);
  const service = 'end' in change ? change.end : change.expire.service;
  const current = all.get(service);
  if (!current) return answer({ kind: 'notFound', what: `Nothing is computed for the weights of "${service}".` });
  // It was renewed meanwhile.
  if ('expire' in change && current !== change.expire) return { kind: 'take', all, current, ignored: [] };
  return { kind: 'take', all: without(all, service), current: undefined, ignored: [] };
}

function decideGiven(given: ComputedGiven, { policy, all, now }: Situation): ComputedDecision {
  const service = policy && lookup(policy.services, given.service);
  if (!policy || !service) {
    const what = policy ? `There is no service "${given.service}".` : 'No policy has been accepted yet.';
    const hint = policy && didYouMean(given.service, Object.keys(policy.services));
    return answer(hint === undefined ? { kind: 'notFound', what } : { kind: 'notFound', what, hint });
  }
  const { policy: balancing } = service.loadBalancing;
  if (balancing === 'random' || balancing === 'clientSideWeightedRoundRobin')
    return invalid(`"${given.service}" balances by "${balancing}", which does not go by weights of ours`);
  const current = all.get(given.service);
  if (current && current.source !== given.source && !given.force) {
    const why = `"${current.source}" computes the weights of "${given.service}", until ${new Date(current.expiresAt).toISOString()}`;
    return answer({ kind: 'refused', why });
  }
  const bad = Object.entries(given.weights).find(([, each]) => !Number.isInteger(each) || each < least || each > most);
  if (bad) return invalid(`the weight of ${bad[0]} must be a whole number from ${least} to ${most}, is ${bad[1]}`);
  const known = new Set(declaredEndpoints(service).map(each => each.key));
  const [taken, ignored] = [new Map<string, number>(), [] as string[]];
  for (const [address, weight] of Object.entries(given.weights)) {
    const key = canonicalAddress(address);
    if (known.has(key)) taken.set(key, weight);
    else ignored.push(address);
  }
  if (taken.size === 0) return invalid(`none of the addresses is an endpoint of "${given.service}"`);
  const same = current?.source === given.source && sameWeights(current.weights, taken);
  const next: ComputedWeights = {
    service: given.service,
    source: given.source,
    weights: same ? current.weights : taken,
    since: same ? current.since : now,
    renewed: now,
    expiresAt: now + given.ttl,
  };
  return { kind: 'take', all: new Map([...all, [given.service, next]]), current: next, ignored };
}

/** What it has led to, among the fleets that hold the service. */
export function computedOutcome(
  change: ComputedChange,
  decision: ComputedDecision,
  before: Build | undefined,
  after: Build | undefined,
): ComputedOutcome {
  if (decision.kind === 'answer') return decision.outcome;
  const { current, ignored } = decision;
  const service = 'give' in change ? change.give.service : 'end' in change ? change.end : change.expire.service;
  const holds = (fleet: FleetIr) => fleet.clusters.some(each => each.serviceName === service);
  const nothing: Effect = { concerned: new Map(), changed: false };
  return { kind: 'done', current, ignored, effect: after ? effectOf(before, after, holds) : nothing };
}

function sameWeights(a: ReadonlyMap<string, number>, b: ReadonlyMap<string, number>): boolean {
  return a.size === b.size && [...a].every(([key, weight]) => b.get(key) === weight);
}

function without(all: ReadonlyMap<string, ComputedWeights>, service: string): ReadonlyMap<string, ComputedWeights> {
  return new Map([...all].filter(([name]) => name !== service));
}

function invalid(problem: string): ComputedDecision {
  return answer({ kind: 'invalid', problems: [problem] });
}

function answer(outcome: Extract<ComputedDecision, { readonly kind: 'answer' }>['outcome']): ComputedDecision {
  return { kind: 'answer', outcome };
}

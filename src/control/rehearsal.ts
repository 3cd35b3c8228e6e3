import type { ComputedWeights } from '../policy/computed-weights.ts';
import type { Override, Quarantine } from '../policy/operational-state.ts';
import type { Builder, Line } from './builder.ts';
import { overrideByName, submissionByName } from './by-name.ts';
import type { Clock } from './clock.ts';
import { type ComputedChange, type ComputedOutcome, computedOutcome, decideComputed } from './computed.ts';
import { weightsOf } from './computed-keeper.ts';
import type {
  Accepted,
  OverrideOutcome,
  Preview,
  QuarantineChange,
  QuarantineOutcome,
  WriteOptions,
} from './control.ts';
import { applied } from './decide.ts';
import { effectOf } from './effect.ts';
import type { Gate } from './gate.ts';
import type { Names } from './names.ts';
import { shrinksBetween } from './occasions.ts';
import { outcomeOf, toldOf } from './outcome.ts';
import type { Pipeline, Read } from './pipeline.ts';
import type { Plan } from './plan.ts';
import type { QuarantineKeeper } from './quarantine-keeper.ts';
import type { OverrideWrite, Submission } from './writes.ts';

/** A whole policy, as somebody wants it. */
export type Previewed = Pick<Submission, 'documents' | 'upon' | 'overrides' | 'options'> & {
  /** In place of those that there are. */
  readonly quarantines?: readonly Quarantine[];
};

export interface RehearsalOptions {
  readonly pipeline: Pipeline;
  readonly builder: Builder;
  readonly gate: Gate;
  readonly clock: Clock;
  readonly names: Names;
  readonly quarantines: QuarantineKeeper;
  readonly inForce: () => Line | undefined;
  readonly accepted: () => Accepted | undefined;
  readonly overrides: () => readonly Override[];
  readonly computed: () => ReadonlyMap<string, ComputedWeights>;
  /** Lets the single writer do it: what waits before it is taken into account. */
  readonly alone: <T>(act: () => T) => Promise<T>;
}

/** That there is nothing to change yet. */
export const noPolicy = {
  kind: 'notFound',
  what: 'No policy has been accepted yet.',
  hint: 'the log and /api/v1/policy say why',
} as const;

type Stage = Pick<Line, 'input' | 'build'>;

/** What it is to have one thing published after another. */
export function planOf(before: Stage | undefined, after: Stage, warnings: Plan['warnings']): Plan {
  return { before: before?.build, after: after.build, warnings, shrinks: shrinksBetween(before, after) };
}

/** Writes as they would be done, without doing them. */
export class Rehearsal {
  readonly #options: RehearsalOptions;

  constructor(options: RehearsalOptions) {
    this.#options = options;
  }

  override(
    { subject, author, decide }: Pick<OverrideWrite, 'subject' | 'author' | 'decide'>,
    { duringFreeze = false }: WriteOptions,
  ): Promise<OverrideOutcome> {
    const { alone, inForce, overrides: now, builder, clock, gate } = this.#options;
    return alone(() => {
      const line = inForce();
      if (!line) return noPolicy;
      const situation = { policy: line.build.policy, overrides: now(), now: clock.now() };
      const named = overrideByName({ subject, author, decide, duringFreeze }, gate, situation);
      if (named?.kind === 'answer') return named.outcome;
      if (named) return withPlan(named.outcome, this.#plan(named.passing.before, named.passing));
      const decision = decide(situation);
      const made = builder.again(line, applied(situation.overrides, decision));
      return withPlan(toldOf(outcomeOf(subject, decision, line.build, made.build), gate), this.#plan(line, made));
    });
  }

  quarantine(change: QuarantineChange): Promise<QuarantineOutcome> {
    const { alone, inForce, overrides, builder, clock, gate, quarantines } = this.#options;
    return alone(() => {
      const line = inForce();
      if (!line) return noPolicy;
      const decided = quarantines.decide(change, line.build.made, clock.now());
      if (decided.kind !== 'change') return decided;
      const made = builder.again(line, overrides(), { quarantines: decided.quarantines });
      const effect = gate.told(effectOf(line.build, made.build, () => true));
      return { kind: 'done', effect, plan: this.#plan(line, made) };
    });
  }

  computed(change: ComputedChange): Promise<ComputedOutcome> {
    const { alone, inForce, overrides, builder, clock, gate, computed } = this.#options;
    return alone(() => {
      const line = inForce();
      const situation = { policy: line?.build.policy, all: computed(), now: clock.now() };
      const decision = decideComputed(change, situation);
      if (decision.kind === 'answer' || !line) return computedOutcome(change, decision, undefined, undefined);
      const made = builder.again(line, overrides(), { computed: weightsOf(decision.all) });
      const outcome = computedOutcome(change, decision, line.build, made.build);
      if (outcome.kind !== 'done') return outcome;
      return { ...outcome, effect: gate.told(outcome.effect), plan: this.#plan(line, made) };
    });
  }

  /** That the answer of a host is believed which is held; undefined where none is. */
  name(host: string): Plan | undefined {
    const { names, inForce, overrides, builder } = this.#options;
    const [held, line] = [names.held.get(host), inForce()];
    if (!held || !line) return undefined;
    const resolved = new Map([...names.answers, [host, held.addresses]]);
    return this.#plan(line, builder.again(line, overrides(), { resolved }));
  }

  /** A whole policy. */
  whole(read: Read, wanted: Previewed): Preview {
    const { inForce, accepted, overrides: now, builder, gate } = this.#options;
    const { overrides = now(), quarantines, options } = wanted;
    const line = inForce();
    const made = builder.make(read, overrides, line?.build, quarantines ? { quarantines } : {});
    if (made.kind === 'failed') return { kind: 'rejected', problems: made.problems };
    // What the guard says is told, and keeps nobody from looking.
    const named = submissionByName({ ...wanted, options: { ...options, allowShrink: true } }, gate, this.#options);
    if (named?.kind === 'failed') return { kind: 'rejected', problems: named.problems };
    const [before, after] = named ? [named.passing.before, named.passing] : [line, made];
    const effect = effectOf(before?.build, after.build, () => true);
    const warnings = [...read.problems, ...made.build.problems];
    const plan = planOf(before, after, { before: accepted()?.warnings ?? [], after: warnings });
    const { fleets, snapshots } = made.build;
    return { kind: 'acceptable', fleets, snapshots, effect: named ? effect : gate.told(effect), warnings, plan };
  }

  /** Warnings of what is read stay as they are. */
  #plan(before: Stage, after: Stage): Plan {
    return planOf(before, after, { before: before.build.problems, after: after.build.problems });
  }
}

function withPlan(outcome: OverrideOutcome, plan: Plan): OverrideOutcome {
  return outcome.kind === 'done' ? { ...outcome, plan } : outcome;
}

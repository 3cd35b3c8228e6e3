import { hasErrors, type Problem, problem } from '../base/problem.ts';
import type { StoredDocument } from '../store/store.ts';
import type { OverrideOutcome } from './control.ts';
import { applied, type Decision, type Situation } from './decide.ts';
import type { Gate, Passing } from './gate.ts';
import { hostsOf, type Names } from './names.ts';
import { occasionOf, shrinksBetween } from './occasions.ts';
import { outcomeOf } from './outcome.ts';
import type { Pipeline } from './pipeline.ts';
import type { Occasion } from './publication-log.ts';
import type { OverrideWrite, SubmitWrite } from './writes.ts';

/**
 * Writes that are asked by name while everything is frozen. Each is decided and built upon what is frozen too, before
 * anything is stored, so that it goes out alone, and all that waits goes on waiting.
 */

export type NamedOverride =
  /** It cannot be made upon what is frozen. */
  | { readonly kind: 'answer'; readonly outcome: Exclude<OverrideOutcome, { readonly kind: 'done' }> }
  | {
      readonly kind: 'pass';
      readonly passing: Passing;
      readonly outcome: OverrideOutcome;
      readonly occasion: Occasion;
    };

const waitsHint = 'it may be in what waits: "switchyard thaw" publishes that';

type NamedWrite = Pick<OverrideWrite, 'subject' | 'author' | 'duringFreeze' | 'decide'>;

/** Undefined: nothing is to pass. @param accepted what it is decided by besides. */
export function overrideByName(write: NamedWrite, gate: Gate, accepted: Situation): NamedOverride | undefined {
  const before = gate.published;
  if (!write.duringFreeze || !gate.frozen || !before) return undefined;
  const given = write.decide(accepted);
  const decision = write.decide({ ...accepted, policy: before.build.policy, overrides: before.input.overrides });
  if (given.kind === 'answer' && !isEnd(decision)) return undefined;
  if (decision.kind === 'answer' && !isEnd(given)) return { kind: 'answer', outcome: upon(decision.outcome) };
  const planned = gate.plan(input => ({ ...input, overrides: applied(input.overrides, decision) }));
  if (!planned) return undefined;
  if (planned.kind === 'failed') {
    return { kind: 'answer', outcome: { kind: 'invalid', problems: planned.problems.map(each => each.message) } };
  }
  const shown = decision.kind === 'answer' ? given : decision;
  const outcome = outcomeOf(write.subject, shown, before.build, planned.build);
  const occasion = occasionOf([{ write, decision }], before, before, accepted.now);
  return { kind: 'pass', passing: planned, outcome, occasion };
}

/** What has ended in the one may have ended in the other before. */
function isEnd(decision: Decision): boolean {
  return (
    decision.kind === 'end' || (decision.kind === 'change' && decision.put.length === 0 && decision.end.length > 0)
  );
}

function upon(outcome: Exclude<OverrideOutcome, { readonly kind: 'done' }>): typeof outcome {
  if (outcome.kind === 'notFound') return { ...outcome, what: `In what is frozen: ${outcome.what}`, hint: waitsHint };
  if (outcome.kind === 'refused') return { ...outcome, why: `In what is frozen: ${outcome.why}` };
  return { ...outcome, problems: outcome.problems.map(each => `in what is frozen: ${each}`) };
}

export type NamedSubmission =
  | { readonly kind: 'failed'; readonly problems: readonly Problem[] }
  | { readonly kind: 'pass'; readonly passing: Passing; readonly documents: readonly StoredDocument[] };

/** Undefined: nothing is to pass. */
export function submissionByName(
  { documents: whole, upon, overrides, options }: Pick<SubmitWrite, 'documents' | 'upon' | 'overrides' | 'options'>,
  gate: Gate,
  { pipeline, names }: { readonly pipeline: Pipeline; readonly names: Names },
): NamedSubmission | undefined {
  const before = gate.published;
  if (!options.duringFreeze || !gate.frozen || !before) return undefined;
  const documents = upon ? upon(before.revision.documents) : whole;
  if (typeof documents === 'string') return { kind: 'failed', problems: [cannotPass(documents)] };
  const { policy, sources, problems } = pipeline.read(documents);
  if (!policy || hasErrors(problems)) return { kind: 'failed', problems: [cannotPass(), ...problems] };
  const known = (host: string) => before.input.resolved.get(host) ?? names.answers.get(host);
  const resolved = new Map([...hostsOf(policy)].flatMap(host => entry(host, known(host))));
  const state = { policy, sources, resolved };
  const planned = gate.plan(input => ({ ...input, ...state, overrides: overrides ?? input.overrides }));
  if (!planned) return undefined;
  if (planned.kind === 'failed') return { kind: 'failed', problems: [cannotPass(), ...planned.problems] };
  const shrunk = options.allowShrink ? [] : shrinksBetween(before, planned);
  if (shrunk.length > 0) return { kind: 'failed', problems: shrunk };
  return { kind: 'pass', passing: planned, documents };
}

const entry = (host: string, addresses: readonly string[] | undefined) =>
  addresses ? [[host, addresses] as const] : [];

function cannotPass(why?: string): Problem {
  const message = `This cannot go out while all else is frozen${why === undefined ? ', since something else waits that it needs' : `: ${why}`}`;
  return problem('policy.waits', [], message, 'let it wait, without duringFreeze; or "switchyard thaw"');
}

import { overrideId } from '../store/store.ts';
import type { OverrideOutcome } from './control.ts';
import type { Decision } from './decide.ts';
import { effectOf, holderOf, type Subject } from './effect.ts';
import type { Gate } from './gate.ts';
import type { Build } from './pipeline.ts';

/** What a decision has come to, between the builds before and after it. */
export function outcomeOf(subject: Subject, decision: Decision, before: Build, after: Build): OverrideOutcome {
  if (decision.kind === 'answer') return decision.outcome;
  const effect = effectOf(before, after, holderOf(subject));
  if (decision.kind === 'change') {
    const { service, addresses } = decision;
    const statuses = after.overrides.filter(
      ({ override }) => override.kind === 'endpoint' && override.service === service,
    );
    return { kind: 'done', status: undefined, endpoints: { addresses, statuses }, effect };
  }
  const id = overrideId(decision.override);
  const status = after.overrides.find(each => overrideId(each.override) === id);
  return { kind: 'done', status, effect };
}

/** The same, with whether proxies are sent it only when the freeze ends. */
export function toldOf(outcome: OverrideOutcome, gate: Pick<Gate, 'told'>): OverrideOutcome {
  return outcome.kind === 'done' ? { ...outcome, effect: gate.told(outcome.effect) } : outcome;
}

import { type PolicyPath, type Problem, problem } from '../base/problem.ts';
import type { Retries } from '../policy/retries.ts';
import { repeatsReset } from './repeats.ts';

/** What is wrong with the retries of a service or a rule. */
export function checkRetries(retries: Retries, path: PolicyPath): readonly Problem[] {
  if (retries.attempts === 0 || retries.hedge || repeatsReset(retries)) return [];
  return (['perTryTimeout', 'perTryIdleTimeout'] as const).flatMap(field => {
    if (retries[field] === undefined) return [];
    const message = `After ${field} there is no other attempt, since none of \`on\` covers it: the caller is answered 504.`;
    const hint = 'add `reset` to `on`, or use timeout or idleTimeout instead';
    return [problem('retries.timeout_not_retried', [...path, field], message, hint)];
  });
}

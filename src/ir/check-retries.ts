import { type PolicyPath, type Problem, problem } from '../base/problem.ts';
import type { Retries } from '../policy/retries.ts';

/** What is tried again after `perTryTimeout`, to Envoy: the attempt was reset, or answered 504 by itself. */
const afterTimeout: readonly Retries['on'][number][] = ['reset', 'gatewayError', 'serverError'];

/** What is wrong with the retries of a service or a rule. */
export function checkRetries({ attempts, on, perTryTimeout }: Retries, path: PolicyPath): readonly Problem[] {
  if (perTryTimeout === undefined || attempts === 0 || on.some(each => afterTimeout.includes(each))) return [];
  const message =
    'After perTryTimeout there is no other attempt, since none of `on` covers it: the caller is answered 504.';
  const hint = 'add `reset` to `on` if requests may be done twice, or use timeout instead';
  return [problem('retries.timeout_not_retried', [...path, 'perTryTimeout'], message, hint)];
}

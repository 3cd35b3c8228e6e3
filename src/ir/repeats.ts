import type { Retries, RetryOn } from '../policy/retries.ts';

/** Conditions that may come after the effect of a request: `methods` says for which requests they count. */
const mayFollowEffect: readonly RetryOn[] = ['reset', 'gatewayError', 'serverError'];

/** Whether another attempt may follow after a failure that may have come after the effect. */
export function mayRepeat({ on, statuses }: Pick<Retries, 'on' | 'statuses'>): boolean {
  return statuses.length > 0 || on.some(each => mayFollowEffect.includes(each));
}

/** Whether an attempt that was cut off without an answer is tried again; to Envoy, all three conditions cover that. */
export function repeatsReset({ attempts, on }: Pick<Retries, 'attempts' | 'on'>): boolean {
  return attempts > 0 && on.some(each => mayFollowEffect.includes(each));
}

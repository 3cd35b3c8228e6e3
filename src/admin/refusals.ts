import type { Context } from 'hono';

/** Why requests are refused before anything is looked at. */
export const refusalReasons = [
  'no_token',
  'wrong_token',
  'expired',
  'wrong_too_often',
  'too_often',
  'role',
  'scope',
  'host',
  'cross_site',
] as const;
export type RefusalReason = (typeof refusalReasons)[number];

/** Counts refusals, for metrics, and says of a request that it was one. */
export class Refusals {
  readonly #counts = new Map<RefusalReason, number>(refusalReasons.map(reason => [reason, 0]));

  add(context: Context, reason: RefusalReason): void {
    context.set('refusal', reason);
    this.#counts.set(reason, (this.#counts.get(reason) ?? 0) + 1);
  }

  get counts(): ReadonlyMap<RefusalReason, number> {
    return this.#counts;
  }
}

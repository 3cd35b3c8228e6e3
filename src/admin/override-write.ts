import type { OverrideOptions, OverrideOutcome } from '../control/control.ts';
import { type AskedWrite, answerWrite } from './acknowledgement.ts';
import type { OverrideWriteReply, WriteReply } from './api.ts';
import type { AdminDependencies } from './dependencies.ts';
import { readLevers } from './input.ts';
import { ApiError } from './problem-json.ts';
import { overrideReply } from './replies.ts';

interface AskedOverride extends AskedWrite {
  readonly query: AskedWrite['query'] & { readonly duringFreeze?: boolean };
}

/** Does and answers a write of an override; see {@link answerWrite}. @throws ApiError when it was not done. */
export async function answerOverride(
  asked: AskedOverride,
  dependencies: AdminDependencies,
  write: (options: OverrideOptions) => Promise<OverrideOutcome>,
) {
  const { dryRun = false } = asked.query;
  const outcome = await write({ ...readLevers(asked), ...(dryRun ? { dryRun } : {}) });
  if (outcome.kind !== 'done') return refuse(outcome);
  const { effect, plan, status, endpoints } = outcome;
  const more: Omit<OverrideWriteReply, keyof WriteReply> = {
    ...(status === undefined ? {} : { override: overrideReply(status) }),
    ...(endpoints && { endpoints: endpoints.addresses, overrides: endpoints.statuses.map(overrideReply) }),
  };
  return answerWrite(asked, dependencies, { effect, plan, more });
}

/** What was not done, as an error. @throws ApiError 404, 409 or 422. */
export function refuse(outcome: Exclude<OverrideOutcome, { readonly kind: 'done' }>): never {
  switch (outcome.kind) {
    case 'notFound':
      throw new ApiError(404, 'Not found', outcome.what, { hint: outcome.hint });
    case 'invalid':
      throw new ApiError(422, 'Invalid body', outcome.problems.join('; '));
    case 'refused':
      throw new ApiError(409, 'Refused', outcome.why, { hint: 'add ?force=true to do it all the same' });
  }
}

import type { Context } from 'hono';
import type { OverrideOutcome } from '../control/control.ts';
import { answerWrite } from './acknowledgement.ts';
import type { OverrideWriteReply } from './api.ts';
import type { AdminDependencies } from './dependencies.ts';
import { readWait } from './input.ts';
import { ApiError } from './problem-json.ts';
import { overrideReply } from './replies.ts';

/** Does and answers a write of an override; see {@link answerWrite}. @throws ApiError when it was not done. */
export async function answerOverride(
  context: Context,
  dependencies: AdminDependencies,
  write: () => Promise<OverrideOutcome>,
): Promise<Response> {
  const wait = readWait(context);
  const outcome = await write();
  if (outcome.kind === 'notFound') throw new ApiError(404, 'Not found', outcome.what, { hint: outcome.hint });
  if (outcome.kind === 'invalid') throw new ApiError(422, 'Invalid body', outcome.problems.join('; '));
  if (outcome.kind === 'refused') {
    throw new ApiError(409, 'Refused', outcome.why, { hint: 'add ?force=true to do it all the same' });
  }
  const { effect, status } = outcome;
  const more: Pick<OverrideWriteReply, 'override'> = status === undefined ? {} : { override: overrideReply(status) };
  return answerWrite(context, dependencies, { effect, wait, more });
}

import type { RollbackOutcome } from '../control/revisions.ts';
import { type AskedWrite, answerWrite } from './acknowledgement.ts';
import { problemReply } from './api.ts';
import type { AdminDependencies } from './dependencies.ts';
import { ApiError } from './problem-json.ts';

/** Answers a change of the whole policy. @throws ApiError when it was not made. */
export async function answerChange(asked: AskedWrite, dependencies: AdminDependencies, outcome: RollbackOutcome) {
  switch (outcome.kind) {
    case 'notFound':
      throw new ApiError(404, 'Not found', outcome.what, { hint: outcome.hint });
    case 'refused':
      throw new ApiError(409, 'Refused', outcome.why, { hint: outcome.hint });
    case 'rejected':
      throw new ApiError(409, 'Not accepted', 'The policy is not accepted, and nothing has changed.', {
        problems: outcome.problems.map(problemReply),
      });
    case 'accepted': {
      const { revision, warnings, effect, plan } = outcome;
      const more = { ...(plan ? {} : { revision: revision.number }), warnings: warnings.map(problemReply) };
      return answerWrite(asked, dependencies, { effect, plan, more });
    }
  }
}

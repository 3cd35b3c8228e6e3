import type { FreezeOutcome } from '../../control/freezing.ts';
import type { FreezeStatus } from '../../control/gate.ts';
import { beginFreeze, endFreeze, type FreezeReply, readFreeze } from '../api.ts';
import type { AdminDependencies } from '../dependencies.ts';
import { readAuthorship } from '../input.ts';
import { ApiError } from '../problem-json.ts';
import { instant } from '../replies.ts';
import { type Api, answer, serve } from '../serve.ts';

/** The levers: nothing is published, and what was good is put in force again. */
export function freezeRoutes(api: Api, { control: { freezing } }: AdminDependencies): void {
  serve(api, readFreeze, () => answer(200, freezeReply(freezing.status)));
  serve(api, beginFreeze, asked => {
    return answer(200, done(freezing.freeze(readAuthorship(asked), asked.body.revision)));
  });
  serve(api, endFreeze, asked => answer(200, done(freezing.thaw(readAuthorship(asked)))));
}

function done(outcome: FreezeOutcome): FreezeReply {
  if (outcome.kind === 'done') return freezeReply(outcome.status);
  throw new ApiError(404, 'Not found', outcome.what, { hint: outcome.hint });
}

function freezeReply({ frozen, waiting, waitingCount, good }: FreezeStatus): FreezeReply {
  return {
    frozen: frozen ? { ...frozen, since: instant(frozen.since) } : null,
    waiting: waiting.map(({ at, revision, cause, author, what }) => ({
      at: instant(at),
      revision,
      cause,
      author,
      what,
    })),
    waitingCount,
    good: good.map(each => ({ ...each, at: instant(each.at) })),
  };
}

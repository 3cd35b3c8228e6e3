import type { Context } from 'hono';
import type { FreezeOutcome } from '../../control/freezing.ts';
import type { FreezeStatus } from '../../control/gate.ts';
import { beginFreeze, endFreeze, type FreezeReply, readFreeze } from '../api.ts';
import type { AdminDependencies } from '../dependencies.ts';
import { effectReply } from '../effects.ts';
import { readAuthorship } from '../input.ts';
import { ApiError } from '../problem-json.ts';
import { instant } from '../replies.ts';
import { type Api, answer, serve } from '../serve.ts';
import { seenBy } from '../visible.ts';

/** The levers: nothing is published, and what was good is put in force again. */
export function freezeRoutes(api: Api, { control: { freezing }, fleet }: AdminDependencies): void {
  const done = ({ context }: { readonly context: Context }, outcome: FreezeOutcome): FreezeReply => {
    if (outcome.kind !== 'done') throw new ApiError(404, 'Not found', outcome.what, { hint: outcome.hint });
    const { status, plan } = outcome;
    return { ...freezeReply(status), ...(plan ? { effect: effectReply(plan, fleet, seenBy(context)) } : {}) };
  };
  serve(api, readFreeze, () => answer(200, freezeReply(freezing.status)));
  serve(api, beginFreeze, asked => {
    const { dryRun = false } = asked.query;
    return answer(200, done(asked, freezing.freeze(readAuthorship(asked), asked.body.revision, { dryRun })));
  });
  serve(api, endFreeze, asked => {
    const { dryRun = false } = asked.query;
    return answer(200, done(asked, freezing.thaw(readAuthorship(asked), { dryRun })));
  });
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

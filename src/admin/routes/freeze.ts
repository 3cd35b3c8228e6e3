import type { Context } from 'hono';
import type { FreezeOutcome } from '../../control/freezing.ts';
import type { FreezeStatus } from '../../control/gate.ts';
import { beginFreeze, endFreeze, type FreezeReply, readFreeze } from '../api.ts';
import { deed } from '../deed.ts';
import type { AdminDependencies } from '../dependencies.ts';
import { effectReply } from '../effects.ts';
import { readAuthorship } from '../input.ts';
import { ApiError } from '../problem-json.ts';
import { instant } from '../replies.ts';
import { type Api, answer, serve } from '../serve.ts';
import { seenBy } from '../visible.ts';

/** The levers: nothing is published, and what was good is put in force again. */
export function freezeRoutes(api: Api, { control: { freezing }, fleet, events }: AdminDependencies): void {
  const done = ({ context }: { readonly context: Context }, outcome: FreezeOutcome): FreezeReply => {
    if (outcome.kind !== 'done') throw new ApiError(404, 'Not found', outcome.what, { hint: outcome.hint });
    const { status, plan } = outcome;
    return { ...freezeReply(status), ...(plan ? { effect: effectReply(plan, fleet, seenBy(context)) } : {}) };
  };
  serve(api, readFreeze, () => answer(200, freezeReply(freezing.status)));
  serve(api, beginFreeze, asked => {
    const { dryRun = false } = asked.query;
    const { revision } = asked.body;
    const author = readAuthorship(asked);
    const reply = done(asked, freezing.freeze(author, revision, { dryRun }));
    const what = revision === undefined ? 'freezes everything' : `puts revision ${revision} in force and freezes it`;
    if (!dryRun) events.add(deed('freeze', author, what, reply.frozen ? { revision: reply.frozen.revision } : {}));
    return answer(200, reply);
  });
  serve(api, endFreeze, asked => {
    const { dryRun = false } = asked.query;
    const author = readAuthorship(asked);
    const reply = done(asked, freezing.thaw(author, { dryRun }));
    if (!dryRun) events.add(deed('thaw', author, 'ends the freeze'));
    return answer(200, reply);
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

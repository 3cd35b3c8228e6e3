import type { Control } from '../../control/control.ts';
import { type FleetReply, type PolicyReply, problemReply, readPolicy } from '../api.ts';
import type { AdminDependencies } from '../dependencies.ts';
import { computedReply, instant, overrideReply, perType, revisionReply } from '../replies.ts';
import { type Api, answer, serve } from '../serve.ts';
import { seenBy } from '../visible.ts';
import { quarantineReplies } from './quarantines.ts';

/** What is in force: revision, documents, fleets, overrides, quarantines; and the newest save that was refused. */
export function policyRoutes(api: Api, { control, notices }: AdminDependencies): void {
  serve(api, readPolicy, ({ context, query: { documents = true } }) => {
    const { accepted, rejected } = control;
    const sees = seenBy(context);
    const fleets = accepted?.fleets.filter(each => sees(each.key)) ?? [];
    const reply: PolicyReply = {
      revision: accepted ? revisionReply(accepted.revision) : null,
      documents: (documents ? accepted?.revision.documents : undefined) ?? [],
      fleets: fleets.map(each => fleetReply(each.key, each.role, accepted?.snapshots.get(each.key))),
      overrides: accepted?.overrides.map(overrideReply) ?? [],
      computed: [...control.computed.all.values()].map(computedReply),
      quarantines: quarantineReplies(control).filter(each => sees(each.fleet)),
      warnings: [...(accepted?.warnings ?? []), ...(notices?.() ?? [])].map(problemReply),
      freeze: freezeReply(control.freezing.status),
      rejected: rejected
        ? {
            at: new Date(rejected.at).toISOString(),
            problems: rejected.problems.map(problemReply),
            ...(rejected.acceptable === undefined ? {} : { digest: rejected.acceptable }),
          }
        : null,
    };
    return answer(200, reply);
  });
}

function freezeReply({ frozen, waitingCount }: Control['freezing']['status']): PolicyReply['freeze'] {
  if (!frozen) return null;
  const { by, since, reason, revision } = frozen;
  return { by, since: instant(since), ...(reason === undefined ? {} : { reason }), revision, waitingCount };
}

function fleetReply(
  key: string,
  role: FleetReply['role'],
  snapshot: Parameters<typeof perType>[0] | undefined,
): FleetReply {
  return {
    key,
    role,
    version: snapshot?.version ?? '',
    resources: snapshot ? perType(snapshot, type => type.resources.size) : {},
  };
}

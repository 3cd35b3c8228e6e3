import type { Problem } from '../base/problem.ts';
import type { Plan } from '../control/plan.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { Publication } from '../snapshot/board.ts';
import { changesBetween, type ResourceChange } from '../snapshot/changes.ts';
import { type EffectReply, problemReply } from './api.ts';

const mostResources = 500;
const mostProxies = 20;

/**
 * What a write would lead to, for the fleets and for the proxies that are connected.
 *
 * @param sees whether the caller may see what a fleet holds
 */
export function effectReply(
  { before, after, warnings, shrinks }: Plan,
  fleet: Fleet,
  sees: (key: string) => boolean,
): EffectReply {
  const proxies = fleet.proxies().flatMap(({ node }) => {
    const [from, to] = [keyOf(before, node), keyOf(after, node)];
    const [held, wanted] = [before?.snapshots.get(from ?? ''), after.snapshots.get(to ?? '')];
    const visible = [from, to].every(key => key === undefined || sees(key));
    return visible ? [{ id: node.id, from, to, isSent: wanted !== undefined && held !== wanted }] : [];
  });
  const fleets = touched(before, after)
    .filter(sees)
    .map(key => {
      const [old, now] = [before?.snapshots.get(key), after.snapshots.get(key)];
      const changes = changesBetween(old, now);
      const sent = proxies.filter(each => each.isSent && each.to === key);
      return {
        fleet: key,
        change: old ? (now ? ('changed' as const) : ('removed' as const)) : ('added' as const),
        resources: changes.slice(0, mostResources).map(({ fields, ...each }) => ({ ...each, fields: [...fields] })),
        resourceCount: changes.length,
        proxies: sent.slice(0, mostProxies).map(each => each.id),
        proxyCount: sent.length,
        drains: now !== undefined && changes.some(drains),
      };
    });
  return {
    fleets,
    moves: proxies
      .filter(each => each.from !== each.to)
      .slice(0, mostProxies)
      .map(({ id, from, to }) => ({ id, from: from ?? null, to: to ?? null })),
    proxyCount: proxies.filter(each => each.isSent).length,
    drains: fleets.some(each => each.drains),
    shrinks: shrinks.map(problemReply),
    problems: newIn(warnings.after, warnings.before).map(problemReply),
    solved: newIn(warnings.before, warnings.after).map(problemReply),
  };
}

const drains = (change: ResourceChange): boolean => change.drains === true;

type Node = Parameters<Publication['assign']>[0];

function keyOf(publication: Publication | undefined, node: Node): string | undefined {
  const assignment = publication?.assign(node);
  return assignment?.kind === 'assigned' ? assignment.key : undefined;
}

/** Keys of fleets that come, go, or hold something else. */
function touched(before: Publication | undefined, after: Publication): readonly string[] {
  const keys = new Set([...(before?.snapshots.keys() ?? []), ...after.snapshots.keys()]);
  return [...keys].filter(key => before?.snapshots.get(key) !== after.snapshots.get(key)).sort();
}

/** Those of the one list that the other does not have. */
function newIn(one: readonly Problem[], other: readonly Problem[]): readonly Problem[] {
  const idOf = ({ code, path, message }: Problem) => JSON.stringify([code, path, message]);
  const known = new Set(other.map(idOf));
  return one.filter(each => !known.has(idOf(each)));
}

import { keepingEach, memo1 } from '../base/memo.ts';
import { type Problem, problem } from '../base/problem.ts';
import { changedNames } from '../base/records.ts';
import { declaredEndpoints } from '../ir/address.ts';
import { servicesWithNames } from '../ir/clusters.ts';
import { answerOf, type ResolvedNames } from '../ir/endpoints.ts';
import type { ClusterIr, FleetIr } from '../ir/ir.ts';
import { keeping } from '../ir/kept.ts';
import { lookup, sortedUnique } from '../ir/order.ts';
import type { Policy } from '../policy/kinds.ts';
import type { Service } from '../policy/service.ts';

/**
 * The guard against a change or a source that would take away what traffic needs (P14). It goes by what fleets use: a
 * service that no fleet holds can lose what it likes.
 */

/** A policy, the fleets it makes and the addresses of its names. */
export interface Stand {
  readonly policy: Policy;
  readonly fleets: readonly FleetIr[];
  readonly resolved: ResolvedNames;
}

/** So many services at once are no longer used by any fleet, if they were more than half: half a file, not a clean-up. */
const manyServices = 3;

const hint = 'if it is meant so, say so: "switchyard accept" takes it, and the API with ?allowShrink=true';

/** What of a change would need to be asked for by name; empty: nothing. */
export function shrinkProblems(before: Stand, after: Stand): readonly Problem[] {
  const [used, stillUsed] = [servicesUsed(before.fleets), servicesUsed(after.fleets)];
  const problems = sortedUnique(mayHaveLost(before, after, used)).flatMap(name => {
    const [old, now] = [lookup(before.policy.services, name), lookup(after.policy.services, name)];
    if (!old || !now || !used.has(name) || !stillUsed.has(name)) return [];
    const [had, has] = [endpointCount(old, before.resolved), endpointCount(now, after.resolved)];
    return shrinks(had, has) ? [problem('policy.shrinks', ['services', name], sentence(name, had, has), hint)] : [];
  });
  if (used === stillUsed) return problems;
  const gone = [...used].filter(name => !stillUsed.has(name));
  if (gone.length < manyServices || gone.length * 2 <= used.size) return problems;
  const names = gone.slice(0, 5).join(', ');
  const what = `${gone.length} of the ${used.size} services that fleets use would be used no more: ${names}${gone.length > 5 ? ', …' : ''}`;
  return [...problems, problem('policy.shrinks', ['services'], what, hint)];
}

/**
 * Whether a service that fleets use would lose all or more than half of its endpoints if a host name had these addresses
 * in place of those of `before`.
 */
export function shrunkByName(
  stand: Stand,
  host: string,
  before: readonly string[],
  addresses: readonly string[],
): boolean {
  const [old, now] = [before, addresses].map(each => new Map([...stand.resolved, [host, each]]));
  if (!old || !now) return false;
  return [...servicesUsed(stand.fleets)].some(name => {
    const service = lookup(stand.policy.services, name);
    const concerned =
      service && declaredEndpoints(service).some(each => 'host' in each.address && each.address.host === host);
    return service && concerned && shrinks(endpointCount(service, old), endpointCount(service, now));
  });
}

/** All, or more than half: one of two may go, by hand. */
function shrinks(had: number, has: number): boolean {
  return had > 0 && (has === 0 || (had - has) * 2 > had);
}

function sentence(name: string, had: number, has: number): string {
  const left = has === 0 ? 'none of its' : `${has} of its`;
  return `Service "${name}", which fleets use, would be left with ${left} ${had} endpoint${had === 1 ? '' : 's'}`;
}

/** Endpoints that Envoys are told of, a name counting as its addresses. */
function endpointCount(service: Service, resolved: ResolvedNames): number {
  return declaredEndpoints(service).reduce((sum, each) => {
    if (each.endpoint.state === 'disabled') return sum;
    // A name without an answer yet is no endpoint that has gone.
    return sum + Math.max(answerOf(each, resolved)?.length ?? 1, 1);
  }, 0);
}

/** Services that are not what they were, or have endpoints by name. */
function mayHaveLost(before: Stand, after: Stand, used: ReadonlySet<string>): Iterable<string> {
  const changed = changedNames(before.policy.services, after.policy.services);
  const named = [before, after].flatMap(({ policy }) => [...servicesWithNames(policy).keys()]);
  return changed ? [...changed, ...named] : used;
}

/** The same set for fleets that use the same. */
function servicesUsed(fleets: readonly FleetIr[]): ReadonlySet<string> {
  const sets = fleets.map(({ match, key, clusters }) => setOf(serviceNames(match, key, clusters)));
  const [first] = sets;
  if (!first || sets.length === 1) return first ?? nothing;
  return keepUnion(first, '', sets, () => new Set(sets.flatMap(each => [...each])));
}

const nothing: ReadonlySet<string> = new Set<string>();
const keepUnion = keeping<ReadonlySet<string>>();
const serviceNames = keepingEach((cluster: ClusterIr) =>
  cluster.kind === 'service' ? cluster.serviceName : undefined,
);
const setOf = memo1(
  (names: readonly (string | undefined)[]): ReadonlySet<string> => new Set(names.filter(each => each !== undefined)),
);

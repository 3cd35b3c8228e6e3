import { decode } from '../../proto/codec.ts';
import type { Cluster } from '../../proto/gen/envoy.config.cluster.v3.ts';
import { memo1, memo2 } from '../base/memo.ts';
import type { EncodedResource, Snapshot } from '../snapshot/snapshot.ts';
import type { Response, TypeState } from './machine.ts';
import { replaced } from './overlay.ts';
import { clusterUrl, endpointUrl } from './resource-type.ts';
import { covers, isEmpty } from './subscription.ts';
import { counted, type Tally } from './tally.ts';

/**
 * What has to happen after a cluster was acknowledged on a stream of its own until requests can be sent to it. On an
 * aggregated stream the acknowledgement comes after all of this (R37a, R38).
 */
interface Warming {
  /** The load assignment that it asks for, on another stream. */
  readonly assignment: string | undefined;
  /** It asks for it on a stream of its own. */
  readonly apart: boolean;
  /** Milliseconds for what nobody acknowledges: the first health checks, or the lookup of a name. */
  readonly beyond: number;
}

const warmingOf: (cluster: EncodedResource) => Warming = memo1(({ name, value }) => {
  try {
    return warming(name, decode('envoy.config.cluster.v3.Cluster', value));
  } catch {
    // Bytes that are no cluster will be rejected; nobody has to wait for that.
    return { assignment: undefined, apart: false, beyond: 0 };
  }
});

/** Time for a name server to answer. */
const LOOKUP = 1000;
/** Has nothing to wait for itself: its members are clusters of their own. */
const AGGREGATE = 'envoy.clusters.aggregate';
/** Health checks begin a moment after the endpoints have come. */
const CHECK_MARGIN = 250;

function warming(name: string, cluster: Cluster): Warming {
  const { type = 'STATIC', cluster_type: custom, eds_cluster_config: eds, health_checks: checks = [] } = cluster;
  const checked = longest(checks.map(check => milliseconds(check.timeout) + CHECK_MARGIN));
  const lookedUp = type === 'STATIC' || type === 'EDS' || type === 'ORIGINAL_DST' ? 0 : LOOKUP;
  return {
    assignment: type === 'EDS' && !custom ? eds?.service_name || name : undefined,
    apart: type === 'EDS' && !custom && eds?.eds_config?.api_config_source !== undefined,
    beyond: checked + (custom && custom.name !== AGGREGATE ? LOOKUP : lookedUp),
  };
}

/** Of a duration such as `0.500s`. */
function milliseconds(duration: string | undefined): number {
  return duration === undefined ? 0 : 1000 * Number(duration.slice(0, -1));
}

function longest(times: readonly number[]): number {
  return times.reduce((most, each) => Math.max(most, each), 0);
}

/** Clusters with names that `from` does not have. Those that it has go on until the client can use the new ones. */
const newClusters = memo2((from: Snapshot, to: Snapshot): readonly EncodedResource[] => {
  const before = from.types.get(clusterUrl)?.resources;
  return clustersOf(to).filter(({ name }) => !before?.has(name));
});

const clustersOf = memo1((snapshot: Snapshot): readonly EncodedResource[] => [
  ...(snapshot.types.get(clusterUrl)?.resources.values() ?? []),
]);

function added(from: Snapshot | undefined, to: Snapshot): readonly EncodedResource[] {
  return from ? newClusters(from, to) : clustersOf(to);
}

/** True if any of its clusters asks for its endpoints on a stream of its own. */
export const leadsApart: (snapshot: Snapshot) => boolean = memo1(snapshot =>
  clustersOf(snapshot).some(each => warmingOf(each).apart),
);

/** The load assignments that clusters ask for on another stream. */
export const assignmentsOf = memo1(
  (clusters: readonly EncodedResource[]): ReadonlySet<string> =>
    new Set(clusters.flatMap(each => warmingOf(each).assignment ?? [])),
);

/** False if the client has not subscribed to endpoints of as many clusters as are new: then it need not be looked at. */
export function mayBeWarm(tally: Tally, from: Snapshot | undefined, to: Snapshot): boolean {
  const { names, broad } = counted(tally, endpointUrl);
  return broad > 0 || names >= assignmentsOf(added(from, to)).size;
}

/**
 * Names of clusters that a client warms anew when it is sent these responses (R39). One that comes back with clusters of
 * its own, or is sent them in parts, may have others in the place of those that come.
 */
export function warmedAnew(before: TypeState, { sent }: TypeState, responses: readonly Response[]): readonly string[] {
  if (before.sent && sent && !before.inParts) return replaced(before.sent, sent);
  if (!before.resumes && !before.inParts) return [];
  return responses.flatMap(({ body }) => body.resources.map(each => each.name));
}

/** True if the client has acknowledged the endpoints of every new cluster that has some. */
export function isWarm(
  progress: readonly { readonly aggregated: boolean; readonly state: TypeState; readonly outdated?: true }[],
  from: Snapshot | undefined,
  to: Snapshot,
): boolean {
  const wanted = new Set(assignmentsOf(added(from, to)));
  if (wanted.size === 0) return true;
  for (const { aggregated, state, outdated } of progress) {
    if (state.typeUrl !== endpointUrl || !state.acked || outdated) continue;
    // What is sent again there may be for a cluster that was replaced.
    if (aggregated && (state.unanswered.length > 0 || !isEmpty(state.again))) continue;
    const { names, wildcard, globs } = state.subscription;
    const held = wildcard || globs ? [...wanted].filter(name => covers(state.subscription, name)) : names;
    for (const name of held) if (state.acked.resources.has(name)) wanted.delete(name);
  }
  return wanted.size === 0;
}

/** Milliseconds that new clusters need after that. */
export function warmUp(from: Snapshot | undefined, to: Snapshot): number {
  return longest(added(from, to).map(each => warmingOf(each).beyond));
}

import type { EncodedResource, TypeSnapshot } from '../snapshot/snapshot.ts';
import { versionOf } from '../snapshot/type-version.ts';

/** How the protocol treats a resource type. */
export interface ResourceType {
  readonly typeUrl: string;
  /** SotW: every response holds all that is subscribed, and absence deletes (R26). Otherwise only what changed (R27). */
  readonly complete: boolean;
  /** A first request without names subscribes to everything (R20, R21). */
  readonly emptyIsWildcard: boolean;
  /**
   * `made`: new ones are sent at once, old ones are removed last. `using`: refers to them, so it waits for their
   * acknowledgement (R37). `free`: in no order with others.
   */
  readonly order: 'made' | 'using' | 'free';
  /** How delta says that a name does not exist: in `removed_resources`, or by a resource without a body (R46). */
  readonly absent?: 'bodiless';
}

const prefix = 'type.googleapis.com/';
export const clusterUrl = `${prefix}envoy.config.cluster.v3.Cluster`;
export const endpointUrl = `${prefix}envoy.config.endpoint.v3.ClusterLoadAssignment`;
export const listenerUrl = `${prefix}envoy.config.listener.v3.Listener`;
export const routeUrl = `${prefix}envoy.config.route.v3.RouteConfiguration`;
export const scopedRouteUrl = `${prefix}envoy.config.route.v3.ScopedRouteConfiguration`;
export const virtualHostUrl = `${prefix}envoy.config.route.v3.VirtualHost`;
export const localityEndpointUrl = `${prefix}envoy.config.endpoint.v3.LbEndpoint`;
export const secretUrl = `${prefix}envoy.extensions.transport_sockets.tls.v3.Secret`;
export const runtimeUrl = `${prefix}envoy.service.runtime.v3.Runtime`;
export const extensionConfigUrl = `${prefix}envoy.config.core.v3.TypedExtensionConfig`;

/**
 * In the order of sending. Envoy takes scopes of routes like clusters and listeners: what a SotW response lacks is
 * deleted, and no names ask for everything. No names of virtual hosts ask for all of the stream's route tables.
 *
 * Endpoints of localities are in no order: one that is removed must not linger.
 */
const known: ReadonlyMap<string, ResourceType> = new Map(
  (
    [
      { typeUrl: clusterUrl, complete: true, emptyIsWildcard: true, order: 'made' },
      { typeUrl: endpointUrl, complete: false, emptyIsWildcard: false, order: 'made' },
      { typeUrl: localityEndpointUrl, complete: false, emptyIsWildcard: false, order: 'free' },
      { typeUrl: secretUrl, complete: false, emptyIsWildcard: false, order: 'free' },
      { typeUrl: extensionConfigUrl, complete: false, emptyIsWildcard: false, order: 'using' },
      { typeUrl: listenerUrl, complete: true, emptyIsWildcard: true, order: 'using' },
      { typeUrl: scopedRouteUrl, complete: true, emptyIsWildcard: true, order: 'using' },
      { typeUrl: routeUrl, complete: false, emptyIsWildcard: false, order: 'using' },
      { typeUrl: virtualHostUrl, complete: false, emptyIsWildcard: true, order: 'using', absent: 'bodiless' },
      { typeUrl: runtimeUrl, complete: false, emptyIsWildcard: false, order: 'free' },
    ] satisfies readonly ResourceType[]
  ).map(row => [row.typeUrl, row]),
);

/** The row of a type; types without one are served by name, in no order with others. */
export function resourceType(typeUrl: string): ResourceType {
  return known.get(typeUrl) ?? { typeUrl, complete: false, emptyIsWildcard: false, order: 'free' };
}

const ranks: ReadonlyMap<string, number> = new Map([...known.keys()].map((typeUrl, rank) => [typeUrl, rank]));

/** Where a type stands in the order of sending; types without a row come last. */
export function rankOf(typeUrl: string): number {
  return ranks.get(typeUrl) ?? ranks.size;
}

const emptySets = new Map([...known.keys()].map(typeUrl => [typeUrl, emptySet(typeUrl)]));

/** What stands for a type that a snapshot does not have: nothing, and yet an answer. Undefined without a row. */
export function emptyOf(typeUrl: string): TypeSnapshot | undefined {
  return emptySets.get(typeUrl);
}

function emptySet(typeUrl: string): TypeSnapshot {
  const resources = new Map<string, EncodedResource>();
  return { typeUrl, version: versionOf(typeUrl, resources), resources };
}

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
}

const prefix = 'type.googleapis.com/';
export const clusterUrl = `${prefix}envoy.config.cluster.v3.Cluster`;
export const endpointUrl = `${prefix}envoy.config.endpoint.v3.ClusterLoadAssignment`;
export const listenerUrl = `${prefix}envoy.config.listener.v3.Listener`;
export const routeUrl = `${prefix}envoy.config.route.v3.RouteConfiguration`;
const scopedRouteUrl = `${prefix}envoy.config.route.v3.ScopedRouteConfiguration`;

const known: ReadonlyMap<string, ResourceType> = new Map(
  (
    [
      { typeUrl: clusterUrl, complete: true, emptyIsWildcard: true, order: 'made' },
      { typeUrl: endpointUrl, complete: false, emptyIsWildcard: false, order: 'made' },
      { typeUrl: listenerUrl, complete: true, emptyIsWildcard: true, order: 'using' },
      { typeUrl: scopedRouteUrl, complete: false, emptyIsWildcard: true, order: 'using' },
      { typeUrl: routeUrl, complete: false, emptyIsWildcard: false, order: 'using' },
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

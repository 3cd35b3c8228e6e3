import type { Variant } from './frame.ts';
import { clusterUrl, endpointUrl, listenerUrl, routeUrl } from './resource-type.ts';

/** A gRPC service with its streams, and the one type that it serves. */
export interface ServiceRow {
  readonly service: string;
  readonly impliedType: string | undefined;
  readonly methods: Readonly<Record<string, Variant>>;
  /** The unary method (R53). */
  readonly fetch?: string;
}

/** What the server speaks: all types on one stream, or one type on a stream of its own. */
export const discoveryServices: readonly ServiceRow[] = [
  {
    service: 'envoy.service.discovery.v3.AggregatedDiscoveryService',
    impliedType: undefined,
    methods: { StreamAggregatedResources: 'sotw', DeltaAggregatedResources: 'delta' },
  },
  {
    service: 'envoy.service.cluster.v3.ClusterDiscoveryService',
    impliedType: clusterUrl,
    methods: { StreamClusters: 'sotw', DeltaClusters: 'delta' },
    fetch: 'FetchClusters',
  },
  {
    service: 'envoy.service.endpoint.v3.EndpointDiscoveryService',
    impliedType: endpointUrl,
    methods: { StreamEndpoints: 'sotw', DeltaEndpoints: 'delta' },
    fetch: 'FetchEndpoints',
  },
  {
    service: 'envoy.service.listener.v3.ListenerDiscoveryService',
    impliedType: listenerUrl,
    methods: { StreamListeners: 'sotw', DeltaListeners: 'delta' },
    fetch: 'FetchListeners',
  },
  {
    service: 'envoy.service.route.v3.RouteDiscoveryService',
    impliedType: routeUrl,
    methods: { StreamRoutes: 'sotw', DeltaRoutes: 'delta' },
    fetch: 'FetchRoutes',
  },
];

import type { Variant } from './events.ts';
import {
  clusterUrl,
  endpointUrl,
  extensionConfigUrl,
  listenerUrl,
  localityEndpointUrl,
  routeUrl,
  runtimeUrl,
  scopedRouteUrl,
  secretUrl,
  virtualHostUrl,
} from './resource-type.ts';

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
  {
    service: 'envoy.service.route.v3.ScopedRoutesDiscoveryService',
    impliedType: scopedRouteUrl,
    methods: { StreamScopedRoutes: 'sotw', DeltaScopedRoutes: 'delta' },
    fetch: 'FetchScopedRoutes',
  },
  {
    service: 'envoy.service.secret.v3.SecretDiscoveryService',
    impliedType: secretUrl,
    methods: { StreamSecrets: 'sotw', DeltaSecrets: 'delta' },
    fetch: 'FetchSecrets',
  },
  {
    service: 'envoy.service.runtime.v3.RuntimeDiscoveryService',
    impliedType: runtimeUrl,
    methods: { StreamRuntime: 'sotw', DeltaRuntime: 'delta' },
    fetch: 'FetchRuntime',
  },
  {
    service: 'envoy.service.extension.v3.ExtensionConfigDiscoveryService',
    impliedType: extensionConfigUrl,
    methods: { StreamExtensionConfigs: 'sotw', DeltaExtensionConfigs: 'delta' },
    fetch: 'FetchExtensionConfigs',
  },
  {
    service: 'envoy.service.route.v3.VirtualHostDiscoveryService',
    impliedType: virtualHostUrl,
    methods: { DeltaVirtualHosts: 'delta' },
  },
  {
    service: 'envoy.service.endpoint.v3.LocalityEndpointDiscoveryService',
    impliedType: localityEndpointUrl,
    methods: { DeltaLocalityEndpoints: 'delta' },
  },
];

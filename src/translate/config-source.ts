import type { ApiConfigSource, ConfigSource, GrpcService } from '../../proto/gen/envoy.config.core.v3.ts';
import { controlPlane } from '../base/control-plane.ts';
import type { FleetXds } from '../policy/fleet.ts';

/** `delta` sends only what changed; `sotw` (state of the world) is for old proxies and for comparing. */
export type XdsVariant = 'delta' | 'sotw';

const overGrpc: GrpcService = {
  envoy_grpc: {
    cluster_name: controlPlane,
    // Envoy would send the cluster's name as `:authority`; with its slash, no HTTP/2 server accepts that.
    authority: 'switchyard',
    // Envoy's own 30s would leave proxies half a minute behind after we were away. Pauses are drawn at random.
    retry_policy: { retry_back_off: { base_interval: '0.500s', max_interval: '5s' } },
  },
};

/** Load reports have one form only. */
export const reportsOverGrpc: ApiConfigSource = {
  api_type: 'GRPC',
  transport_api_version: 'V3',
  grpc_services: [overGrpc],
};

/** A stream to the control plane: the ADS stream in a bootstrap, or the one of a single type or resource. */
export function streamOverGrpc(variant: XdsVariant): ApiConfigSource {
  return {
    api_type: variant === 'delta' ? 'DELTA_GRPC' : 'GRPC',
    transport_api_version: 'V3',
    set_node_on_first_message_only: true,
    grpc_services: [overGrpc],
  };
}

const ads: ConfigSource = { ads: {}, resource_api_version: 'V3' };
const perType: Readonly<Record<XdsVariant, ConfigSource>> = {
  delta: { api_config_source: streamOverGrpc('delta'), resource_api_version: 'V3' },
  sotw: { api_config_source: streamOverGrpc('sotw'), resource_api_version: 'V3' },
};

/** Where a proxy gets what a resource refers to. Equal settings give the same object, so that it can be remembered by. */
export function configSource(xds: FleetXds): ConfigSource {
  return xds.streams === 'ads' ? ads : perType[xds.variant];
}

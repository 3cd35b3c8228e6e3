import type { LocalityLbConfig } from '../../proto/gen/envoy.extensions.load_balancing_policies.common.v3.ts';
import type { ByLoad, OwnFirst, Zones } from '../policy/zones.ts';
import { percentMessage } from './units.ts';

/** What zones are to the choice of an endpoint. */
export function zoneChoice(zones: Exclude<Zones, ByLoad>): LocalityLbConfig {
  switch (zones.mode) {
    case 'ignored':
      return doNotCount;
    case 'weighted':
      return { locality_weighted_lb_config: {} };
    case 'ownFirst':
      return { zone_aware_lb_config: ownFirst(zones) };
  }
}

/**
 * Has to be said: zone-aware routing is on by itself for every proxy that knows its own fleet, counts endpoints and not
 * their weights, and big machines would no longer get more traffic than small ones.
 */
const doNotCount: LocalityLbConfig = { zone_aware_lb_config: { routing_enabled: { value: 0 } } };

/** By weight: a zone with a big machine takes as much of its own traffic as one with two small ones. */
function ownFirst(zones: OwnFirst): LocalityLbConfig['zone_aware_lb_config'] {
  const { share, minEndpoints, forceOwnZone, failInPanic } = zones;
  return {
    routing_enabled: percentMessage(share),
    min_cluster_size: minEndpoints,
    ...(failInPanic ? { fail_traffic_on_panic: true } : {}),
    ...(forceOwnZone === undefined ? {} : { force_local_zone: { min_size: forceOwnZone } }),
    locality_basis: 'HEALTHY_HOSTS_WEIGHT',
  };
}

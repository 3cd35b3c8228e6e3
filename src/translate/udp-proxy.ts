import { any } from '../../proto/codec.ts';
import type { Listener } from '../../proto/gen/envoy.config.listener.v3.ts';
import type { UdpListenerIr } from '../ir/ir.ts';
import { duration, statPrefix } from './units.ts';

/**
 * A port for datagrams. Each worker has a socket of its own, which Envoy demands of it as soon as there are two; the
 * kernel brings all datagrams of a caller's port to the same one.
 */
export function udpListener({ name, address, port, to, idleTimeout }: UdpListenerIr): Listener {
  return {
    name,
    stat_prefix: statPrefix(name),
    address: { socket_address: { protocol: 'UDP', address, port_value: port } },
    traffic_direction: 'INBOUND',
    enable_reuse_port: true,
    udp_listener_config: {},
    listener_filters: [
      {
        name: 'envoy.filters.udp_listener.udp_proxy',
        typed_config: any('envoy.extensions.filters.udp.udp_proxy.v3.UdpProxyConfig', {
          stat_prefix: statPrefix(name),
          matcher: {
            on_no_match: {
              action: {
                name: 'route',
                typed_config: any('envoy.extensions.filters.udp.udp_proxy.v3.Route', { cluster: to.cluster }),
              },
            },
          },
          idle_timeout: duration(idleTimeout),
          // The only thing that ring hash and maglev can go by here; other policies ignore it.
          hash_policies: [{ source_ip: true }],
        }),
      },
    ],
  };
}

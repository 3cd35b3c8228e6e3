import type { ConfigSource } from '../../proto/gen/envoy.config.core.v3.ts';
import type { Listener } from '../../proto/gen/envoy.config.listener.v3.ts';
import type { ListenerIr } from '../ir/ir.ts';
import { connectionLimit } from './connection-limit.ts';
import { edgeBuffer, httpConnectionManager } from './http-connection-manager.ts';
import { tcpProxy } from './tcp-proxy.ts';
import { udpListener } from './udp-proxy.ts';
import { statPrefix } from './units.ts';

/** One port of a proxy. What it routes by comes from `source`. */
export function envoyListener(listener: ListenerIr, source: ConfigSource): Listener {
  if (listener.kind === 'udp') return udpListener(listener);
  const outbound = listener.role === 'outbound';
  return {
    name: listener.name,
    // Statistics are named after the listener rather than its address, which may change.
    stat_prefix: statPrefix(listener.name),
    address: { socket_address: { address: listener.address, port_value: listener.port } },
    traffic_direction: outbound ? 'OUTBOUND' : 'INBOUND',
    // Failing one's own health check is a sign for callers outside, not for the application beside us.
    ...(outbound ? { drain_type: 'MODIFY_ONLY' } : {}),
    enable_reuse_port: listener.reusePort,
    ...(listener.role === 'edge' ? { per_connection_buffer_limit_bytes: edgeBuffer } : evenWorkers(listener.reusePort)),
    filter_chains: [
      {
        filters: [
          ...connectionLimit(listener),
          listener.kind === 'http' ? httpConnectionManager(listener, source) : tcpProxy(listener),
        ],
      },
    ],
  };
}

/** Sidecars have few, long connections: with one socket for all workers the kernel would give most of them to one. */
function evenWorkers(reusePort: boolean): Listener {
  return reusePort ? {} : { connection_balance_config: { exact_balance: {} } };
}

import { any } from '../../proto/codec.ts';
import type { Filter } from '../../proto/gen/envoy.config.listener.v3.ts';
import type { TcpProxy } from '../../proto/gen/envoy.extensions.filters.network.tcp_proxy.v3.ts';
import type { TcpListenerIr, WeightedClusterIr } from '../ir/ir.ts';
import { statPrefix } from './units.ts';

/** The network filter that passes bytes on to one cluster, or to several by weight, chosen per connection. */
export function tcpProxy(listener: TcpListenerIr): Filter {
  return {
    name: 'envoy.filters.network.tcp_proxy',
    typed_config: any('envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy', {
      stat_prefix: statPrefix(listener.name),
      ...destination(listener.to),
      // No byte was sent yet, so that trying another endpoint is always safe; Envoy would give up after one.
      max_connect_attempts: 3,
      // The only thing that ring hash and maglev can go by here; other policies ignore it.
      hash_policy: [{ source_ip: {} }],
    }),
  };
}

/** Envoy refuses weights of 0, so that a destination without a share is left out. */
function destination(to: readonly WeightedClusterIr[]): TcpProxy {
  const used = to.filter(each => each.weight > 0);
  const [first] = used;
  if (first && used.length === 1) return { cluster: first.cluster };
  return { weighted_clusters: { clusters: used.map(({ cluster, weight }) => ({ name: cluster, weight })) } };
}

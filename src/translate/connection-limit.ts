import { any } from '../../proto/codec.ts';
import type { Filter } from '../../proto/gen/envoy.config.listener.v3.ts';
import type { ListenerIr } from '../ir/ir.ts';
import { statPrefix } from './units.ts';

/** The network filter that closes connections above a number; none where there is no limit. */
export function connectionLimit({ name, maxConnections }: ListenerIr): readonly Filter[] {
  if (maxConnections === undefined) return [];
  return [
    {
      name: 'envoy.filters.network.connection_limit',
      typed_config: any('envoy.extensions.filters.network.connection_limit.v3.ConnectionLimit', {
        stat_prefix: statPrefix(name),
        max_connections: maxConnections,
      }),
    },
  ];
}

import type { AnyMessage } from '../../../proto/codec.ts';
import type { HttpFilter } from '../../../proto/gen/envoy.extensions.filters.network.http_connection_manager.v3.ts';
import type { HttpListenerIr, WeightedClusterIr } from '../../ir/ir.ts';
import { adaptiveConcurrency } from './adaptive-concurrency.ts';
import type { HttpFilterName, HttpFilterWriter } from './filter.ts';
import { healthCheck } from './health-check.ts';
import { router } from './router.ts';
import { statefulSession } from './stateful-session.ts';

interface Placed {
  readonly filter: HttpFilterWriter;
  /** Why it stands where it stands. */
  readonly because: string;
}

/** HTTP filters in the order in which a request passes them. */
const table = [
  { filter: healthCheck, because: 'first: tells checks from what the next one may turn away' },
  {
    filter: adaptiveConcurrency,
    because: 'before all else: what is turned away must cost nothing, and what takes time behind it counts',
  },
  { filter: statefulSession, because: 'right before the router: only a request that no other filter answers needs it' },
  { filter: router, because: 'last: it ends the chain, and Envoy rejects a chain that does not end with it' },
] as const satisfies readonly Placed[];

type Forgotten = Exclude<HttpFilterName, (typeof table)[number]['filter']['name']>;
type Complete<T> = [Forgotten] extends [never] ? T : { readonly forgotten: Forgotten };

const ordered: readonly Placed[] = table satisfies Complete<typeof table>;

const fullName = (name: HttpFilterName) => `envoy.filters.http.${name}`;

/** The filters that a listener needs, in their order. */
export function httpFilters(listener: HttpListenerIr): readonly HttpFilter[] {
  return ordered.flatMap(({ filter }): readonly HttpFilter[] => {
    const config = filter.config(listener);
    if (!config) return [];
    const resting = filter.forDestination ? { disabled: true } : {};
    return [{ name: fullName(filter.name), typed_config: config, ...resting }];
  });
}

/** What filters do for requests to a destination, as a field of its route or of its part of a split. */
export function destinationFilters(to: WeightedClusterIr): {
  readonly typed_per_filter_config?: Readonly<Record<string, AnyMessage>>;
} {
  const configs = ordered.flatMap(({ filter }) => {
    const config = filter.forDestination?.(to);
    return config ? [[fullName(filter.name), config] as const] : [];
  });
  return configs.length > 0 ? { typed_per_filter_config: Object.fromEntries(configs) } : {};
}

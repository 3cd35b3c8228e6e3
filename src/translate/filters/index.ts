import type { HttpFilter } from '../../../proto/gen/envoy.extensions.filters.network.http_connection_manager.v3.ts';
import type { HttpListenerIr } from '../../ir/ir.ts';
import type { HttpFilterName, HttpFilterWriter } from './filter.ts';
import { router } from './router.ts';

interface Placed {
  readonly filter: HttpFilterWriter;
  /** Why it stands where it stands. */
  readonly because: string;
}

/** HTTP filters in the order in which a request passes them. */
const table = [
  { filter: router, because: 'last: it ends the chain, and Envoy rejects a chain that does not end with it' },
] as const satisfies readonly Placed[];

type Forgotten = Exclude<HttpFilterName, (typeof table)[number]['filter']['name']>;
type Complete<T> = [Forgotten] extends [never] ? T : { readonly forgotten: Forgotten };

const ordered: Complete<typeof table> = table;

/** The filters that a listener needs, in their order. */
export function httpFilters(listener: HttpListenerIr): readonly HttpFilter[] {
  return ordered.flatMap(({ filter }): readonly HttpFilter[] => {
    const config = filter.config(listener);
    return config ? [{ name: `envoy.filters.http.${filter.name}`, typed_config: config }] : [];
  });
}

import type { QueryInput } from '../admin/api/operation.ts';
import { listProxies, type ProxiesReply, type ProxyOrder, type ProxyReply, worstFirst } from '../admin/api.ts';
import { compareText } from '../base/compare.ts';
import { call } from './call.ts';
import type { AdminFlags, CliHost } from './host.ts';

/** Which proxies; what of them is asked for. */
export type ProxyFilter = Pick<QueryInput<typeof listProxies>, 'fleet' | 'state' | 'name'>;

/** The first proxies in an order, from as many pages as they take. */
export async function firstProxies(
  host: CliHost,
  flags: AdminFlags,
  { filter, sort, rows }: { readonly filter: ProxyFilter; readonly sort: ProxyOrder; readonly rows: number },
): Promise<ProxiesReply> {
  const proxies: ProxyReply[] = [];
  let cursor: string | undefined;
  for (;;) {
    const limit = String(Math.min(longestPage, rows - proxies.length));
    const query = { ...filter, sort, limit, ...(cursor === undefined ? {} : { cursor }) };
    const { body } = await call(host, flags, listProxies, { query });
    for (const each of body.proxies) proxies.push(each);
    cursor = body.next;
    if (cursor === undefined || proxies.length >= rows) return { ...body, proxies };
  }
}

const longestPage = 1000;

/**
 * All of them. They are asked for by id, which does not change: by another order, who becomes better or worse between two
 * pages would be on both of them, or on none.
 */
export async function allProxies(
  host: CliHost,
  flags: AdminFlags,
  filter: ProxyFilter,
  sort: ProxyOrder,
): Promise<ProxiesReply> {
  const found = await firstProxies(host, flags, { filter, sort: 'id', rows: Number.POSITIVE_INFINITY });
  return { ...found, proxies: found.proxies.toSorted(orders[sort]) };
}

type Order = (a: ProxyReply, b: ProxyReply) => number;

/** As the server has them; what is equal stays in the order of ids. */
const byFleet: Order = (a, b) => compareText(a.fleet ?? '\uffff', b.fleet ?? '\uffff');
const rank = ({ state }: ProxyReply) => worstFirst.indexOf(state);

const orders: Readonly<Record<ProxyOrder, Order>> = {
  id: () => 0,
  fleet: byFleet,
  worst: (a, b) => rank(a) - rank(b) || byFleet(a, b),
  since: (a, b) => compareText(a.since, b.since) || byFleet(a, b),
};

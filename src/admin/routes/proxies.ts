import { didYouMean } from '../../base/suggest.ts';
import {
  listProxies,
  type ProxiesReply,
  type ProxyOrder,
  type ProxyReply,
  type RetryReply,
  retryProxy,
  worstFirst,
} from '../api.ts';
import type { AdminDependencies } from '../dependencies.ts';
import { type PageKey, pageOf } from '../pages.ts';
import { placesIn } from '../places.ts';
import { ApiError } from '../problem-json.ts';
import { proxyTable } from '../proxy-table.ts';
import { type Api, answer, serve } from '../serve.ts';
import { seenOrOfNone } from '../visible.ts';

/** The sync table, or what the query leaves of it. A fleet's name stands for all its sub-fleets. */
export function proxyRoutes(api: Api, dependencies: AdminDependencies): void {
  const { control } = dependencies;
  serve(api, listProxies, ({ context, query: { state, fleet, name, sort = 'fleet', limit, cursor } }) => {
    const seen = seenOrOfNone(context);
    const wanted = (each: ProxyReply) =>
      seen(each.fleet) &&
      (state === undefined || each.state === state) &&
      (name === undefined || each.id.includes(name)) &&
      (fleet === undefined || each.fleet === fleet || (each.fleet?.startsWith(`${fleet}/`) ?? false));
    const all = proxyTable(dependencies, placesIn(control)).filter(wanted);
    const { page, next } = pageOf(all, keys[sort], { limit, cursor });
    return answer(200, {
      proxies: page,
      total: all.length,
      counts: countsOf(all),
      ...(next === undefined ? {} : { next }),
    });
  });
  serve(api, retryProxy, ({ params: { id }, query: { dryRun = false } }) =>
    dryRun ? answer(200, withheldFrom(dependencies, id)) : answer(202, retry(dependencies, id)),
  );
}

const byFleet = ({ fleet, id, peer }: ProxyReply): PageKey => [fleet === null ? 1 : 0, fleet ?? '', id, peer];

const keys: Readonly<Record<ProxyOrder, (each: ProxyReply) => PageKey>> = {
  fleet: byFleet,
  id: ({ id, peer }) => [id, peer],
  worst: each => [worstFirst.indexOf(each.state), ...byFleet(each)],
  since: each => [each.since, ...byFleet(each)],
};

function countsOf(all: readonly ProxyReply[]): ProxiesReply['counts'] {
  const counts = new Map<string, ProxiesReply['counts'][number]>();
  for (const { fleet, state } of all) {
    const key = JSON.stringify([fleet, state]);
    counts.set(key, { fleet, state, count: (counts.get(key)?.count ?? 0) + 1 });
  }
  return [...counts.values()];
}

/** Sends a proxy what it rejected once more. */
function retry(dependencies: AdminDependencies, id: string): RetryReply {
  // Counted before: from then on nothing is withheld.
  const reply = withheldFrom(dependencies, id);
  if (dependencies.retry(id)) return reply;
  throw notConnected(dependencies, id);
}

/** @throws ApiError 404 */
function withheldFrom(dependencies: AdminDependencies, id: string): RetryReply {
  const found = dependencies.fleet.proxies().filter(each => each.node.id === id);
  if (found.length === 0) throw notConnected(dependencies, id);
  const withheld = found.flatMap(each => each.withheld ?? []);
  return { id, resources: withheld.reduce((sum, each) => sum + each.rejects.length + each.suspects.length, 0) };
}

function notConnected({ fleet }: AdminDependencies, id: string): ApiError {
  const connected = fleet.proxies().map(each => each.node.id);
  return new ApiError(404, 'Not found', `No proxy "${id}" is connected.`, {
    hint: didYouMean(id, connected) ?? 'GET /api/v1/proxies lists those that are',
  });
}

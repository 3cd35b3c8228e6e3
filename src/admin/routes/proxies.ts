import { didYouMean } from '../../base/suggest.ts';
import { listProxies, type ProxyOrder, type ProxyReply, type RetryReply, retryProxy, worstFirst } from '../api.ts';
import type { AdminDependencies } from '../dependencies.ts';
import { PageFinder, type PageKey } from '../pages.ts';
import { placesIn } from '../places.ts';
import { ApiError } from '../problem-json.ts';
import { ProxyCounts } from '../proxy-counts.ts';
import { type ProxyRow, proxyRows } from '../proxy-table.ts';
import { type Api, answer, serve } from '../serve.ts';
import { inTurns } from '../turns.ts';
import { seenOrOfNone } from '../visible.ts';

/** The sync table, or what the query leaves of it. A fleet's name stands for all its sub-fleets. */
export function proxyRoutes(api: Api, dependencies: AdminDependencies): void {
  serve(api, listProxies, async ({ context, query: { state, fleet, name, sort = 'fleet', limit, cursor } }) => {
    const seen = seenOrOfNone(context);
    const wanted = (each: ProxyRow) =>
      seen(each.fleet) &&
      (state === undefined || each.state === state) &&
      (name === undefined || each.id.includes(name)) &&
      (fleet === undefined || each.fleet === fleet || (each.fleet?.startsWith(`${fleet}/`) ?? false));
    const finder = new PageFinder(keys[sort], { limit, cursor });
    const counts = new ProxyCounts();
    await inTurns(proxyRows(dependencies, placesIn(dependencies.control)), row => {
      if (!wanted(row)) return;
      finder.add(row);
      counts.add(row);
    });
    const proxies = await fitting(finder.page);
    const next = finder.nextAfter(proxies.length);
    return answer(200, {
      proxies,
      total: counts.total,
      counts: counts.all,
      ...(next === undefined ? {} : { next }),
    });
  });
  serve(api, retryProxy, ({ params: { id }, query: { dryRun = false } }) =>
    dryRun ? answer(200, withheldFrom(dependencies, id)) : answer(202, retry(dependencies, id)),
  );
}

const byFleet = ({ fleet, id, peer, client }: ProxyRow): PageKey => [
  fleet === null ? 1 : 0,
  fleet ?? '',
  id,
  peer,
  client,
];

const keys: Readonly<Record<ProxyOrder, (each: ProxyRow) => PageKey>> = {
  fleet: byFleet,
  id: ({ id, peer, client }) => [id, peer, client],
  worst: each => [worstFirst.indexOf(each.state), ...byFleet(each)],
  since: each => [each.since, ...byFleet(each)],
};

/** Bytes of a page, but for a proxy that alone has more: it is shown by itself. */
const mostBytes = 4 * 1024 * 1024;

/** As many of the first as there is room for. What a proxy says of all that it rejects may be a megabyte. */
async function fitting(rows: readonly ProxyRow[]): Promise<readonly ProxyReply[]> {
  const replies: ProxyReply[] = [];
  let bytes = 0;
  const add = (row: ProxyRow) => {
    const reply = row.reply();
    const size = Buffer.byteLength(JSON.stringify(reply));
    bytes += size;
    if (bytes > mostBytes && replies.length > 0) return false;
    replies.push(reply);
    return Math.ceil(size / 100);
  };
  await inTurns(rows, add);
  return replies;
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

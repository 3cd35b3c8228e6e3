import { mayFleet } from '../../access/caller.ts';
import { didYouMean } from '../../base/suggest.ts';
import { listProxies, type ProxyReply, type RetryReply, retryProxy } from '../api.ts';
import type { AdminDependencies } from '../dependencies.ts';
import { placesIn } from '../places.ts';
import { ApiError } from '../problem-json.ts';
import { proxyTable } from '../proxy-table.ts';
import { type Api, answer, serve } from '../serve.ts';

/** The sync table, or what `?fleet=` and `?state=` leave of it. A fleet's name stands for all its sub-fleets. */
export function proxyRoutes(api: Api, dependencies: AdminDependencies): void {
  const { control } = dependencies;
  serve(api, listProxies, ({ context, query: { state, fleet } }) => {
    const caller = context.get('caller');
    const wanted = (each: ProxyReply) =>
      (each.fleet === null ? caller.fleets === undefined : mayFleet(caller, each.fleet)) &&
      (state === undefined || each.state === state) &&
      (fleet === undefined || each.fleet === fleet || (each.fleet?.startsWith(`${fleet}/`) ?? false));
    return answer(200, { proxies: proxyTable(dependencies, placesIn(control)).filter(wanted) });
  });
  serve(api, retryProxy, ({ params: { id } }) => answer(202, retry(dependencies, id)));
}

/** Sends a proxy what it rejected once more. */
function retry({ fleet, retry: again }: AdminDependencies, id: string): RetryReply {
  // Counted before: from then on nothing is withheld.
  const withheld = fleet.proxies().flatMap(each => (each.node.id === id && each.withheld ? [each.withheld] : []));
  const resources = withheld.reduce((sum, each) => sum + each.rejects.length + each.suspects.length, 0);
  if (again(id)) return { id, resources };
  const connected = fleet.proxies().map(each => each.node.id);
  throw new ApiError(404, 'Not found', `No proxy "${id}" is connected.`, {
    hint: didYouMean(id, connected) ?? 'GET /api/v1/proxies lists those that are',
  });
}

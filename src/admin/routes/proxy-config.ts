import { didYouMean } from '../../base/suggest.ts';
import { fleetOf } from '../../fleet/proxy.ts';
import type { RecentSets } from '../../snapshot/recent-sets.ts';
import { readProxyConfig } from '../api.ts';
import type { AdminDependencies } from '../dependencies.ts';
import { ApiError } from '../problem-json.ts';
import { proxyConfig } from '../proxy-config.ts';
import { type Api, answer, serve } from '../serve.ts';
import { seenOrOfNone } from '../visible.ts';

/** What one proxy is to hold, and what it holds. */
export function proxyConfigRoutes(api: Api, dependencies: AdminDependencies & { readonly recent: RecentSets }): void {
  serve(api, readProxyConfig, ({ context, params: { id }, query: { of = 'intended' } }) => {
    const seen = seenOrOfNone(context);
    // Proxies of fleets that the caller may not see are as if they were not there.
    const mine = dependencies.fleet.proxies().filter(each => seen(fleetOf(each)));
    const proxy = mine.findLast(each => each.node.id === id);
    if (!proxy) {
      const ids = mine.map(each => each.node.id);
      const hint = didYouMean(id, ids) ?? 'GET /api/v1/proxies lists those that are';
      throw new ApiError(404, 'Not found', `No proxy "${id}" is connected.`, { hint });
    }
    const reply = proxyConfig(dependencies, proxy, of);
    if (!reply) {
      throw new ApiError(404, 'Not found', `The proxy "${id}" is given no fleet, so it holds nothing of ours.`, {
        hint: 'GET /api/v1/proxies says why',
      });
    }
    return answer(200, reply);
  });
}

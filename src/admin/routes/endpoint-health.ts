import { didYouMean } from '../../base/suggest.ts';
import { readEndpointHealth } from '../api.ts';
import type { AdminDependencies } from '../dependencies.ts';
import { endpointHealth } from '../endpoint-health.ts';
import { ApiError } from '../problem-json.ts';
import { type Api, answer, serve } from '../serve.ts';
import { seenBy } from '../visible.ts';

/** How proxies find endpoints: all of `?service=`, else those that some proxy does not find healthy. */
export function endpointHealthRoutes(api: Api, dependencies: AdminDependencies): void {
  serve(api, readEndpointHealth, async ({ context, query: { service, limit } }) => {
    const names = Object.keys(dependencies.control.accepted?.policy.services ?? {});
    if (service !== undefined && !names.includes(service)) {
      const hint = didYouMean(service, names);
      throw new ApiError(404, 'Not found', `There is no service "${service}".`, { hint });
    }
    return answer(200, await endpointHealth(dependencies, { service, limit }, seenBy(context)));
  });
}

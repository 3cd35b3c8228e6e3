import { Hono } from 'hono';
import { didYouMean } from '../../base/suggest.ts';
import type { AdminDependencies } from '../dependencies.ts';
import { endpointHealth } from '../endpoint-health.ts';
import { ApiError } from '../problem-json.ts';

/** How proxies find endpoints: all of `?service=`, else those that some proxy does not find healthy. */
export function endpointHealthRoutes(dependencies: AdminDependencies): Hono {
  return new Hono().get('/endpoint-health', context => {
    const service = context.req.query('service');
    const names = Object.keys(dependencies.control.accepted?.policy.services ?? {});
    if (service !== undefined && !names.includes(service)) {
      const hint = didYouMean(service, names);
      throw new ApiError(404, 'Not found', `There is no service "${service}".`, hint === undefined ? {} : { hint });
    }
    return context.json(endpointHealth(dependencies, service));
  });
}

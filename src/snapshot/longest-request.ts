import type { RouteAction, RouteConfiguration } from '../../proto/gen/envoy.config.route.v3.ts';
import { memo1 } from '../base/memo.ts';
import { type Resource, servedTypes } from '../base/resource.ts';

/**
 * Milliseconds that a request may take on the routes among the resources, from when it has come to when it is answered,
 * retries included; infinite where a route has no limit. What is no longer routed to is in use for as long (R37a).
 */
export function longestRequest(resources: readonly Resource[]): number {
  let most = 0;
  for (const resource of resources) {
    if (resource.type === servedTypes.route) most = Math.max(most, longestOf(resource));
  }
  return most;
}

const longestOf = memo1(({ message }: Resource): number => {
  const { virtual_hosts: hosts = [] } = message as RouteConfiguration;
  return hosts.reduce((most, host) => Math.max(most, longestIn(host)), 0);
});

const longestIn = memo1((host: NonNullable<RouteConfiguration['virtual_hosts']>[number]): number => {
  const actions = (host.routes ?? []).flatMap(({ route }) => (route ? [route] : []));
  return actions.reduce((most, action) => Math.max(most, timeoutOf(action)), 0);
});

/** Envoy's own limit where a route sets none. */
const USUAL = 15_000;

function timeoutOf({ timeout }: RouteAction): number {
  const limit = timeout === undefined ? USUAL : 1000 * Number(timeout.slice(0, -1));
  return limit === 0 ? Number.POSITIVE_INFINITY : limit;
}

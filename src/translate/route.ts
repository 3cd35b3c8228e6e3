import type { Route, RouteConfiguration, VirtualHost } from '../../proto/gen/envoy.config.route.v3.ts';
import { memo1 } from '../base/memo.ts';
import type { RouteTableIr, RuleIr, VirtualHostIr } from '../ir/ir.ts';
import { ruleRoute } from './route-action.ts';
import { conditions, pathSpecifier, routeMatch } from './route-match.ts';

/** The longest body of a direct response that Envoy takes without being told, in bytes. */
const usualBodyLimit = 4096;

/**
 * The routes of a listener, or of several of one gateway, in the order of the policy: the first that matches wins.
 *
 * Clusters are not validated by Envoy (R37): a route may come moments before the cluster it names, and a cluster that
 * goes does not take the routes of all others with it.
 */
export const routeConfiguration: (table: RouteTableIr) => RouteConfiguration = memo1(table => {
  const virtualHosts = table.virtualHosts.map(virtualHost);
  const longestBody = virtualHosts.reduce((most, host) => (host.routes ?? []).reduce(longerBody, most), 0);
  return {
    name: table.name,
    virtual_hosts: virtualHosts,
    ignore_port_in_host_matching: true,
    validate_clusters: false,
    ...(longestBody > usualBodyLimit ? { max_direct_response_body_size_bytes: longestBody } : {}),
  };
});

const virtualHost = memo1(
  (host: VirtualHostIr): VirtualHost => ({
    name: host.name,
    domains: host.domains,
    routes: host.rules.flatMap(ruleRoutes),
  }),
);

function ruleRoutes(rule: RuleIr): readonly Route[] {
  const { match } = rule.rule;
  const path = pathSpecifier(match.path);
  return conditions(match).map(list => ({ match: routeMatch(path, list), ...ruleRoute(rule) }));
}

function longerBody(most: number, route: Route): number {
  return Math.max(most, Buffer.byteLength(route.direct_response?.body?.inline_string ?? ''));
}

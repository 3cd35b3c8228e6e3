import type { Route, RouteConfiguration, VirtualHost } from '../../proto/gen/envoy.config.route.v3.ts';
import { memo1 } from '../base/memo.ts';
import type { RouteTableIr, RuleIr, VirtualHostIr } from '../ir/ir.ts';
import type { Match } from '../policy/match.ts';
import { guardRoutes, type VersionedRule, versionedRoutes, versionedRule } from './api-version.ts';
import { usualAttempts } from './attempts.ts';
import { type Lane, lanes } from './lane.ts';
import { ruleRoute } from './route-action.ts';
import { conditions, pathSpecifier, routeMatch } from './route-match.ts';
import { withoutUnreached } from './unreached.ts';

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
    ...(table.virtualHosts.some(callsSidecars) ? withoutUnreached : {}),
    ...(longestBody > usualBodyLimit ? { max_direct_response_body_size_bytes: longestBody } : {}),
  };
});

const virtualHost = memo1((host: VirtualHostIr): VirtualHost => {
  const usual = usualAttempts(host.rules);
  const rules = host.rules.map(rule => {
    const own = lanes(rule, usual !== undefined);
    return { rule, own, versioned: versionedRule(rule, own) };
  });
  const guards = guardsByRule(rules.flatMap(({ versioned }) => versioned ?? []));
  return {
    name: host.name,
    domains: host.domains,
    routes: rules.flatMap(({ rule, own, versioned }) => [
      ...(versioned ? versionedRoutes(versioned) : plainRoutes(rule, own)),
      ...(guards.get(rule) ?? []).flatMap(guardRoutes),
    ]),
    ...usual,
  };
});

function callsSidecars({ rules }: VirtualHostIr): boolean {
  return rules.some(({ action }) => action.kind === 'forward' && action.behindSidecars);
}

/** A rule that asks for a version which none of its services has matches nothing. */
function plainRoutes(rule: RuleIr, own: readonly Lane[]): readonly Route[] {
  const { match } = rule.rule;
  if (match.apiVersion !== undefined) return [];
  const path = pathSpecifier(match.path);
  return own.flatMap(lane => {
    const rest = ruleRoute(rule, { lane });
    return conditions(match).map(list => ({ match: routeMatch(path, list, lane.conditions), ...rest }));
  });
}

/**
 * The rules with an API version after which the guards for other versions stand, and whose conditions these have: after
 * the last rule that names a version of the same service on the same path, so that no guard hides a rule of a version.
 */
function guardsByRule(rules: readonly VersionedRule[]): ReadonlyMap<RuleIr, readonly VersionedRule[]> {
  const asking = rules.filter(({ rule }) => rule.rule.match.apiVersion !== undefined);
  const groups = Map.groupBy(asking, ({ rule, serviceName }) =>
    JSON.stringify([serviceName, pathSpecifier(rule.rule.match.path)]),
  );
  return new Map(
    [...groups.values()].flatMap(group => {
      const last = group.at(-1);
      return last ? [[last.rule, widest(group)] as const] : [];
    }),
  );
}

/** One rule of each set of conditions; just one without conditions if there is one, since it holds all that others do. */
function widest(group: readonly VersionedRule[]): readonly VersionedRule[] {
  const byConditions = new Map(group.map(each => [JSON.stringify(conditions(each.rule.rule.match)), each]));
  const all = byConditions.get(JSON.stringify(conditions(anyRequest)));
  return all ? [all] : [...byConditions.values()];
}

const anyRequest: Match = { headers: {}, query: {}, cookies: {} };

function longerBody(most: number, route: Route): number {
  return Math.max(most, Buffer.byteLength(route.direct_response?.body?.inline_string ?? ''));
}

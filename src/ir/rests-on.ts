import { memo1, memo2 } from '../base/memo.ts';
import type { PolicyPath, Problem } from '../base/problem.ts';
import { destinationParts } from '../policy/destination.ts';
import { nameOf } from '../policy/draft.ts';
import type { Kind, Policy } from '../policy/kinds.ts';
import { valueAt } from '../policy/repair.ts';
import type { Rule } from '../policy/route.ts';
import { shadowsIn } from './check-routes.ts';
import { fallbackChain, servicesNamedBehind } from './fallback.ts';
import { lookup, sortedUnique } from './order.ts';
import { overlappingPairs } from './overlap.ts';
import { servicesOfRoute } from './references.ts';

/**
 * The places of a policy that a problem of its structure was concluded from: while none of them changes, it stays true.
 * Rather too many than too few.
 */
export function restsOn(policy: Policy, problem: Problem): readonly PolicyPath[] {
  const own = problem.path.slice(0, 2);
  if (problem.code.startsWith('service.fallback_')) return onFallback(policy, problem, own);
  if (own[0] === 'services' && problem.code !== 'fleet.member_ambiguous') return onService(problem, own);
  if (own[0] === 'gateways') return onGateway(policy, problem, own);
  if (own[0] === 'routes') return onRoute(policy, problem, own);
  return onFleet(policy, problem, own);
}

function onService({ code, path }: Problem, own: PolicyPath): readonly PolicyPath[] {
  const at = (...fields: readonly string[]) => fields.map(field => [...own, field]);
  switch (code) {
    case 'service.no_endpoints':
    case 'service.duplicate_endpoint':
    case 'service.duplicate_hash_key':
      return at('endpoints');
    case 'service.inbound_on_unix_socket':
    case 'schema.invalid_address':
      return [path.slice(0, 4)];
    case 'service.version_empty':
      return [path, ...at('endpoints')];
    case 'service.option_without_effect':
      return [path, ...at('protocol', 'endpoints', 'loadBalancing', 'failover', 'healthCheck')];
    case 'retries.timeout_not_retried':
      return at('protocol', 'retries');
    case 'service.maintenance_protocol':
      return at('protocol', 'maintenance');
    default:
      return [own];
  }
}

function onFallback(policy: Policy, { code, path }: Problem, own: PolicyPath): readonly PolicyPath[] {
  const target = String(valueAt(policy, path));
  const { service } = destinationParts(target);
  switch (code) {
    case 'service.fallback_not_found':
      return [path, ...named(policy, 'services', service, ['versions'])];
    case 'service.fallback_protocol':
      return [path, [...own, 'protocol'], ...named(policy, 'services', service, ['protocol'])];
    case 'service.fallback_circle':
      return [target, String(own[1])].flatMap(from =>
        fallbackChain(policy.services, from).flatMap(key => {
          const { service: name, version } = destinationParts(key);
          const ofVersion = version === undefined ? [] : [['services', name, 'versions', version, 'fallback']];
          return [['services', name, 'fallback'], ...ofVersion];
        }),
      );
    case 'service.fallback_retry_budget':
      return [path, [...own, 'retryBudget']];
    case 'service.fallback_sessions':
      return [path, [...own, 'sessions']];
    default:
      return [path, [...own, 'endpoints'], [...own, 'failover']];
  }
}

function onGateway(policy: Policy, { code, path }: Problem, own: PolicyPath): readonly PolicyPath[] {
  const listener = path.slice(0, 4);
  switch (code) {
    case 'gateway.unused': {
      const served = Object.keys(policy.fleets).map(fleet => ['fleets', fleet, 'gateways']);
      return [nameOf(own), nameOf(['fleets']), ...served];
    }
    case 'gateway.port_overlap': {
      const listeners = lookup(policy.gateways, String(own[1]))?.listeners ?? [];
      const pair = overlappingPairs(listeners).find(([, second]) => second === path[3]) ?? listeners.keys();
      return [...pair].flatMap(index =>
        ['address', 'port', 'protocol'].map(field => [...own, 'listeners', index, field]),
      );
    }
    case 'gateway.service_not_found':
    case 'gateway.version_not_found':
    case 'gateway.protocol_mismatch':
      return [
        listener,
        ...named(policy, 'services', valueAt(policy, [...path.slice(0, 6), 'service']), ['protocol', 'versions']),
      ];
    default:
      return [listener];
  }
}

function onRoute(policy: Policy, { code, path }: Problem, own: PolicyPath): readonly PolicyPath[] {
  const rules = lookup(policy.routes, String(own[1]))?.rules ?? [];
  const ruleAt = (index: number | string | undefined, ...fields: readonly string[]) =>
    fields.map(field => [...own, 'rules', index ?? 0, field]);
  const reached = (wanted: readonly Rule[], ...fields: readonly string[]) =>
    servicesOfRules(wanted).flatMap(service => named(policy, 'services', service, fields));
  const rule = rules.filter((_, index) => index === path[3]);
  switch (code) {
    case 'route.gateway_not_found':
      return [path, ...named(policy, 'gateways', valueAt(policy, path), [])];
    case 'route.service_not_found':
    case 'route.version_not_found':
      return [
        path.slice(0, 6),
        ...named(policy, 'services', valueAt(policy, [...path.slice(0, 6), 'service']), ['versions']),
      ];
    case 'route.protocol_mismatch':
      return [path.slice(0, 6), ...named(policy, 'services', valueAt(policy, path), ['protocol', 'versions'])];
    case 'route.duplicate_destination':
    case 'route.weights_sum_to_zero':
      return ruleAt(path[3], 'to');
    case 'retries.timeout_not_retried':
      return ruleAt(path[3], 'retries');
    case 'route.duplicate_rule':
      return [...rules.keys()].flatMap(index => ruleAt(index, 'name'));
    case 'route.shadowed_rule': {
      const pair = shadowsOf(policy, rules).find(([, index]) => index === path[3]) ?? [...rules.keys()];
      return [
        ...pair.flatMap(index => ruleAt(index, 'match', 'to')),
        ...reached(
          pair.flatMap(index => rules[index] ?? []),
          'apiVersioning',
          'versions',
        ),
      ];
    }
    case 'route.session_clash':
      return [...[...rules.keys()].flatMap(index => ruleAt(index, 'to')), ...reached(rules, 'sessions', 'versions')];
    case 'route.sticky_unnamed':
    case 'route.sticky_conflict':
      return ruleAt(path[3], 'to', 'sticky', 'responseHeaders');
    case 'route.sticky_clash':
      return [
        ...[...rules.keys()].flatMap(index => ruleAt(index, 'to', 'sticky', 'name')),
        ...reached(rules, 'sessions', 'versions'),
      ];
    case 'route.sticky_hash_destinations':
      return ruleAt(path[3], 'to', 'sticky');
    case 'route.sticky_hash_conflict':
      return [
        ...ruleAt(path[3], 'to', 'sticky'),
        ...rule
          .flatMap(({ to = [] }) => servicesNamedBehind(policy, to))
          .flatMap(service => named(policy, 'services', service, ['loadBalancing', 'versions', 'fallback'])),
      ];
    case 'route.duplicate_host':
      return onHosts(policy, valueAt(policy, path));
    case 'route.not_attached':
      return [nameOf(['fleets']), ...onMesh(policy, String(own[1])), ...sidecarsOf(policy)];
    default:
      // Of one rule: what it matches and does, and what the services that it sends to say of versions.
      return [
        ...ruleAt(path[3], 'match', 'to', 'rewrite', 'redirect', 'respond'),
        ...reached(rule, 'apiVersioning', 'versions'),
      ];
  }
}

function onFleet(policy: Policy, { code, path, message }: Problem, own: PolicyPath): readonly PolicyPath[] {
  switch (code) {
    case 'fleet.gateway_not_found':
      return [path, ...named(policy, 'gateways', valueAt(policy, path), [])];
    case 'fleet.service_not_found': {
      const value = valueAt(policy, path);
      return [path, ...named(policy, 'services', typeof value === 'string' ? value : valueAt(value, ['service']), [])];
    }
    case 'fleet.duplicate_upstream':
      return [[...own, 'sidecar', 'upstreams']];
    case 'fleet.protocol_mismatch': {
      const value = valueAt(policy, path);
      const service = typeof value === 'string' ? value : valueAt(value, ['service']);
      return [path, ...named(policy, 'services', service, ['protocol'])];
    }
    case 'fleet.upstream_port_missing':
    case 'fleet.upstream_port_unexpected':
      return [path, ...named(policy, 'services', valueAt(policy, [...path, 'service']), ['protocol'])];
    case 'fleet.overlap': {
      const others = Object.keys(policy.fleets).filter(fleet => message.includes(JSON.stringify(fleet)));
      return [path, ...others.flatMap(fleet => [['fleets', fleet, 'match'], nameOf(['fleets', fleet])]), nameOf(own)];
    }
    case 'fleet.route_partly_reachable': {
      const routes = Object.keys(policy.routes).filter(route => message.includes(JSON.stringify(route)));
      return [[...own, 'sidecar'], ...routes.flatMap(route => onMesh(policy, route)), ...sidecarsOf(policy)];
    }
    case 'fleet.zones_unknown':
      return [own, ...onOwnZones(policy, own)];
    default: {
      // Of ports and addresses.
      const gateways = lookup(policy.fleets, String(own[1]))?.gateways ?? [];
      const listeners = gateways.flatMap(gateway => named(policy, 'gateways', gateway, ['listeners']));
      return gateways.length > 0 ? [own, ...listeners] : [...(own[0] === 'fleets' ? [own] : []), ...sidecarsOf(policy)];
    }
  }
}

/** What a fleet sends to, and where its proxies stand. */
function onOwnZones(policy: Policy, own: PolicyPath): readonly PolicyPath[] {
  const { gateways = [], sidecar } = lookup(policy.fleets, String(own[1])) ?? {};
  const beside = sidecar?.service === undefined ? [] : named(policy, 'services', sidecar.service, ['endpoints']);
  return [
    ...beside,
    ...Object.keys(policy.services).flatMap(service =>
      ['loadBalancing', 'fallback', 'versions'].map(field => ['services', service, field]),
    ),
    ...gateways.flatMap(gateway => named(policy, 'gateways', gateway, ['listeners'])),
    ...Object.keys(policy.routes).flatMap(route => onMesh(policy, route)),
  ];
}

const shadowsOf = memo2(shadowsIn);

/** Fields of a resource that is named somewhere; if there is none, that there is none. */
function named(policy: Policy, kind: Kind, name: unknown, fields: readonly string[]): readonly PolicyPath[] {
  if (typeof name !== 'string') return [[kind]];
  if (!lookup<unknown>(policy[kind], name)) return [[kind, name], nameOf([kind])];
  return fields.map(field => [kind, name, field]);
}

function servicesOfRules(rules: readonly Rule[]): readonly string[] {
  return sortedUnique(rules.flatMap(rule => (rule.to ?? []).map(({ service }) => service)));
}

/** All that claims a host, and by which name, since the later name has the problem. */
function onHosts(policy: Policy, host: unknown): readonly PolicyPath[] {
  return Object.entries(policy.routes).flatMap(([name, route]) =>
    route.hosts.some(each => each === host)
      ? ['hosts', 'gateways', 'mesh', ''].map(field => ['routes', name, field])
      : [],
  );
}

/** Where a route is offered, and what it needs. */
function onMesh(policy: Policy, name: string): readonly PolicyPath[] {
  const route = lookup(policy.routes, name);
  if (!route) return [['routes', name]];
  return [
    ...['gateways', 'mesh'].map(field => ['routes', name, field]),
    ...[...route.rules.keys()].map(index => ['routes', name, 'rules', index, 'to']),
    ...servicesOfRoute(route).flatMap(service => named(policy, 'services', service, ['protocol'])),
  ];
}

/** All that the sidecars of all fleets are made from. */
const sidecarsOf = memo1((policy: Policy): readonly PolicyPath[] =>
  Object.entries(policy.fleets).flatMap(([name, { sidecar }]) => {
    if (!sidecar) return [['fleets', name, 'sidecar']];
    const upstreams = sidecar.upstreams.flatMap(({ service }) => named(policy, 'services', service, ['protocol']));
    const own =
      sidecar.service === undefined ? [] : named(policy, 'services', sidecar.service, ['endpoints', 'protocol']);
    return [['fleets', name, 'match'], ['fleets', name, 'sidecar'], nameOf(['fleets', name]), ...upstreams, ...own];
  }),
);

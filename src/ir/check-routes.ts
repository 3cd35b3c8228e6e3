import { memo1 } from '../base/memo.ts';
import { type PolicyPath, type Problem, problem } from '../base/problem.ts';
import type { Policy } from '../policy/kinds.ts';
import type { Route, Rule } from '../policy/route.ts';
import { type OfRoutes, renewedOfRoutes } from './by-route.ts';
import { checkRule } from './check-rules.ts';
import { checkSessions } from './check-sessions.ts';
import { checkStickyClashes } from './check-sticky.ts';
import { fallingBack, mayFallBack } from './fallback.ts';
import { keeping } from './kept.ts';
import { lookup, sortedEntries, sortedUnique } from './order.ts';
import { notFound, servicesOfRoute } from './references.ts';
import { reachedBy, versioningOf } from './rules.ts';
import { covers, type VersionedMatch } from './shadow.ts';

const keepProblems = keeping<readonly Problem[]>();

/** What is wrong with routes. */
export function checkRoutes(policy: Policy): readonly Problem[] {
  const { services, gateways } = policy;
  const about = { routes: sortedEntries(policy.routes), services };
  const last = lastChecked.get(gateways);
  const make = (name: string, route: Route) => checkKept(policy, name, route);
  // A route's problems name its own services and what takes over from them, and of one that is not there what names there are.
  const more = [...(last ? fallingBack(last.services) : []), ...fallingBack(services)];
  const made = renewedOfRoutes(last, about, make, { more }) ?? about.routes.map(([name, route]) => make(name, route));
  lastChecked.set(gateways, { ...about, made });
  return [...made.flat(), ...checkHosts(policy.routes)];
}

const lastChecked = new WeakMap<Policy['gateways'], OfRoutes<readonly Problem[]>>();
const none: readonly Problem[] = [];

function checkKept(policy: Policy, name: string, route: Route): readonly Problem[] {
  const services = servicesOfRoute(route).map(each => {
    const service = lookup(policy.services, each);
    return service && !mayFallBack(service) ? service : policy.services;
  });
  const gateways = route.gateways.map(gateway => (lookup(policy.gateways, gateway) ? true : policy.gateways));
  return keepProblems(route, name, [...services, ...gateways], () => {
    const found = checkRoute(policy, ['routes', name], route);
    return found.length === 0 ? none : found;
  });
}

function checkRoute(policy: Policy, path: PolicyPath, route: Route): readonly Problem[] {
  const problems: Problem[] = [];
  for (const [index, gateway] of route.gateways.entries()) {
    if (lookup(policy.gateways, gateway)) continue;
    problems.push(
      notFound('route.gateway_not_found', [...path, 'gateways', index], 'gateway', gateway, policy.gateways),
    );
  }
  if (route.gateways.length === 0 && !route.mesh) {
    const hint = 'add gateways, or mesh: true for sidecars';
    problems.push(problem('route.not_attached', path, 'No gateway takes the traffic of this route in.', hint));
  }
  for (const [index, rule] of route.rules.entries()) {
    problems.push(...checkRule(policy, rule, [...path, 'rules', index]));
  }
  problems.push(...checkRuleNames(route.rules, path), ...checkShadows(policy, route.rules, path));
  problems.push(...checkSessions(policy, route, path), ...checkStickyClashes(policy, route, path));
  return problems;
}

function checkRuleNames(rules: readonly Rule[], path: PolicyPath): readonly Problem[] {
  const seen = new Map<string, number>();
  return rules.flatMap(({ name }, index) => {
    if (name === undefined) return [];
    const earlier = seen.get(name);
    if (earlier === undefined) {
      seen.set(name, index);
      return [];
    }
    const message = `"${name}" is already the name of rule number ${earlier + 1} of this route.`;
    return [problem('route.duplicate_rule', [...path, 'rules', index, 'name'], message, 'rename one of the two')];
  });
}

/** Rules that an earlier one leaves nothing for. */
function checkShadows(policy: Policy, rules: readonly Rule[], path: PolicyPath): readonly Problem[] {
  return shadowsIn(policy, rules).flatMap(([earlier, index]) => {
    const name = rules[earlier]?.name;
    const which = name === undefined ? `rule number ${earlier + 1}` : `the rule "${name}"`;
    const message = `This rule never matches: ${which} before it takes all of its requests.`;
    const at = [...path, 'rules', index];
    return [problem('route.shadowed_rule', at, message, 'move the narrower rule before the wider one')];
  });
}

/** The places of a rule that takes all, and of a later one that it leaves nothing for. */
export function shadowsIn(policy: Policy, rules: readonly Rule[]): readonly (readonly [number, number])[] {
  const matches = rules.map(rule => versionedMatch(policy, rule));
  return matches.flatMap((narrow, index) => {
    const earlier = matches.slice(0, index).findIndex(wide => covers(wide, narrow));
    return earlier < 0 ? [] : [[earlier, index] as const];
  });
}

function versionedMatch(policy: Policy, rule: Rule): VersionedMatch {
  return { match: rule.match, versioning: versioningOf(reachedBy(policy, rule.to ?? []))?.versioning };
}

/** Hosts that two routes of one gateway, or of the mesh, or one route twice, claim. */
const checkHosts = memo1((routes: Policy['routes']): readonly Problem[] => {
  const claims = new Map<string, string>();
  const reported = new Set<string>();
  return sortedEntries(routes).flatMap(([name, route]) =>
    route.hosts.flatMap((host, index) => {
      const path = ['routes', name, 'hosts', index];
      if (route.hosts.indexOf(host) < index) {
        const message = `The host "${host}" stands in this route twice.`;
        return [problem('route.duplicate_host', path, message, 'remove one of the two')];
      }
      return placesOf(route).flatMap(place => {
        const key = `${place} ${host}`;
        const other = claims.get(key);
        if (other === undefined) claims.set(key, name);
        if (other === undefined || reported.has(`${name} ${host} ${other}`)) return [];
        reported.add(`${name} ${host} ${other}`);
        const message = `The host "${host}" belongs to the route "${other}" of ${place} already.`;
        return [problem('route.duplicate_host', path, message, 'move the rules into one route, or change a host')];
      });
    }),
  );
});

function placesOf(route: Route): readonly string[] {
  const gateways = sortedUnique(route.gateways).map(gateway => `gateway "${gateway}"`);
  return route.mesh ? [...gateways, 'the mesh'] : gateways;
}

import { type PolicyPath, type Problem, problem } from '../base/problem.ts';
import type { Fleet, FleetMatch } from '../policy/fleet.ts';
import type { Policy } from '../policy/kinds.ts';
import { checkSidecar } from './check-sidecars.ts';
import { globsMeet } from './glob.ts';
import { lookup, sortedEntries, sortedUnique } from './order.ts';
import { formatBinding, overlappingPairs } from './overlap.ts';
import { notFound } from './references.ts';

/** What is wrong with fleets, each by itself and one beside the other. */
export function checkFleets(policy: Policy): readonly Problem[] {
  const fleets = sortedEntries(policy.fleets);
  const own = fleets.flatMap(([name, fleet]) =>
    fleet.sidecar ? checkSidecar(policy, name, fleet, fleet.sidecar) : checkEdge(policy, ['fleets', name], fleet),
  );
  return [...own, ...checkMatches(fleets)];
}

function checkEdge(policy: Policy, path: PolicyPath, fleet: Fleet): readonly Problem[] {
  const names = fleet.gateways ?? [];
  const missing = names.flatMap((name, index) => {
    if (lookup(policy.gateways, name)) return [];
    return [notFound('fleet.gateway_not_found', [...path, 'gateways', index], 'gateway', name, policy.gateways)];
  });
  const listeners = sortedUnique(names).flatMap(gateway =>
    (lookup(policy.gateways, gateway)?.listeners ?? []).map(({ address, port, protocol }) => ({
      gateway,
      address,
      port,
      protocol,
    })),
  );
  const overlaps = overlappingPairs(listeners).flatMap(([first, second]) => {
    const [a, b] = [listeners[first], listeners[second]];
    // Within one gateway it is the gateway's own problem.
    if (!a || !b || a.gateway === b.gateway) return [];
    const message = `${formatBinding(b)} of gateway "${b.gateway}" overlaps ${formatBinding(a)} of gateway "${a.gateway}".`;
    const at = [...path, 'gateways', names.indexOf(b.gateway)];
    return [problem('fleet.port_overlap', at, message, 'give one of them another port or address')];
  });
  return [...missing, ...overlaps];
}

/** Pairs of fleets that one node could belong to both of. */
function checkMatches(fleets: readonly (readonly [string, Fleet])[]): readonly Problem[] {
  return fleets.flatMap(([name, { match }], index) =>
    fleets.slice(0, index).flatMap(([other, { match: theirs }]) => {
      if (!matchesMeet(match, theirs)) return [];
      const message = `An Envoy could belong both to this fleet and to "${other}": no field of the two matches excludes it.`;
      const hint = `give both the same field with texts that differ, such as cluster: ${name} and cluster: ${other}`;
      return [problem('fleet.overlap', ['fleets', name, 'match'], message, hint)];
    }),
  );
}

/** False only if some field is named by both matches with globs that no text fits both of. */
function matchesMeet(a: FleetMatch, b: FleetMatch): boolean {
  const fields = ['id', 'cluster', 'region', 'zone'] as const;
  const pairs = [
    ...fields.map(field => [a[field], b[field]] as const),
    ...Object.entries(a.metadata).map(([key, glob]) => [glob, lookup(b.metadata, key)] as const),
  ];
  return pairs.every(([first, second]) => first === undefined || second === undefined || globsMeet(first, second));
}

import { type PolicyPath, type Problem, problem } from '../base/problem.ts';
import type { Gateway } from '../policy/gateway.ts';
import type { Policy } from '../policy/kinds.ts';
import { sortedEntries } from './order.ts';
import { formatBinding, overlappingPairs } from './overlap.ts';
import { checkDestinations, type DestinationCodes } from './references.ts';

const codes: DestinationCodes = {
  service: 'gateway.service_not_found',
  version: 'gateway.version_not_found',
  duplicate: 'gateway.duplicate_destination',
  zero: 'gateway.weights_sum_to_zero',
};

/** What is wrong with gateways by themselves. */
export function checkGateways(policy: Policy): readonly Problem[] {
  const used = new Set(Object.values(policy.fleets).flatMap(fleet => fleet.gateways ?? []));
  return sortedEntries(policy.gateways).flatMap(([name, gateway]) => {
    const path = ['gateways', name];
    const problems = [...checkDestinationsOf(policy, path, gateway), ...checkPorts(path, gateway)];
    if (!used.has(name)) {
      const hint = "name it in a fleet's gateways, or remove it";
      problems.push(problem('gateway.unused', path, `No fleet serves the gateway "${name}".`, hint));
    }
    return problems;
  });
}

function checkDestinationsOf(policy: Policy, path: PolicyPath, gateway: Gateway): readonly Problem[] {
  return gateway.listeners.flatMap((listener, index) =>
    listener.protocol === 'tcp'
      ? checkDestinations(policy, listener.to, [...path, 'listeners', index, 'to'], codes)
      : [],
  );
}

function checkPorts(path: PolicyPath, { listeners }: Gateway): readonly Problem[] {
  return overlappingPairs(listeners).flatMap(([first, second]) => {
    const [a, b] = [listeners[first], listeners[second]];
    if (!a || !b) return [];
    const message = `${formatBinding(b)} overlaps ${formatBinding(a)} of listener number ${first + 1}.`;
    const at = [...path, 'listeners', second, 'port'];
    return [problem('gateway.port_overlap', at, message, 'give one of them another port or address')];
  });
}

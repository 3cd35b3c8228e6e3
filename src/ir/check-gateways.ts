import { type PolicyPath, type Problem, problem } from '../base/problem.ts';
import type { Gateway, Listener } from '../policy/gateway.ts';
import type { Policy } from '../policy/kinds.ts';
import { sortedEntries } from './order.ts';
import { formatBinding, overlappingPairs } from './overlap.ts';
import { checkDestinations, type DestinationCodes } from './references.ts';
import { reachedBy } from './rules.ts';

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
    listener.protocol === 'http'
      ? []
      : [
          ...checkDestinations(policy, listener.to, [...path, 'listeners', index, 'to'], codes),
          ...checkProtocols(policy, listener, [...path, 'listeners', index, 'to']),
        ],
  );
}

/** Bytes may go to whoever speaks over TCP, datagrams only to who takes datagrams. */
function checkProtocols(
  policy: Policy,
  { protocol, to }: Exclude<Listener, { readonly protocol: 'http' }>,
  path: PolicyPath,
): readonly Problem[] {
  return reachedBy(policy, to).flatMap(({ destination, service }) => {
    if ((service.protocol === 'udp') === (protocol === 'udp')) return [];
    const at = [...path, to.indexOf(destination), 'service'];
    const message = `The service "${destination.service}" speaks ${service.protocol}, which a ${protocol} listener cannot send to.`;
    return [problem('gateway.protocol_mismatch', at, message, 'correct the protocol of one of the two')];
  });
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

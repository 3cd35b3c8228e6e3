import { formatAddress } from '../base/address.ts';
import { type PolicyPath, type Problem, problem } from '../base/problem.ts';
import type { Fleet, Sidecar } from '../policy/fleet.ts';
import type { Policy } from '../policy/kinds.ts';
import type { Service } from '../policy/service.ts';
import { declaredEndpoints } from './address.ts';
import { bindOf, groupSeats, mayBeMember, type SidecarSeat, seatsOf } from './inbound.ts';
import { lookup } from './order.ts';
import { type Binding, bindingsOverlap, formatBinding, overlappingPairs } from './overlap.ts';
import { notFound } from './references.ts';
import { knownUpstreams } from './sidecars.ts';

/** What is wrong with one fleet of sidecars. */
export function checkSidecar(policy: Policy, name: string, fleet: Fleet, sidecar: Sidecar): readonly Problem[] {
  const path = ['fleets', name, 'sidecar'];
  const problems = [...checkUpstreams(policy, path, sidecar)];
  const { service: serviceName } = sidecar;
  if (serviceName === undefined) return [...problems, ...checkPorts(path, outboundBindings(policy, sidecar))];
  const service = lookup(policy.services, serviceName);
  if (!service) {
    const at = [...path, 'service'];
    return [...problems, notFound('fleet.service_not_found', at, 'service', serviceName, policy.services)];
  }
  return [...problems, ...checkInbound(policy, name, fleet, sidecar, serviceName, service)];
}

function checkUpstreams(policy: Policy, path: PolicyPath, sidecar: Sidecar): readonly Problem[] {
  const seen = new Set<string>();
  return sidecar.upstreams.flatMap(({ service: name, port }, index) => {
    const at = [...path, 'upstreams', index];
    if (seen.has(name)) {
      return [problem('fleet.duplicate_upstream', at, `"${name}" is an upstream twice.`, 'remove one of the two')];
    }
    seen.add(name);
    const service = lookup(policy.services, name);
    if (!service) return [notFound('fleet.service_not_found', at, 'service', name, policy.services)];
    if (service.protocol === 'udp') return [datagrams(name, at)];
    if (service.protocol === 'tcp' && port === undefined) {
      const message = `The upstream "${name}" speaks tcp, so it needs a local port of its own.`;
      return [problem('fleet.upstream_port_missing', at, message, `write { service: ${name}, port: … }`)];
    }
    if (service.protocol !== 'tcp' && port !== undefined) {
      const { outbound } = sidecar;
      const message = `The upstream "${name}" speaks ${service.protocol}; it is reached by host, not by a port of its own.`;
      const hint = `remove the port and call http://${name}.${outbound.domain}:${outbound.port}`;
      return [problem('fleet.upstream_port_unexpected', at, message, hint)];
    }
    return [];
  });
}

function datagrams(service: string, path: PolicyPath): Problem {
  const message = `The service "${service}" speaks udp, which does not pass through sidecars.`;
  return problem(
    'fleet.protocol_mismatch',
    path,
    message,
    'call it at its address, or through a udp listener of a gateway',
  );
}

/** A binding, and what it is for, in words. */
export interface NamedBinding extends Binding {
  readonly what: string;
}

/** What the outbound side of every sidecar of the fleet binds. */
export function outboundBindings(policy: Policy, sidecar: Sidecar): readonly NamedBinding[] {
  const { address, port } = sidecar.outbound;
  const upstreams = knownUpstreams(policy, sidecar);
  const tcp = upstreams.flatMap(({ upstream, service }) =>
    service.protocol === 'tcp' && upstream.port !== undefined
      ? [{ address, port: upstream.port, what: `the port of upstream "${upstream.service}"` }]
      : [],
  );
  const http = upstreams.some(({ service }) => service.protocol !== 'tcp');
  return http ? [{ address, port, what: 'the outbound HTTP port' }, ...tcp] : tcp;
}

function checkInbound(
  policy: Policy,
  name: string,
  fleet: Fleet,
  sidecar: Sidecar,
  serviceName: string,
  service: Service,
): readonly Problem[] {
  const path = ['fleets', name, 'sidecar'];
  if (service.protocol === 'udp') return [datagrams(serviceName, [...path, 'service'])];
  const declared = declaredEndpoints(service).filter(({ endpoint }) => endpoint.inbound);
  const own = declared.filter(({ endpoint }) => mayBeMember(fleet, endpoint.inbound?.node));
  if (own.length === 0) {
    const [message, hint] =
      declared.length === 0
        ? [`No endpoint of "${serviceName}" declares its inbound.`, `add inbound to services.${serviceName}.endpoints`]
        : [`The endpoints of "${serviceName}" name nodes that match.id shuts out.`, 'correct match.id or inbound.node'];
    return [problem('fleet.inbound_missing', [...path, 'service'], message, hint)];
  }
  const unbound = own.find(({ address }) => address.kind === 'host' && bindOf(sidecar, address) === undefined);
  if (unbound) {
    const message = `The endpoint ${formatAddress(unbound.address)} is declared by name, so there is no address to listen on.`;
    return [problem('fleet.bind_missing', path, message, 'set bind, such as 0.0.0.0, or declare the endpoint by IP')];
  }
  const seats = seatsOf(fleet, sidecar, service);
  return [
    ...checkMembers(path, name, sidecar, serviceName, seats),
    ...checkSeatPorts(path, seats, outboundBindings(policy, sidecar)),
  ];
}

function checkMembers(
  path: PolicyPath,
  name: string,
  sidecar: Sidecar,
  serviceName: string,
  seats: readonly SidecarSeat[],
): readonly Problem[] {
  const nameless = seats.find(seat => seat.node === undefined)?.places[0]?.endpoint;
  if (!nameless || groupSeats(name, seats).length <= 1) return [];
  const message =
    `The endpoints of "${serviceName}" need different listeners, and ${nameless.endpoint.address} does not say ` +
    'which Envoy stands before it.';
  const at = ['services', serviceName, 'endpoints', nameless.index, 'inbound'];
  const alike = `set bind: 0.0.0.0 in ${path.join('.')}, if ports and applications are the same everywhere`;
  const hint = `set node to its node id${sidecar.bind === undefined ? `, or ${alike}` : ''}`;
  return [problem('fleet.member_ambiguous', at, message, hint)];
}

function checkSeatPorts(
  path: PolicyPath,
  seats: readonly SidecarSeat[],
  outbound: readonly NamedBinding[],
): readonly Problem[] {
  const problems = new Map<string, Problem>();
  for (const { places } of seats) {
    const inbound = places.map(({ address, port }) => ({ address, port, what: 'the inbound port' }));
    for (const each of checkPorts(path, [...inbound, ...outbound])) problems.set(each.message, each);
    for (const { application } of places) {
      if (application.kind !== 'ip') continue;
      const taken = { address: application.ip, port: application.port };
      const clash = [...inbound, ...outbound].find(binding => bindingsOverlap(binding, taken));
      if (!clash) continue;
      const message = `${formatBinding(clash)}, ${clash.what}, overlaps ${formatBinding(taken)}, where the application listens.`;
      problems.set(message, problem('fleet.port_overlap', path, message, 'give one of them another port or address'));
    }
  }
  return [...problems.values()];
}

function checkPorts(path: PolicyPath, bindings: readonly NamedBinding[]): readonly Problem[] {
  return overlappingPairs(bindings).flatMap(([first, second]) => {
    const [a, b] = [bindings[first], bindings[second]];
    if (!a || !b) return [];
    const message = `${formatBinding(b)}, ${b.what}, overlaps ${formatBinding(a)}, ${a.what}.`;
    return [problem('fleet.port_overlap', path, message, 'give one of them another port or address')];
  });
}

import { canonicalIp, isLoopback } from '../base/address.ts';
import { type Problem, problem } from '../base/problem.ts';
import type { Policy } from '../policy/kinds.ts';
import { type NamedBinding, outboundBindings } from './check-sidecars.ts';
import { type SidecarSeat, seatsOf } from './inbound.ts';
import { lookup, sortedEntries } from './order.ts';
import { bindingsOverlap, formatBinding } from './overlap.ts';

/** One sidecar, on the machine that its endpoint's address belongs to. */
interface Resident {
  readonly fleet: string;
  readonly service: string;
  /** The first endpoint it stands before, by place. */
  readonly endpoint: number;
  readonly bindings: readonly NamedBinding[];
}

/** Sidecars of one machine that would bind the same port. Loopback addresses are all of one machine. */
export function checkMachines(policy: Policy): readonly Problem[] {
  const machines = new Map<string, Resident[]>();
  for (const [fleetName, fleet] of sortedEntries(policy.fleets)) {
    const { sidecar } = fleet;
    const service = sidecar?.service === undefined ? undefined : lookup(policy.services, sidecar.service);
    if (!sidecar?.service || !service) continue;
    const outbound = outboundBindings(policy, sidecar);
    for (const seat of seatsOf(fleet, sidecar, service)) {
      const machine = machineOf(seat);
      const first = seat.places[0];
      if (machine === undefined || !first) continue;
      const inbound = seat.places.map(({ address, port }) => ({ address, port, what: 'the inbound port' }));
      const residents = machines.get(machine) ?? [];
      residents.push({
        fleet: fleetName,
        service: sidecar.service,
        endpoint: first.endpoint.index,
        bindings: [...inbound, ...outbound],
      });
      machines.set(machine, residents);
    }
  }
  const problems = new Map<string, Problem>();
  for (const [machine, residents] of machines) {
    for (const [key, each] of clashes(machine, residents)) if (!problems.has(key)) problems.set(key, each);
  }
  return [...problems.values()];
}

function machineOf({ places: [first] }: SidecarSeat): string | undefined {
  if (first?.endpoint.address.kind !== 'ip') return undefined;
  const { ip } = first.endpoint.address;
  return isLoopback(ip) ? 'loopback' : canonicalIp(ip);
}

/** One problem for each pair of fleets. */
function* clashes(machine: string, residents: readonly Resident[]): Iterable<readonly [string, Problem]> {
  for (const [index, second] of residents.entries()) {
    for (const first of residents.slice(0, index)) {
      // Two fleets may stand before the same endpoint: only one of them gets the Envoy.
      if (first.service === second.service && first.endpoint === second.endpoint) continue;
      const clash = firstClash(first, second);
      if (clash) yield [`${first.fleet} ${second.fleet}`, report(machine, first, second, ...clash)];
    }
  }
}

function firstClash(first: Resident, second: Resident): readonly [NamedBinding, NamedBinding] | undefined {
  for (const a of first.bindings) {
    for (const b of second.bindings) if (bindingsOverlap(a, b)) return [a, b];
  }
  return undefined;
}

function report(machine: string, first: Resident, second: Resident, a: NamedBinding, b: NamedBinding): Problem {
  const where = machine === 'loopback' ? 'this machine (loopback addresses)' : machine;
  const who =
    first.fleet === second.fleet
      ? `Two sidecars of fleet "${first.fleet}" share ${where}`
      : `Sidecars of the fleets "${first.fleet}" and "${second.fleet}" share ${where}`;
  const message = `${who}, and both would listen on ${formatBinding(b)}: ${a.what} of one, ${b.what} of the other.`;
  const hint =
    first.fleet === second.fleet
      ? 'make a fleet for each, matched by node id, with its own outbound.address or outbound.port'
      : `give fleet "${second.fleet}" its own outbound.address or outbound.port, and its endpoints ports of their own`;
  return problem('fleet.machine_port_clash', ['fleets', second.fleet, 'sidecar'], message, hint);
}

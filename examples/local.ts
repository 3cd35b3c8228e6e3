import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { parse } from 'yaml';
import type { PolicyInput } from '../src/index.ts';

/** A machine of an example that an Envoy runs on. */
export interface Machine {
  /** Node id and cluster of the Envoy. */
  readonly id: string;
  readonly cluster: string;
  readonly zone?: string;
  readonly address: string;
}

const edge: Machine = { id: 'edge-1', cluster: 'edge', address: '10.0.0.2' };

/** The Envoys of each example that can be run on one machine. */
export const machines = {
  'api-versions': [edge],
  'blue-green': [edge],
  canary: [edge],
  maintenance: [edge],
  mesh: [
    edge,
    { id: 'catalog-1', cluster: 'catalog', address: '10.0.0.11' },
    { id: 'catalog-2', cluster: 'catalog', address: '10.0.0.12' },
    { id: 'catalog-3', cluster: 'catalog', address: '10.0.0.13' },
    { id: 'checkout-1', cluster: 'checkout', address: '10.0.0.21' },
  ],
  sticky: [edge],
  story: [edge],
  tcp: [{ id: 'db-proxy-1', cluster: 'db-proxy', address: '10.0.0.2' }],
  'two-edges': [edge, { id: 'edge-2', cluster: 'edge', address: '10.0.0.3' }],
  typescript: [edge],
  'zones-and-failover-site': [
    { ...edge, zone: 'a' },
    { id: 'edge-2', cluster: 'edge', zone: 'b', address: '10.0.0.3' },
  ],
} as const satisfies Readonly<Record<string, readonly Machine[]>>;

export type ExampleName = keyof typeof machines;

/** The policy of an example as it stands in its folder. */
export async function examplePolicy(name: ExampleName): Promise<PolicyInput> {
  const file = path.join(import.meta.dirname, name, 'switchyard');
  if (existsSync(`${file}.ts`)) return (await import(`${file}.ts`)).default;
  return parse(readFileSync(`${file}.yaml`, 'utf8'));
}

/** Where something of an example is on this machine: 10.1.2.3 is 127.1.2.3. */
export const localAddress = (address: string): string => address.replace(/^10\./, '127.');

/**
 * The policy as it can run on one machine, where all of 127.0.0.0/8 is loopback: every address 10.x.y.z becomes
 * 127.x.y.z, every port what `port` says, and each Envoy listens on the address of its own machine. Where several
 * Envoys share a gateway or a fleet, each gets one of its own for that, called NAME-ID.
 */
export function onOneMachine(
  policy: PolicyInput,
  all: readonly Machine[],
  port: (declared: number) => number,
): PolicyInput {
  return apart(moved(withPorts(policy), port) as PolicyInput, all);
}

/** All ports that a policy names, of its listeners and of addresses. */
export function portsIn(policy: PolicyInput): ReadonlySet<number> {
  const found = new Set<number>();
  moved(withPorts(policy), port => {
    found.add(port);
    return port;
  });
  return found;
}

/** With the port of sidecars where none is written, so that it can be moved as well. */
function withPorts(policy: PolicyInput): PolicyInput {
  const fleets = Object.entries(policy.fleets ?? {}).map(([name, fleet]) => {
    const { sidecar } = fleet;
    return [
      name,
      sidecar ? { ...fleet, sidecar: { ...sidecar, outbound: { port: 15_001, ...sidecar.outbound } } } : fleet,
    ];
  });
  return { ...policy, fleets: Object.fromEntries(fleets) };
}

function moved(value: unknown, port: (declared: number) => number): unknown {
  if (typeof value === 'string') {
    const [, ip, own] = /^(\d+(?:\.\d+){3}):(\d+)$/.exec(value) ?? [];
    return ip === undefined ? value : `${localAddress(ip)}:${port(Number(own))}`;
  }
  if (Array.isArray(value)) return value.map(each => moved(each, port));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [
      key,
      key === 'port' && typeof each === 'number' ? port(each) : moved(each, port),
    ]),
  );
}

type Fleet = NonNullable<PolicyInput['fleets']>[string];

function apart(policy: PolicyInput, all: readonly Machine[]): PolicyInput {
  const fleets = Object.entries(policy.fleets ?? {}).flatMap(([name, fleet]) => {
    const members = all.filter(each => belongs(each, fleet));
    return members.map(each => ({ name: members.length === 1 ? name : `${name}-${each.id}`, fleet, machine: each }));
  });
  const servedBy = (gateway: string) => fleets.filter(each => each.fleet.gateways?.includes(gateway));
  const nameOn = (gateway: string, { id }: Machine) => (servedBy(gateway).length === 1 ? gateway : `${gateway}-${id}`);
  return {
    services: Object.fromEntries(
      Object.entries(policy.services ?? {}).map(([name, service]) => [
        name,
        { ...service, endpoints: (service.endpoints ?? []).map(behindItself) },
      ]),
    ),
    gateways: Object.fromEntries(
      Object.entries(policy.gateways ?? {}).flatMap(([name, { listeners }]) =>
        servedBy(name).map(({ machine }) => [
          nameOn(name, machine),
          { listeners: listeners.map(each => ({ ...each, address: localAddress(machine.address) })) },
        ]),
      ),
    ),
    routes: Object.fromEntries(
      Object.entries(policy.routes ?? {}).map(([name, route]) => [
        name,
        {
          ...route,
          gateways: (route.gateways ?? []).flatMap(each => servedBy(each).map(({ machine }) => nameOn(each, machine))),
        },
      ]),
    ),
    fleets: Object.fromEntries(
      fleets.map(({ name, fleet, machine }) => [name, ownFleet(fleet, machine, gateway => nameOn(gateway, machine))]),
    ),
  };
}

function belongs({ cluster, zone }: Machine, { match }: Fleet): boolean {
  return (match.cluster ?? cluster) === cluster && (match.zone ?? zone) === zone;
}

function ownFleet(fleet: Fleet, { id, address }: Machine, gateway: (name: string) => string): Fleet {
  const { gateways, sidecar } = fleet;
  return {
    ...fleet,
    match: { ...fleet.match, id },
    ...(gateways === undefined ? {} : { gateways: gateways.map(gateway) }),
    ...(sidecar === undefined
      ? {}
      : { sidecar: { ...sidecar, outbound: { ...sidecar.outbound, address: localAddress(address) } } }),
  };
}

type Endpoint = NonNullable<NonNullable<PolicyInput['services']>[string]['endpoints']>[number];

/** Applications behind sidecars listen on loopback of their own machine, which is its address here. */
function behindItself(endpoint: Endpoint): Endpoint {
  const { inbound, address } = endpoint;
  if (inbound === undefined) return endpoint;
  const ip = address.slice(0, address.lastIndexOf(':'));
  return { ...endpoint, inbound: { ...inbound, application: inbound.application.replace(/^127\.0\.0\.1(?=:)/, ip) } };
}

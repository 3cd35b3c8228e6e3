import { type Address, addressKey, formatAddress, parseAddress } from '../base/address.ts';
import { compareText } from '../base/compare.ts';
import type { Fleet, Sidecar } from '../policy/fleet.ts';
import { Rule } from '../policy/route.ts';
import type { Service } from '../policy/service.ts';
import { type DeclaredEndpoint, declaredEndpoints } from './address.ts';
import { forwardingTo } from './forwarding.ts';
import { fitsGlob } from './glob.ts';
import type { ListenerIr, LocalClusterIr, RouteTableIr } from './ir.ts';
import { keeping } from './kept.ts';
import { sortedUnique } from './order.ts';
import { formatBinding } from './overlap.ts';

/** Where the sidecar of one endpoint listens, and what stands behind it. */
export interface InboundPlace {
  readonly endpoint: DeclaredEndpoint;
  readonly node: string | undefined;
  /** IP address that the listener binds. */
  readonly address: string;
  readonly port: number;
  readonly application: LocalClusterIr['application'];
}

/** One Envoy: the endpoints that one node is named for, or a single endpoint that names no node. */
export interface SidecarSeat {
  readonly node: string | undefined;
  readonly places: readonly InboundPlace[];
}

/** Sidecars that listen alike. */
export interface SidecarGroup {
  readonly key: string;
  /** Node ids; undefined while all sidecars of the fleet listen alike, so that none needs telling apart. */
  readonly members: readonly string[] | undefined;
  /** Listening places, each once. */
  readonly places: readonly InboundPlace[];
}

/** The sidecars that the endpoints of the fleet's own service speak of. Endpoints of other fleets' nodes are left out. */
export function seatsOf(fleet: Fleet, sidecar: Sidecar, service: Service): readonly SidecarSeat[] {
  const places = declaredEndpoints(service).flatMap(endpoint => {
    const { inbound } = endpoint.endpoint;
    if (!inbound || !mayBeMember(fleet, inbound.node)) return [];
    const application = parseAddress(inbound.application);
    const address = bindOf(sidecar, endpoint.address);
    if (!application || application.kind === 'host' || address === undefined || endpoint.address.kind === 'unix')
      return [];
    return [{ endpoint, node: inbound.node, address, port: endpoint.address.port, application }];
  });
  const named = Map.groupBy(places, place => place.node);
  return [...named].flatMap(([node, own]): readonly SidecarSeat[] =>
    node === undefined ? own.map(place => ({ node, places: [place] })) : [{ node, places: own }],
  );
}

/** True unless the fleet's match shuts the node out by its id. */
export function mayBeMember(fleet: Fleet, node: string | undefined): boolean {
  return node === undefined || fleet.match.id === undefined || fitsGlob(fleet.match.id, node);
}

/** What the inbound listener of an endpoint binds; undefined where only a `bind` of the fleet could say it. */
export function bindOf(sidecar: Sidecar, address: Address): string | undefined {
  return sidecar.bind ?? (address.kind === 'ip' ? address.ip : undefined);
}

/** Sidecars by what they listen on. */
export function groupSeats(fleetName: string, seats: readonly SidecarSeat[]): readonly SidecarGroup[] {
  const groups = [...Map.groupBy(seats, signature)]
    .sort(([a], [b]) => compareText(a, b))
    .map(([, alike]) => ({
      places: distinct(alike[0]?.places ?? []),
      members: sortedUnique(alike.flatMap(seat => seat.node ?? [])),
    }));
  if (groups.length <= 1) return groups.map(({ places }) => ({ key: fleetName, members: undefined, places }));
  const bindings = groups.map(({ places }) => (places[0] ? formatBinding(places[0]) : ''));
  return groups.map(({ places, members }, index) => {
    const binding = bindings[index] ?? '';
    const alone = bindings.indexOf(binding) === bindings.lastIndexOf(binding);
    const application = places[0] ? formatAddress(places[0].application) : '';
    return { key: `${fleetName}/${binding}${alone ? '' : `=${application}`}`, members, places };
  });
}

const placeKey = (place: InboundPlace) => `${formatBinding(place)}=${addressKey(place.application)}`;

function signature(seat: SidecarSeat): string {
  return sortedUnique(seat.places.map(placeKey)).join(' ');
}

function distinct(places: readonly InboundPlace[]): readonly InboundPlace[] {
  const byKey = new Map(places.map(place => [placeKey(place), place]));
  return [...byKey].sort(([a], [b]) => compareText(a, b)).map(([, place]) => place);
}

const keepListener = keeping<ListenerIr>();
const keepCluster = keeping<LocalClusterIr>();
const keepTable = keeping<RouteTableIr>();

/** What a group holds to take traffic in. */
export interface InboundIr {
  readonly listeners: readonly ListenerIr[];
  readonly routeTables: readonly RouteTableIr[];
  readonly clusters: readonly LocalClusterIr[];
}

/** Listeners in front of the local application. An Envoy with several of them bears the address in their names. */
export function inboundIr(serviceName: string, service: Service, places: readonly InboundPlace[]): InboundIr {
  const pieces = places.map(place => {
    const name = `inbound/${serviceName}${places.length > 1 ? `/${formatBinding(place)}` : ''}`;
    return { place, name };
  });
  return {
    listeners: pieces.map(({ place, name }) => listenerIr(serviceName, service, place, name)),
    routeTables: service.protocol === 'tcp' ? [] : pieces.map(({ name }) => tableIr(serviceName, service, name)),
    clusters: pieces.map(({ place: { application }, name }) =>
      keepCluster(service, `${name} ${addressKey(application)}`, [], () => ({
        kind: 'local',
        name,
        serviceName,
        service,
        application,
      })),
    ),
  };
}

function listenerIr(serviceName: string, service: Service, { address, port }: InboundPlace, name: string): ListenerIr {
  const place = { name, address, port, reusePort: false, role: 'inbound' as const };
  return keepListener(service, `${name} ${formatBinding(place)}`, [], () =>
    service.protocol === 'tcp'
      ? { ...place, kind: 'tcp', to: [{ destination: serviceName, cluster: name, serviceName, weight: 1 }] }
      : {
          ...place,
          kind: 'http',
          routeTable: name,
          http2: service.protocol !== 'http',
          declared: undefined,
          ...limited(service),
        },
  );
}

function limited({ adaptiveConcurrency, healthCheck }: Service) {
  if (!adaptiveConcurrency) return {};
  const checkPath = healthCheck?.grpc ? '/grpc.health.v1.Health/Check' : healthCheck?.http?.path;
  return { adaptiveConcurrency, ...(checkPath === undefined ? {} : { checkPath }) };
}

/** One rule, without timeout and retries of its own, so that those of the callers rule. */
function tableIr(serviceName: string, service: Service, name: string): RouteTableIr {
  return keepTable(service, name, [], () => {
    const rule = Rule.parse({ to: [{ service: serviceName }], timeout: '0s', retries: { attempts: 0 } });
    const { timeout, retries } = rule;
    if (timeout === undefined || !retries) throw new Error('the rule of an inbound listener lost its settings');
    const to = [{ destination: serviceName, cluster: name, serviceName, weight: 1 }];
    const own = { ...forwardingTo([service]), behindSidecars: false };
    const action = { kind: 'forward' as const, to, timeout, retries, hashService: undefined, ...own };
    const rules = [{ name, routeName: name, rule, action, apiVersioning: undefined }];
    return { name, virtualHosts: [{ name, domains: ['*'], rules }] };
  });
}

import type { Address } from '../base/address.ts';
import type { Millis } from '../base/units.ts';
import type { ApiVersioning } from '../policy/api-versioning.ts';
import type { Endpoint, EndpointState } from '../policy/endpoint.ts';
import type { FleetMatch, FleetXds } from '../policy/fleet.ts';
import type { FleetAdmin } from '../policy/fleet-admin.ts';
import type { FleetIdentity } from '../policy/fleet-identity.ts';
import type { HttpListener } from '../policy/gateway.ts';
import type { MaintenancePage } from '../policy/maintenance.ts';
import type { Match } from '../policy/match.ts';
import type { Retries } from '../policy/retries.ts';
import type { Rule } from '../policy/route.ts';
import type { Service } from '../policy/service.ts';
import type { Sessions } from '../policy/sessions.ts';
import type { AdaptiveConcurrency } from '../policy/shedding.ts';

/**
 * The intermediate representation: what each fleet holds, references resolved, operational state applied.
 * It resolves structure only; leaf settings are the policy's own objects. Objects that do not change from one compile
 * to the next stay identical (see `base/memo.ts`), and fleets share them.
 */

/** An endpoint as Envoys are told of it. Disabled ones are not here. A host name yields one per resolved IP. */
export interface EndpointIr {
  readonly address: Exclude<Address, { readonly kind: 'host' }>;
  /** The address as the policy declares it; the same as `address` except for host names. */
  readonly declared: string;
  readonly weight: number;
  readonly zone: string | undefined;
  readonly priority: number;
  readonly state: Exclude<EndpointState, 'disabled'>;
  readonly labels: Readonly<Record<string, string>>;
  /** Absent: checked where its traffic goes, if at all. */
  readonly healthCheck?: Endpoint['healthCheck'];
  /** Absent: balancing by hash knows the endpoint by its address. */
  readonly hashKey?: string;
}

/** A service, or one version of it, with the endpoints that belong to it: one Envoy cluster and one load assignment. */
export interface ServiceClusterIr {
  readonly kind: 'service';
  /** `catalog` or `catalog@v1`: the name of cluster and load assignment. */
  readonly name: string;
  readonly serviceName: string;
  readonly service: Service;
  /** Sorted by priority, zone, address. May be empty. */
  readonly endpoints: readonly EndpointIr[];
}

/** The local application behind a sidecar's inbound listener: a static cluster. */
export interface LocalClusterIr {
  readonly kind: 'local';
  /** `inbound/checkout`. */
  readonly name: string;
  readonly serviceName: string;
  readonly service: Service;
  readonly application: Exclude<Address, { readonly kind: 'host' }>;
}

/** A zone that proxies of a fleet stand in, and how many of its requests come from there, relative to its other zones. */
export interface OwnZoneIr {
  /** `a` or `eu/a`. */
  readonly zone: string;
  readonly weight: number;
}

/** A service, or one version of it, together with what takes over while none of its endpoints is healthy. */
export interface FallbackClusterIr {
  readonly kind: 'fallback';
  /** All of them: `catalog@v2+catalog@v1+last`. */
  readonly name: string;
  readonly serviceName: string;
  readonly service: Service;
  /** Names of service clusters, in the order in which they take over. The first is the destination's own. */
  readonly members: readonly string[];
}

export type ClusterIr = ServiceClusterIr | FallbackClusterIr | LocalClusterIr;

/** A cluster that traffic goes to, with its share. Weights of one list are not all 0. */
export interface WeightedClusterIr {
  /** `catalog` or `catalog@v1`, as the policy names it. */
  readonly destination: string;
  /** The same where there is nothing that takes over, else `catalog+last`. */
  readonly cluster: string;
  readonly serviceName: string;
  readonly weight: number;
  /** Absent: requests are not bound to an endpoint. */
  readonly sessions?: Sessions;
  /** Its answers hold reports of load, which are for the proxy and not for its callers. */
  readonly loadReports?: true;
}

/** What a rule does with a request. */
export type ActionIr =
  | {
      readonly kind: 'forward';
      readonly to: readonly WeightedClusterIr[];
      /** 0 turns the timeout off. */
      readonly timeout: Millis;
      readonly retries: Retries;
      /** Hash parts of the destination's balancing policy, if it hashes. */
      readonly hashService: Service | undefined;
      /** All destinations speak HTTP/1.1. Others would break off a WebSocket, which counts against their health. */
      readonly webSockets: boolean;
      /** Sidecars stand before some destination: they answer for an application that they cannot reach. */
      readonly behindSidecars: boolean;
    }
  | { readonly kind: 'redirect' }
  | { readonly kind: 'respond' };

/** What becomes of a rule's requests while a page is in place of a destination. */
export interface MaintenanceIr {
  /** Requests with all these headers go where the rule says. Absent: there are none. */
  readonly except?: Match['headers'];
  /** What all others are answered; absent while there are destinations left. */
  readonly page?: MaintenancePage;
  /** All destinations of the rule, of which those in maintenance get nothing. */
  readonly to: readonly WeightedClusterIr[];
}

/** One rule of one route, in a virtual host. Leaf settings (match, headers, rewrite, redirect, respond) stay in `rule`. */
export interface RuleIr {
  /** `shop/everyone`, or `shop/#3` for a rule without name: what `%ROUTE_NAME%` shows. */
  readonly name: string;
  /** Name of the route, or of the virtual host where no route of the policy stands behind it. */
  readonly routeName: string;
  readonly rule: Rule;
  readonly action: ActionIr;
  /** The versioning of the services that it forwards to, where they have one. */
  readonly apiVersioning: { readonly serviceName: string; readonly versioning: ApiVersioning } | undefined;
  /** Absent: none of its destinations is in maintenance. */
  readonly maintenance?: MaintenanceIr;
}

export interface VirtualHostIr {
  /** `shop`: the route's name; `upstream/catalog` for a sidecar's default, `inbound/checkout` for its inbound side. */
  readonly name: string;
  readonly domains: readonly string[];
  readonly rules: readonly RuleIr[];
}

/** What one HTTP listener, or several of one gateway, routes by: one Envoy route configuration. */
export interface RouteTableIr {
  /** `gateway/public`, `outbound` or `inbound/checkout`. */
  readonly name: string;
  readonly virtualHosts: readonly VirtualHostIr[];
}

interface ListenerPlace {
  /** `gateway/public/80`, `outbound`, `outbound/db`, `inbound/checkout`. */
  readonly name: string;
  readonly address: string;
  readonly port: number;
  readonly reusePort: boolean;
  /** Connections from callers; absent: any number. */
  readonly maxConnections?: number;
  /** `edge` trusts nobody's forwarding headers; `inbound` stands before the local application; `outbound` behind it. */
  readonly role: 'edge' | 'inbound' | 'outbound';
}

export interface HttpListenerIr extends ListenerPlace {
  readonly kind: 'http';
  readonly routeTable: string;
  /** Callers may speak HTTP/2 without TLS, besides HTTP/1.1. */
  readonly http2: boolean;
  /** What the policy declares, whose leaf settings stay in it; undefined for listeners of sidecars. */
  readonly declared: HttpListener | undefined;
  /** Of the application behind an inbound listener. */
  readonly adaptiveConcurrency?: AdaptiveConcurrency;
  /** Path of the health checks of callers, which must not be turned away by the former. */
  readonly checkPath?: string;
}

export interface TcpListenerIr extends ListenerPlace {
  readonly kind: 'tcp';
  readonly to: readonly WeightedClusterIr[];
}

export interface UdpListenerIr extends ListenerPlace {
  readonly kind: 'udp';
  readonly to: WeightedClusterIr;
  readonly idleTimeout: Millis;
}

export type ListenerIr = HttpListenerIr | TcpListenerIr | UdpListenerIr;

/** Everything that one fleet, or one sub-fleet of sidecars, holds. */
export interface FleetIr {
  /** `edge`, or `checkout/10.0.0.21:15006` for a sub-fleet. */
  readonly key: string;
  /** Name of the fleet in the policy. */
  readonly fleetName: string;
  readonly role: 'edge' | 'sidecar';
  readonly match: FleetMatch;
  /** Absent: any certificate, or none, may speak for its nodes. */
  readonly identity?: FleetIdentity;
  /** Absent: nobody asks its proxies how they find their endpoints. */
  readonly admin?: FleetAdmin;
  /** How endpoints and routes reach it. The parts below are shared by fleets whatever it says. */
  readonly xds: FleetXds;
  /** Node ids of the sub-fleet's members; undefined: every node that `match` fits. */
  readonly members: readonly string[] | undefined;
  readonly listeners: readonly ListenerIr[];
  readonly routeTables: readonly RouteTableIr[];
  readonly clusters: readonly ClusterIr[];
  /** Where its own proxies stand, by zone. Empty where nothing goes by it, or nobody has said. */
  readonly ownZones: readonly OwnZoneIr[];
}

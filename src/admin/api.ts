import { formatPath, type Problem } from '../base/problem.ts';
import type { TypeName } from '../base/type-name.ts';
import type { TracedRule, TraceReport } from '../trace/report.ts';

/**
 * What the admin API says, as types that server, CLI and dashboard share. Instants are ISO 8601 texts; a version is the
 * content version of a resource type.
 */

export type { TypeName };

/** One problem with a policy, with its place in the user's files where it has one. */
export interface ProblemReply {
  readonly code: string;
  readonly severity: 'error' | 'warning';
  readonly message: string;
  /** `services.catalog.endpoints[0]`. */
  readonly path: string;
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
  readonly hint?: string;
}

/** A problem as the API and the CLI's machine-readable output show it. */
export function problemReply(each: Problem): ProblemReply {
  return {
    code: each.code,
    severity: each.severity,
    message: each.message,
    path: formatPath(each.path),
    ...each.source,
    ...(each.hint === undefined ? {} : { hint: each.hint }),
  };
}

/** Where in the policy, and in the user's files, something comes from; empty where that is not known. */
export interface PlaceReply {
  /** `services.catalog.healthCheck`. */
  readonly path?: string;
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
}

/** An Envoy resource: the short name of its type, and for types without one the last part of the long name. */
export interface ResourceReply {
  readonly type: string;
  readonly name: string;
}

/** A content that a proxy rejected, so that it keeps its last good one. */
export interface RejectReply extends ResourceReply, PlaceReply {
  readonly version: string;
  /** Envoy's words. */
  readonly message: string;
  readonly at: string;
}

/** A content that is not sent to a fleet, since its proxies reject it. */
export interface QuarantineReply extends ResourceReply, PlaceReply {
  readonly fleet: string;
  readonly version: string;
  readonly since: string;
  /** The proxies' words. */
  readonly message: string;
  /** Node ids of those that rejected it, as far as there is room. */
  readonly proxies: readonly string[];
  readonly instead: 'last good' | 'left out';
  /** Who made the revision in force. */
  readonly author: string;
  /** Its number. */
  readonly revision: number;
}

export interface QuarantinesReply {
  readonly quarantines: readonly QuarantineReply[];
}

/** Answer to `POST /api/v1/proxies/{id}/retry`. */
export interface RetryReply {
  readonly id: string;
  /** How many contents are withheld from the proxy, and are sent to it once more. */
  readonly resources: number;
}

/** Body of every error, `application/problem+json` (RFC 9457). */
export interface ErrorReply {
  readonly type: string;
  readonly title: string;
  readonly status: number;
  readonly detail: string;
  readonly hint?: string;
  readonly problems?: readonly ProblemReply[];
}

/**
 * Where a proxy stands with one type. `pending`: asked for or sent, not acknowledged; `stale`: it holds an older version
 * than intended, and nothing newer is on its way yet; `rejected`: the newest answer was a rejection, or something of the
 * type is withheld. What is acked then is the rest.
 */
export interface ProxyTypeReply {
  readonly state: 'notAsked' | 'pending' | 'synced' | 'rejected' | 'stale';
  readonly intended: string | null;
  /** Version that was sent last. */
  readonly sent: string | null;
  readonly acked: string | null;
  /** How many contents of the type are withheld, rejects and suspects, if any. */
  readonly withheld?: number;
  readonly rejection?: { readonly version: string; readonly message: string; readonly at: string };
}

/** The worst that a proxy is in, over its types. */
export const proxyStates = [
  'synced',
  'pending',
  'rejected',
  'stale',
  'unmatched',
  'ambiguous',
  'refused',
  'disconnected',
] as const;
export type ProxyState = (typeof proxyStates)[number];

/** One row of the sync table. */
export interface ProxyReply {
  readonly id: string;
  readonly cluster: string;
  readonly zone: string;
  /** Fleet key; null while it is given none. */
  readonly fleet: string | null;
  readonly state: ProxyState;
  /** Why it is not synced, in words. */
  readonly why?: string;
  readonly nearestFleet?: string;
  readonly variant: 'sotw' | 'delta';
  readonly envoyVersion: string;
  readonly peer: string;
  /** URIs and host names in its certificate; absent without TLS. */
  readonly certificate?: readonly string[];
  readonly connectedAt: string;
  readonly disconnectedAt?: string;
  readonly types: Readonly<Partial<Record<TypeName, ProxyTypeReply>>>;
  /** What it rejected, the first 20. This and what follows is there while something is withheld from it. */
  readonly rejects?: readonly RejectReply[];
  /** How many in all. */
  readonly rejectCount?: number;
  /** Among these there is something that it rejects, and which, is not found out yet; the first 20. */
  readonly suspects?: readonly ResourceReply[];
  /** How many in all. */
  readonly suspectCount?: number;
}

export interface ProxiesReply {
  readonly proxies: readonly ProxyReply[];
}

/** By how many connected proxies an endpoint is found how. */
export interface EndpointHealthRow {
  readonly service: string;
  /** As the policy declares it. */
  readonly endpoint: string;
  /** Where it is a host name: the address that this is about. */
  readonly address?: string;
  readonly failedCheck: number;
  readonly ejected: number;
  /** Its first check is still to come. */
  readonly unchecked: number;
  readonly degraded: number;
  readonly healthy: number;
  readonly unknown: number;
}

/** How proxies find endpoints, the first 1000, and of which proxies nothing is known, the first 20. */
export interface EndpointHealthReply {
  readonly endpoints: readonly EndpointHealthRow[];
  /** How many endpoints in all. */
  readonly count: number;
  /** Connected proxies of all fleets. */
  readonly proxies: number;
  readonly unknown: readonly { readonly id: string; readonly fleet: string; readonly why: string }[];
  readonly unknownCount: number;
}

export interface OverrideReply {
  readonly kind: 'shift' | 'endpoint' | 'maintenance';
  /** `routes/shop/rules/everyone`, `services/catalog/endpoints/10.0.0.1:8080`, or `services/catalog` in maintenance. */
  readonly target: string;
  readonly effect: 'active' | 'suspended';
  readonly why?: string;
  readonly by: string;
  readonly since: string;
  readonly reason?: string;
  /** When the sessions with an endpoint that drains end, or ended. */
  readonly sessionsUntil?: string;
  readonly expiresAt?: string;
  readonly weights?: Readonly<Record<string, number>>;
  readonly weight?: number;
  readonly state?: string;
}

/** Weights of a service that somebody computes. */
export interface ComputedReply {
  /** `services/catalog`. */
  readonly target: string;
  readonly source: string;
  /** When these weights came first, and when they came last. */
  readonly since: string;
  readonly renewed: string;
  /** From then on the declared ones hold. */
  readonly expiresAt: string;
}

export interface RevisionReply {
  readonly number: number;
  readonly at: string;
  readonly author: string;
  readonly source: string;
  readonly reason: string;
}

/** What is in force, and what was refused since. */
export interface PolicyReply {
  readonly revision: RevisionReply | null;
  readonly documents: readonly { readonly file: string; readonly format: string; readonly text: string }[];
  readonly fleets: readonly FleetReply[];
  readonly overrides: readonly OverrideReply[];
  readonly computed: readonly ComputedReply[];
  readonly quarantines: readonly QuarantineReply[];
  readonly warnings: readonly ProblemReply[];
  readonly rejected: { readonly at: string; readonly problems: readonly ProblemReply[] } | null;
}

export interface FleetReply {
  readonly key: string;
  readonly role: 'edge' | 'sidecar';
  readonly version: string;
  readonly resources: Readonly<Partial<Record<TypeName, number>>>;
}

/**
 * Whether the proxies that a write concerns hold it. `complete` is false when one is missing, when none is connected, and
 * when something of it was quarantined meanwhile.
 */
export interface AckReply {
  readonly complete: boolean;
  readonly concerned: number;
  readonly acked: number;
  readonly missing: readonly MissingReply[];
  /** Node ids that were waited for and went away. */
  readonly departed: readonly string[];
  /** What the proxies were to hold and are sent no more, since they rejected it. */
  readonly quarantined: readonly QuarantineReply[];
  readonly summary: string;
}

export interface MissingReply {
  readonly id: string;
  readonly fleet: string;
  readonly why: string;
  /** What it rejected, if it did. */
  readonly rejected?: RejectReply;
}

/** Answer to a write. */
export interface WriteReply {
  readonly changed: boolean;
  /** Fleets that hold what was written. */
  readonly fleets: readonly string[];
  /** Present with `?wait=acked`. */
  readonly acknowledged?: AckReply;
}

/** Answer to a write of an override. */
export interface OverrideWriteReply extends WriteReply {
  /** Absent after a delete, and where it is about all endpoints of a service. */
  readonly override?: OverrideReply;
  /** Addresses of all endpoints that a write of a service's endpoints was about. */
  readonly endpoints?: readonly string[];
  /** How they are overridden now. */
  readonly overrides?: readonly OverrideReply[];
}

/** Body of `PUT /api/v1/routes/{route}/rules/{rule}/weights`: destination → weight. */
export type WeightsBody = Readonly<Record<string, number>>;

export interface WeightsReply {
  readonly declared: Readonly<Record<string, number>>;
  readonly effective: Readonly<Record<string, number>>;
  readonly override: OverrideReply | null;
  /** Callers stay with a destination that has a weight; the weights are for the others. */
  readonly sticky: boolean;
  /** They do so by a hash of what they send: the weights are for all, and only as many move as a change is about. */
  readonly hashed: boolean;
}

/** Body of `PATCH /api/v1/services/{service}/endpoints/{address}`. */
export interface EndpointBody {
  readonly weight?: number;
  readonly state?: 'active' | 'draining' | 'disabled';
  /** Duration after which the override ends by itself, e.g. `10m`. */
  readonly expiresIn?: string;
  /** Duration after which the sessions with a draining endpoint end, and it is disabled. */
  readonly sessionsFor?: string;
}

/** Body of `PATCH /api/v1/services/{service}/endpoints`: for every endpoint of the service. */
export type EndpointsBody = Omit<EndpointBody, 'weight' | 'state'> & Required<Pick<EndpointBody, 'state'>>;

/** Body of `PUT /api/v1/services/{service}/maintenance`, and of that of a route. */
export interface MaintenanceBody {
  /** Duration after which it ends by itself, e.g. `30m`. */
  readonly expiresIn?: string;
}

/** Answer to `GET /api/v1/services/{service}/weights`. */
export interface EndpointWeightsReply {
  readonly service: string;
  readonly computed: ComputedReply | null;
  readonly endpoints: readonly {
    /** As declared. */
    readonly address: string;
    /** What holds, on the scale of the declared weights, to three places. */
    readonly weight: number;
    readonly from: 'declared' | 'computed' | 'override';
    readonly declared: number;
    /** As it was sent. */
    readonly computed?: number;
    readonly override?: number;
  }[];
}

/** Answer to `PUT /api/v1/services/{service}/weights`. */
export interface ComputedWriteReply extends WriteReply {
  /** Absent after a delete. */
  readonly computed?: ComputedReply;
  /** Addresses that the service does not have. */
  readonly ignored?: readonly string[];
}

/** Everything a fleet holds, in Envoy's own JSON. */
export interface SnapshotReply {
  readonly fleet: string;
  readonly version: string;
  readonly versions: Readonly<Partial<Record<TypeName, string>>>;
  readonly resources: Readonly<Record<string, readonly unknown[]>>;
}

/** Body of `POST /api/v1/trace`. */
export interface TraceBody {
  /** A whole URL, or a path alone. */
  readonly url: string;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** Key of a fleet, or the name of one without sub-fleets. Absent: that of `proxy`, or the only one. */
  readonly fleet?: string;
  /** Node id of a proxy that is connected. */
  readonly proxy?: string;
  /** Name of a listener. Absent: that of the URL's port, or the only one. */
  readonly listener?: string;
}

/** What a fleet's Envoys do with a request, and why. */
export interface TraceReply extends Omit<TraceReport, 'rules'> {
  readonly fleet: string;
  readonly rules: readonly (TracedRule & PlaceReply)[];
}

import type { EndpointState } from './endpoint.ts';

/**
 * What operators changed by API over the declared policy: kept apart from it, stored, and an input of the compile.
 * Instants are milliseconds since the epoch.
 */

/** Who made a change, when and why. */
export interface Authorship {
  readonly by: string;
  readonly since: number;
  readonly reason?: string;
}

/** Weights of a named rule, in place of the declared ones. Suspended while the rule's destinations differ. */
export interface TrafficShift extends Authorship {
  readonly kind: 'shift';
  readonly route: string;
  readonly rule: string;
  /** Destination key (`catalog@v1`) → weight. Its keys are the destinations that the shift was made for. */
  readonly weights: Readonly<Record<string, number>>;
}

/** Weight or state of one endpoint, in place of the declared ones. */
export interface EndpointOverride extends Authorship {
  readonly kind: 'endpoint';
  readonly service: string;
  /** The endpoint's address as declared. */
  readonly address: string;
  readonly weight?: number;
  readonly state?: EndpointState;
  /**
   * When the sessions with a draining endpoint end: the state becomes `disabled` then. It stays here afterwards, to say
   * why.
   */
  readonly sessionsUntil?: number;
  /** When it ends by itself. */
  readonly expiresAt?: number;
}

/** A page in place of a service, or of all services behind a route. Suspended while there is no such service or route. */
export interface MaintenanceOverride extends Authorship {
  readonly kind: 'maintenance';
  readonly of: 'service' | 'route';
  readonly name: string;
  /** When it ends by itself. */
  readonly expiresAt?: number;
}

export type Override = TrafficShift | EndpointOverride | MaintenanceOverride;

export interface OperationalState {
  readonly shifts: readonly TrafficShift[];
  readonly endpoints: readonly EndpointOverride[];
  readonly maintenance: readonly MaintenanceOverride[];
}

export const noOperationalState: OperationalState = Object.freeze({ shifts: [], endpoints: [], maintenance: [] });

/**
 * A content of an Envoy resource that independent proxies of a fleet have rejected and none has accepted. It is not sent
 * until it changes: what was there before stands in its place, or nothing. Made by the control plane, on the proxies'
 * evidence; kept over restarts, so that the same is sent.
 */
export interface Quarantine {
  /** Fleet key. */
  readonly fleet: string;
  readonly typeUrl: string;
  readonly name: string;
  /** Of the rejected content. */
  readonly version: string;
  /** Milliseconds since the epoch. */
  readonly since: number;
  /** The proxies' words. */
  readonly message: string;
  /** Node ids of those that rejected it, as far as there is room. */
  readonly proxies: readonly string[];
  /** What stands in its place, if there was anything before, and what that and the rest of the fleet need with it. */
  readonly lastGood: readonly KeptResource[];
}

/** A resource as it was sent. */
export interface KeptResource {
  readonly typeUrl: string;
  readonly name: string;
  /** The message, in base64. */
  readonly value: string;
}

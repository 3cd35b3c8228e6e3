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

export type Override = TrafficShift | EndpointOverride;

export interface OperationalState {
  readonly shifts: readonly TrafficShift[];
  readonly endpoints: readonly EndpointOverride[];
}

export const noOperationalState: OperationalState = Object.freeze({ shifts: [], endpoints: [] });

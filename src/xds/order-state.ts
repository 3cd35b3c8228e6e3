import type { Snapshot } from '../snapshot/snapshot.ts';
import { nothing, type Retired } from './retired.ts';

/** Times are milliseconds. */
export interface OrderSettings {
  /** Milliseconds. */
  readonly gateLimit: number;
  /** Milliseconds that what was retired lingers where a snapshot does not say how long a request may take. */
  readonly linger: number;
  /** Milliseconds that it lingers at most. */
  readonly lingerLimit: number;
  /** Milliseconds that a client which comes back has to ask for routes, before it counts as having none. */
  readonly grace: number;
  /** Milliseconds that an Envoy which had several streams has to open them again (R41). */
  readonly reopening: number;
}

/** A goal whose clusters were sent. */
export interface Proof {
  readonly snapshot: Snapshot;
  /** They were acknowledged, perhaps together with later ones. */
  readonly acked: boolean;
  /** By it, and by goals that came between it and the one before. */
  readonly retired: Retired;
}

export interface OrderState {
  /** The newest published snapshot. */
  readonly goal: Snapshot | undefined;
  /** Goals since `released` whose clusters were sent, oldest first: what acknowledgements prove. */
  readonly proving: readonly Proof[];
  /** What listeners and routes follow. */
  readonly released: Snapshot | undefined;
  /** All that can be acknowledged of its clusters was, and they are given the time that they need beyond that, */
  readonly warming: Snapshot | undefined;
  /** or have had it. */
  readonly warmed: Snapshot | undefined;
  /** Retired by goals whose clusters were not sent yet. */
  readonly retiring: Retired;
  /** Retired by goals that listeners and routes follow, and whose are not acknowledged yet. */
  readonly settling: Retired;
  /** No longer referred to, but perhaps in use. */
  readonly lingering: Retired;
  /**
   * Clusters that are being removed: their endpoints go when they are gone. A client that still warms one answers only
   * when it has them.
   */
  readonly closing: Retired;
  /**
   * Streams that the client had may come back (R41): until then nothing is taken from it, and routes do not lead to
   * clusters of which nobody knows whether it has them. Undefined before it was found to have had some.
   */
  readonly reopening: boolean | undefined;
  /** Ids of running timers: until routes go ahead of clusters that are not acknowledged, */
  readonly gate: number | undefined;
  /** until clusters have had the time that they need after their endpoints, */
  readonly warm: number | undefined;
  /** until retired clusters go ahead of routes that are not acknowledged, */
  readonly settle: number | undefined;
  /** until a client counts as having no routes, */
  readonly grace: number | undefined;
  /** until requests on old routes have ended, */
  readonly linger: number | undefined;
  /** until streams that have not come back count as gone. */
  readonly reopen: number | undefined;
  /** How many were started since none ran, which is the newest id. */
  readonly timers: number;
}

export interface TimerRequest {
  readonly id: number;
  readonly afterMs: number;
  /** Whoever starts it draws a time up to half as long again, so that many do not run out together. */
  readonly jitter?: true;
}

export const startOrder: OrderState = {
  goal: undefined,
  proving: [],
  released: undefined,
  warming: undefined,
  warmed: undefined,
  retiring: { ...nothing, leftover: true },
  settling: nothing,
  lingering: nothing,
  closing: nothing,
  reopening: undefined,
  gate: undefined,
  warm: undefined,
  settle: undefined,
  grace: undefined,
  linger: undefined,
  reopen: undefined,
  timers: 0,
};

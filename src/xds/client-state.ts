import type { Snapshot } from '../snapshot/snapshot.ts';
import type { ByStream } from './by-stream.ts';
import type { Isolation } from './isolation.ts';
import type { Lanes, MemberSettings } from './lanes.ts';
import type { LimitName, XdsLimits } from './limits.ts';
import type { MachineEvent, Response } from './machine.ts';
import type { OrderSettings, OrderState, TimerRequest } from './order-state.ts';
import type { Tally } from './tally.ts';
import type { Targets } from './targets.ts';
import type { Traits } from './traits.ts';
import type { Aimed } from './withheld.ts';

/**
 * One proxy on one connection: its streams, what it is to hold, and the order among its types. With ADS it has a single
 * stream; else one for each type, and one for the endpoints of each cluster (R41).
 *
 * Nothing in it is the client's alone: who it is, the numbers of its streams and its nonces are kept outside (see
 * `client.ts`), so that clients which were told and have said the same are in one state, whose steps are found once for
 * all of them.
 */
export interface ClientState {
  readonly settings: ClientSettings;
  readonly streams: ByStream<Member>;
  /** Of its node; undefined as long as nobody knows who it is. */
  readonly traits: Traits | undefined;
  /** For its node, if there is a fleet for it that has a snapshot. */
  readonly published: Snapshot | undefined;
  readonly lanes: Lanes;
  readonly tally: Tally;
  readonly targets: Targets;
  readonly order: OrderState;
  /** What the client rejects, and so keeps at its last good content. */
  readonly isolation: Isolation;
  /** What was made of the published snapshot for that. */
  readonly aimed: Aimed | undefined;
  /** Until something that was rejected is tried, again or for itself. */
  readonly trial: { readonly id: number; readonly kind: 'next' | 'again' } | undefined;
  /** Clusters replaced before their stream has asked for endpoints: theirs are owed whatever the client has (R39). */
  readonly rewarmed: readonly string[];
  /** Timers of signs of life (R34). */
  readonly beats: Beats;
  /** How many timers were started beside the order's since none of them ran; their ids are negative. */
  readonly timers: number;
}

/** Times are milliseconds. */
export interface ClientSettings {
  readonly order: OrderSettings;
  /** Undefined: what was rejected is left alone until something changes (R10). */
  readonly rejection: RejectionSettings | undefined;
  /** What it may ask for, if it is not the usual. */
  readonly limits?: Pick<XdsLimits, 'names' | 'types'>;
}

/** How a client that has rejected something is served. Times are milliseconds. */
export interface RejectionSettings {
  /** Between attempts to find out what a client rejects where it does not say so. */
  readonly pause: number;
  /** Until what it rejects is tried again, twice as long each time. */
  readonly retryAfter: number;
  readonly retryLimit: number;
}

/** A stream of the client. */
export interface Member {
  readonly settings: MemberSettings;
  /** Whether it takes more bytes (R49). */
  readonly open: boolean;
}

/** A sign of life that is due some time: of a type on a stream. */
export interface Beat {
  readonly streamId: number;
  readonly typeUrl: string;
}

/** By timer id. */
export type Beats = ReadonlyMap<number, Beat>;

/** What comes of an input. */
export interface StateStep {
  readonly state: ClientState;
  readonly responses: readonly (Response & { readonly streamId: number })[];
  readonly events: readonly MachineEvent[];
  readonly timers: readonly TimerRequest[];
  /** The stream that made the request must end as INVALID_ARGUMENT, with this text. */
  readonly fault?: string;
  /** That was passed by it: then as RESOURCE_EXHAUSTED. */
  readonly limit?: LimitName;
}

import type { Assignment, NodeIdentity, Publication } from '../snapshot/board.ts';
import type { ByStream } from './by-stream.ts';
import type { Isolation } from './isolation.ts';
import type { Lanes, StreamSettings } from './lanes.ts';
import type { LimitName, XdsLimits } from './limits.ts';
import type { MachineEvent, Response } from './machine.ts';
import type { OrderSettings, OrderState, TimerRequest } from './order-state.ts';
import type { Tally } from './tally.ts';
import type { Targets } from './targets.ts';
import type { Aimed } from './withheld.ts';

/**
 * One proxy on one connection: its streams, the node that it says it is, what it is to hold, and the order among its
 * types. With ADS it has a single stream; else one for each type, and one for the endpoints of each cluster (R41).
 */
export interface ClientState {
  readonly settings: ClientSettings;
  readonly streams: ByStream<Member>;
  readonly node: NodeIdentity | undefined;
  readonly publication: Publication | undefined;
  readonly assignment: Assignment | undefined;
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
  /** How many timers were started beside the order's; their ids are negative. */
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
  readonly settings: StreamSettings;
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
export interface ClientStep {
  readonly state: ClientState;
  readonly responses: readonly (Response & { readonly streamId: number })[];
  readonly events: readonly MachineEvent[];
  readonly timers: readonly TimerRequest[];
  /** The stream that made the request must end as INVALID_ARGUMENT, with this text. */
  readonly fault?: string;
  /** That was passed by it: then as RESOURCE_EXHAUSTED. */
  readonly limit?: LimitName;
}

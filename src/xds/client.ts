import type { Assignment, NodeIdentity, Publication } from '../snapshot/board.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import type { Variant } from './frame.ts';
import { type Isolation, nothingRejected } from './isolation.ts';
import { type Lanes, laneIndex, type StreamSettings, typesOn } from './lanes.ts';
import type { DeltaRequest, Input, MachineEvent, Response, SotwRequest } from './machine.ts';
import { type OrderSettings, type OrderState, startOrder, type TimerRequest } from './order.ts';
import { Turn } from './turn.ts';

/**
 * One proxy on one connection: its streams, the node that it says it is, what it is to hold, and the order among its
 * types. With ADS it has a single stream; else one for each type, and one for the endpoints of each cluster (R41).
 */
export interface ClientState {
  readonly settings: ClientSettings;
  readonly streams: ReadonlyMap<number, Member>;
  readonly node: NodeIdentity | undefined;
  readonly publication: Publication | undefined;
  readonly assignment: Assignment | undefined;
  readonly lanes: Lanes;
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
}

/** How a client that has rejected something is served. Times are milliseconds. */
export interface RejectionSettings {
  /** Between attempts to find out what a client rejects where it does not say so. */
  readonly pause: number;
  /** Until what it rejects is tried again, twice as long each time. */
  readonly retryAfter: number;
  readonly retryLimit: number;
}

interface Aimed {
  readonly published: Snapshot;
  readonly isolation: Isolation;
  readonly goal: Snapshot;
}

/** A stream of the client. */
export interface Member {
  readonly settings: StreamSettings;
  /** Whether it takes more bytes (R49). */
  readonly open: boolean;
}

/** Timer id → what is kept alive. */
export type Beats = ReadonlyMap<number, { readonly streamId: number; readonly typeUrl: string }>;

export type ClientInput =
  | { readonly kind: 'joined'; readonly stream: StreamSettings }
  | {
      readonly kind: 'sotw';
      readonly streamId: number;
      readonly request: SotwRequest;
      readonly node: NodeIdentity | undefined;
    }
  | {
      readonly kind: 'delta';
      readonly streamId: number;
      readonly request: DeltaRequest;
      readonly node: NodeIdentity | undefined;
    }
  | { readonly kind: 'publication'; readonly publication: Publication }
  | { readonly kind: 'timer'; readonly id: number }
  /** Whether streams take more bytes (R49). */
  | { readonly kind: 'gate'; readonly streams: readonly number[]; readonly open: boolean }
  /** What the client rejected is to be tried again now. */
  | { readonly kind: 'retry' }
  | { readonly kind: 'left'; readonly streamId: number };

export interface ClientStep {
  readonly state: ClientState;
  readonly responses: readonly (Response & { readonly streamId: number })[];
  readonly events: readonly MachineEvent[];
  readonly timers: readonly TimerRequest[];
  /** The stream that made the request must end as INVALID_ARGUMENT, with this text. */
  readonly fault?: string;
}

/** More types than Envoy has; a bound on what a client can make us keep. */
const MAX_TYPES = 64;

export function startClient(settings: ClientSettings): ClientState {
  return {
    settings,
    streams: new Map(),
    node: undefined,
    publication: undefined,
    assignment: undefined,
    lanes: [],
    order: startOrder,
    isolation: nothingRejected,
    aimed: undefined,
    trial: undefined,
    rewarmed: [],
    beats: new Map(),
    timers: 0,
  };
}

/** One step of a client. Pure, as long as `Publication.assign` is. */
export function stepClient(state: ClientState, input: ClientInput): ClientStep {
  switch (input.kind) {
    case 'joined':
      return new Turn(state).join(input.stream).end();
    case 'sotw':
    case 'delta':
      return onRequest(state, input);
    case 'publication':
      return new Turn(state).publish(input.publication).end();
    case 'timer':
      return new Turn(state).expire(input.id).end();
    case 'gate':
      return new Turn(state).gate(input.streams, input.open).end();
    case 'retry':
      return new Turn(state).retry().end();
    case 'left':
      return new Turn(state).leave(input.streamId).end();
  }
}

function onRequest(state: ClientState, input: ClientInput & { readonly kind: Variant }): ClientStep {
  const { streamId, node } = input;
  const member = state.streams.get(streamId);
  const typeUrl = input.request.typeUrl || member?.settings.impliedType;
  const fault = faultOf(state, streamId, typeUrl, node);
  if (fault !== undefined || typeUrl === undefined) {
    return { state, responses: [], events: [], timers: [], fault: fault ?? 'the request has no type_url' };
  }
  const request = input.kind === 'sotw' ? { ...input.request, typeUrl } : { ...input.request, typeUrl };
  const turn = new Turn(state).identify(node);
  turn.feed(streamId, typeUrl, { kind: 'request', request } as Input<SotwRequest & DeltaRequest>);
  return turn.end();
}

function faultOf(
  { streams, lanes, node: known }: ClientState,
  streamId: number,
  typeUrl: string | undefined,
  node: NodeIdentity | undefined,
): string | undefined {
  const implied = streams.get(streamId)?.settings.impliedType;
  if (!typeUrl) return 'the request has no type_url, which an aggregated stream needs';
  if (implied !== undefined && typeUrl !== implied) return `this stream serves ${implied}, not ${typeUrl}`;
  if (!known && !node) return 'the first request of a stream must have a node';
  if (laneIndex(lanes, streamId, typeUrl) < 0 && typesOn(lanes, streamId) >= MAX_TYPES) {
    return `more than ${MAX_TYPES} types on one stream`;
  }
  return undefined;
}

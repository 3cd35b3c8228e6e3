import { canonicalName } from '../snapshot/names.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { ByStream } from './by-stream.ts';
import type { ClientSettings, ClientState, StateStep } from './client-state.ts';
import type { Variant } from './events.ts';
import { nothingRejected } from './isolation.ts';
import { laneIndex, lanesOn, type MemberSettings } from './lanes.ts';
import { beyond, defaultLimits, type LimitError } from './limits.ts';
import type { DeltaRequest, Input, SotwRequest, Told } from './machine.ts';
import { startOrder } from './order-state.ts';
import type { Traits } from './traits.ts';
import { Turn } from './turn.ts';

/** What is known of a client's node, and what is published for it. */
interface Standing {
  readonly traits: Traits | undefined;
  readonly published: Snapshot | undefined;
}

/** What a client is told, in what it has in common with others. Numbers of streams are those of its own count. */
export type StateInput =
  | { readonly kind: 'joined'; readonly stream: MemberSettings }
  | ({ readonly kind: 'sotw'; readonly streamId: number; readonly request: Told<SotwRequest> } & Standing)
  | ({ readonly kind: 'delta'; readonly streamId: number; readonly request: Told<DeltaRequest> } & Standing)
  | { readonly kind: 'publication'; readonly published: Snapshot | undefined }
  | { readonly kind: 'timer'; readonly id: number }
  /** Whether streams take more bytes (R49). */
  | { readonly kind: 'gate'; readonly streams: readonly number[]; readonly open: boolean }
  /** What the client rejected is to be tried again now. */
  | { readonly kind: 'retry' }
  | { readonly kind: 'left'; readonly streamId: number };

export function startState(settings: ClientSettings): ClientState {
  return {
    settings,
    streams: ByStream.empty(),
    traits: undefined,
    published: undefined,
    lanes: [],
    tally: new Map(),
    targets: new Map(),
    order: startOrder,
    isolation: nothingRejected,
    aimed: undefined,
    trial: undefined,
    rewarmed: [],
    beats: new Map(),
    timers: 0,
  };
}

/** One step of a client. Pure: equal states and inputs make equal steps. */
export function stepState(state: ClientState, input: StateInput): StateStep {
  switch (input.kind) {
    case 'joined':
      return new Turn(state).join(input.stream).end();
    case 'sotw':
    case 'delta':
      return onRequest(state, input);
    case 'publication':
      return new Turn(state).publish(input.published).end();
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

function onRequest(state: ClientState, input: StateInput & { readonly kind: Variant }): StateStep {
  const { streamId, traits, published } = input;
  const member = state.streams.get(streamId);
  const typeUrl = input.request.typeUrl || member?.settings.impliedType;
  const fault = faultOf(state, streamId, typeUrl, traits);
  if (fault !== undefined || typeUrl === undefined) return refused(state, fault ?? noType);
  const excess = excessOf(state, input, typeUrl);
  if (excess) return { ...refused(state, excess.message), limit: excess.limit };
  const request = input.kind === 'sotw' ? { ...input.request, typeUrl } : { ...input.request, typeUrl };
  const turn = new Turn(state).identify(traits).publish(published);
  turn.feed(streamId, typeUrl, { kind: 'request', request } as Input<SotwRequest & DeltaRequest>);
  return turn.end();
}

function faultOf(
  { streams }: ClientState,
  streamId: number,
  typeUrl: string | undefined,
  traits: Traits | undefined,
): string | undefined {
  const implied = streams.get(streamId)?.settings.impliedType;
  if (!typeUrl) return noType;
  if (implied !== undefined && typeUrl !== implied) return `this stream serves ${implied}, not ${typeUrl}`;
  if (!traits) return 'the first request of a stream must have a node';
  return undefined;
}

const noType = 'the request has no type_url, which an aggregated stream needs';

function refused(state: ClientState, fault: string): StateStep {
  return { state, responses: [], events: [], timers: [], fault };
}

/** What of the request is more than the client may ask for. The names of one request have been counted before. */
function excessOf(
  { lanes, settings: { limits = defaultLimits } }: ClientState,
  { kind, streamId, request }: StateInput & { readonly kind: Variant },
  typeUrl: string,
): LimitError | undefined {
  const lane = lanes[laneIndex(lanes, streamId, typeUrl)];
  if (!lane) {
    const { length: types } = lanesOn(lanes, streamId);
    return types < limits.types ? undefined : beyond(limits, 'types', `more than ${types} types on one stream`);
  }
  if (kind !== 'delta') return undefined;
  const { names } = lane.state.subscription;
  const { subscribe, unsubscribe } = request;
  // Nearly always enough to know.
  if (names.size + subscribe.length <= limits.names) return undefined;
  const all = new Set([...names, ...subscribe.map(canonicalName)]);
  for (const name of unsubscribe) all.delete(canonicalName(name));
  return all.size <= limits.names
    ? undefined
    : beyond(limits, 'names', `a subscription to ${all.size} names of ${typeUrl}`);
}

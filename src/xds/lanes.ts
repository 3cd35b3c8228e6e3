import { search } from './by-stream.ts';
import { type DeltaState, startDelta } from './delta.ts';
import type { Variant } from './events.ts';
import { endpointUrl, rankOf } from './resource-type.ts';
import { type SotwState, startSotw } from './sotw.ts';

export type MachineState = SotwState | DeltaState;

/** What a stream of a client was opened with. */
export interface MemberSettings {
  /** Which of the client's it is: it counts its own, so that the first of every client is the same. */
  readonly streamId: number;
  readonly variant: Variant;
  /** The one type of a per-type stream, where requests may leave it out; undefined on ADS (R2). */
  readonly impliedType: string | undefined;
}

/** One type on one stream of a client. */
export interface Lane {
  readonly streamId: number;
  /** On a stream that has other types as well. */
  readonly aggregated: boolean;
  /** Of the endpoints of a cluster that was replaced since: Envoy opens another stream for the new one (R39). */
  readonly outdated?: true;
  readonly state: MachineState;
}

/** All of a client's, in the order of sending: what is made before what refers to it; those of a type by stream. */
export type Lanes = readonly Lane[];

/** Where a lane is, or -1. */
export function laneIndex(lanes: Lanes, streamId: number, typeUrl: string): number {
  return Math.max(-1, placeOf(lanes, streamId, typeUrl));
}

function placeOf(lanes: Lanes, streamId: number, typeUrl: string): number {
  const rank = rankOf(typeUrl);
  return search(lanes.length, at => {
    const lane = lanes[at];
    if (!lane) return 1;
    const url = lane.state.typeUrl;
    if (url === typeUrl) return lane.streamId - streamId;
    return rankOf(url) - rank || (url < typeUrl ? -1 : 1);
  });
}

/** The lanes of a type, which stand together: where they begin and where they have ended. */
export function rangeOf(lanes: Lanes, typeUrl: string): readonly [from: number, to: number] {
  // No stream has such numbers.
  return [~placeOf(lanes, -1, typeUrl), ~placeOf(lanes, Number.POSITIVE_INFINITY, typeUrl)];
}

/** The types that there are lanes of, in the order of sending. */
export function typesIn(lanes: Lanes): readonly string[] {
  const types: string[] = [];
  for (let at = 0; at < lanes.length; ) {
    const typeUrl = lanes[at]?.state.typeUrl ?? '';
    types.push(typeUrl);
    at = rangeOf(lanes, typeUrl)[1];
  }
  return types;
}

/** Where the lanes of a stream are. */
export function lanesOn(lanes: Lanes, streamId: number): readonly number[] {
  return typesIn(lanes)
    .map(typeUrl => laneIndex(lanes, streamId, typeUrl))
    .filter(index => index >= 0);
}

/** The lanes and one that they do not have, at its beginning. */
export function withLane(
  lanes: Lanes,
  settings: MemberSettings,
  typeUrl: string,
  given: Pick<MachineState, 'open' | 'knowsErrors'>,
): Lane[] {
  const { streamId, variant, impliedType } = settings;
  const start = variant === 'sotw' ? startSotw(typeUrl) : startDelta(typeUrl);
  const lane: Lane = { streamId, aggregated: impliedType === undefined, state: { ...start, ...given } };
  return lanes.toSpliced(~placeOf(lanes, streamId, typeUrl), 0, lane);
}

/**
 * What was acknowledged on streams of single clusters' endpoints says nothing of clusters that took their names since
 * (R39). The lanes themselves if that concerns none.
 */
export function withOutdated(lanes: Lanes, assignments: ReadonlySet<string>): Lanes {
  const isConcerned = ({ aggregated, state: { typeUrl, subscription } }: Lane): boolean => {
    const [name = ''] = subscription.names;
    return !aggregated && typeUrl === endpointUrl && subscription.names.size === 1 && assignments.has(name);
  };
  if (assignments.size === 0 || !lanes.some(isConcerned)) return lanes;
  return lanes.map(lane => (isConcerned(lane) ? { ...lane, outdated: true } : lane));
}

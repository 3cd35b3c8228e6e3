import { type DeltaState, startDelta } from './delta.ts';
import type { Variant } from './frame.ts';
import { noncePrefix } from './nonce.ts';
import { rankOf } from './resource-type.ts';
import { type SotwState, startSotw } from './sotw.ts';

export type MachineState = SotwState | DeltaState;

/** What a stream was opened with. */
export interface StreamSettings {
  /** Unique within the process. */
  readonly streamId: number;
  readonly variant: Variant;
  /** The one type of a per-type stream, where requests may leave it out; undefined on ADS (R2). */
  readonly impliedType: string | undefined;
  readonly nonceSalt: number;
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

/** All of a client's, in the order of sending: what is made before what refers to it. */
export type Lanes = readonly Lane[];

export function laneIndex(lanes: Lanes, streamId: number, typeUrl: string): number {
  return lanes.findIndex(lane => lane.state.typeUrl === typeUrl && lane.streamId === streamId);
}

/** How many types a stream has asked for. */
export function typesOn(lanes: Lanes, streamId: number): number {
  return lanes.reduce((count, lane) => (lane.streamId === streamId ? count + 1 : count), 0);
}

/** The lanes and one more, at its beginning. */
export function withLane(
  lanes: Lanes,
  settings: StreamSettings,
  typeUrl: string,
  given: Pick<MachineState, 'open' | 'knowsErrors'>,
): Lane[] {
  const { streamId, variant, impliedType, nonceSalt } = settings;
  const prefix = noncePrefix(nonceSalt, streamId, typesOn(lanes, streamId));
  const start = variant === 'sotw' ? startSotw(typeUrl, prefix) : startDelta(typeUrl, prefix);
  const lane: Lane = { streamId, aggregated: impliedType === undefined, state: { ...start, ...given } };
  const at = lanes.findIndex(each => rankOf(each.state.typeUrl) > rankOf(typeUrl));
  return lanes.toSpliced(at < 0 ? lanes.length : at, 0, lane);
}

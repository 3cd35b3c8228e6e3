import {
  type Lane,
  type Lanes,
  laneIndex,
  lanesOn,
  type MachineState,
  type MemberSettings,
  withLane,
} from './lanes.ts';
import { recounted, type Tally } from './tally.ts';

/** The lanes of a client in the making: a copy that changes, and what has changed in it. */
export class LaneDraft {
  #lanes: Lanes;
  #tally: Tally;
  /** Set once the lanes are a copy that may be changed. */
  #changing: Lane[] | undefined;
  #begun: number | undefined;
  readonly #moved = new Set<number>();

  constructor(lanes: Lanes, tally: Tally) {
    this.#lanes = lanes;
    this.#tally = tally;
  }

  get lanes(): Lanes {
    return this.#lanes;
  }

  get tally(): Tally {
    return this.#tally;
  }

  /** Where the lane is that has begun last. */
  get begun(): number | undefined {
    return this.#begun;
  }

  /** Those that were told something since: nothing has changed of the others. */
  get moved(): readonly Lane[] {
    return [...this.#moved].flatMap(index => this.#lanes[index] ?? []);
  }

  /** A lane was told something, which has led to this. */
  moves(index: number, state: MachineState): void {
    const lane = this.#lanes[index];
    if (!lane) return;
    this.#moved.add(index);
    if (state === lane.state) return;
    this.#changing ??= [...this.#lanes];
    this.#lanes = this.#changing;
    this.#changing[index] = { ...lane, state };
    this.#tally = recounted(this.#tally, lane.state, state);
  }

  /** @returns where it is. It must not be there yet. */
  begin(stream: MemberSettings, typeUrl: string, given: Pick<MachineState, 'open' | 'knowsErrors'>): number {
    this.#changing = withLane(this.#lanes, stream, typeUrl, given);
    this.#lanes = this.#changing;
    this.#moved.clear();
    const index = laneIndex(this.#lanes, stream.streamId, typeUrl);
    this.#tally = recounted(this.#tally, undefined, this.#lanes[index]?.state);
    this.#begun = index;
    return index;
  }

  /** Takes out those of a stream. */
  leave(streamId: number): readonly Lane[] {
    const kept = [...this.#lanes];
    const left = lanesOn(kept, streamId)
      .toReversed()
      .flatMap(index => kept.splice(index, 1));
    this.#lanes = kept;
    this.#changing = kept;
    this.#moved.clear();
    this.#begun = undefined;
    for (const { state } of left) this.#tally = recounted(this.#tally, state, undefined);
    return left;
  }

  /** Takes the same lanes with other marks; their states are the same. */
  remark(lanes: Lanes): void {
    this.#lanes = lanes;
    this.#changing = undefined;
  }
}

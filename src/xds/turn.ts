import type { Assignment, NodeIdentity, Publication } from '../snapshot/board.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import type { Beats, ClientState, ClientStep, Member } from './client.ts';
import { stepDelta } from './delta.ts';
import { beatEvery, knowsTtl } from './heartbeat.ts';
import { type Lane, type Lanes, laneIndex, type MachineState, type StreamSettings, withLane } from './lanes.ts';
import {
  type DeltaRequest,
  type Input,
  isSettled,
  type MachineEvent,
  type Response,
  type SotwRequest,
  type Step,
} from './machine.ts';
import { sameNode } from './node-identity.ts';
import { aim, evaluate, expire, type OrderState, proven, schedule, type TimerRequest, targetOf } from './order.ts';
import { publishedVersion, replaced } from './overlay.ts';
import { clusterUrl, endpointUrl } from './resource-type.ts';
import { stepSotw } from './sotw.ts';

/** What a machine is told, of either variant. */
type AnyInput = Input<SotwRequest & DeltaRequest>;

/**
 * One step of a client in the making: a copy of its state that changes until `end` gives it out. Lives no longer than
 * the call of `stepClient`.
 */
export class Turn {
  readonly #before: ClientState;
  #streams: ReadonlyMap<number, Member>;
  #node: NodeIdentity | undefined;
  #publication: Publication | undefined;
  #assignment: Assignment | undefined;
  #order: OrderState;
  #rewarmed: readonly string[];
  #beats: Beats;
  #lanes: Lanes;
  /** Set once the lanes are a copy that may be changed. */
  #changing: Lane[] | undefined;
  /** Types of streams of their own of which one has moved or gone. */
  readonly #touched = new Set<string>();
  readonly #responses: (Response & { readonly streamId: number })[] = [];
  readonly #events: MachineEvent[] = [];

  constructor(before: ClientState) {
    this.#before = before;
    this.#streams = before.streams;
    this.#node = before.node;
    this.#publication = before.publication;
    this.#assignment = before.assignment;
    this.#order = before.order;
    this.#rewarmed = before.rewarmed;
    this.#beats = before.beats;
    this.#lanes = before.lanes;
  }

  join(settings: StreamSettings): this {
    this.#streams = new Map(this.#streams).set(settings.streamId, { settings, open: true });
    return this;
  }

  leave(streamId: number): this {
    this.#streams = new Map([...this.#streams].filter(([id]) => id !== streamId));
    const [kept, left] = [[] as Lane[], [] as Lane[]];
    for (const lane of this.#lanes) (lane.streamId === streamId ? left : kept).push(lane);
    this.#lanes = kept;
    this.#changing = kept;
    this.#beats = new Map([...this.#beats].filter(([, beat]) => beat.streamId !== streamId));
    for (const { state } of left) this.#touched.add(state.typeUrl);
    return this;
  }

  identify(node: NodeIdentity | undefined): this {
    if (!node || sameNode(this.#node, node)) return this;
    this.#node = node;
    this.#events.push({ kind: 'identified', node });
    return this.#assign();
  }

  publish(publication: Publication): this {
    const known = this.#publication;
    this.#publication = publication;
    // The same rule gives the same answer; most publications change only content.
    return known?.assign === publication.assign && this.#assignment ? this : this.#assign();
  }

  #assign(): this {
    if (!this.#node || !this.#publication) return this;
    const assignment = this.#publication.assign(this.#node);
    if (sameAssignment(assignment, this.#assignment)) return this;
    this.#assignment = assignment;
    this.#events.push({ kind: 'assigned', assignment });
    return this;
  }

  expire(id: number): this {
    const beat = this.#beats.get(id);
    if (id < 0) this.#beats = new Map([...this.#beats].filter(([each]) => each !== id));
    else this.#order = expire(this.#order, id, this.#lanes);
    if (beat) this.feed(beat.streamId, beat.typeUrl, { kind: 'beat' });
    return this;
  }

  gate(streams: readonly number[], open: boolean): this {
    const members = new Map(this.#streams);
    for (const streamId of streams) {
      const member = members.get(streamId);
      if (member) members.set(streamId, { ...member, open });
    }
    this.#streams = members;
    for (const [index, { streamId }] of this.#lanes.entries()) {
      if (streams.includes(streamId)) this.#feed(index, { kind: 'gate', open });
    }
    return this;
  }

  /** Gives a lane's machine its input and takes what it brings about. */
  feed(streamId: number, typeUrl: string, input: AnyInput): void {
    let index = laneIndex(this.#lanes, streamId, typeUrl);
    if (index < 0) index = this.#begin(streamId, typeUrl);
    this.#feed(index, input);
  }

  /** @returns whether the client is now known to hold another set. */
  #feed(index: number, input: AnyInput): boolean {
    const lane = this.#lanes[index];
    if (!lane) return false;
    const { streamId, state: before } = lane;
    const step: Step<MachineState> = 'has' in before ? stepDelta(before, input) : stepSotw(before, input);
    if (step.state !== before) this.#copy()[index] = { ...lane, state: step.state };
    for (const response of step.responses) this.#responses.push({ ...response, streamId });
    this.#events.push(...step.events);
    if (!lane.aggregated) this.#touched.add(before.typeUrl);
    if (before.typeUrl === clusterUrl && step.responses.length > 0) this.#clustersSent(lane, step);
    return step.state.acked !== before.acked;
  }

  #copy(): Lane[] {
    this.#changing ??= [...this.#lanes];
    this.#lanes = this.#changing;
    return this.#changing;
  }

  #begin(streamId: number, typeUrl: string): number {
    const member = this.#streams.get(streamId);
    if (!member) return -1;
    this.#changing = withLane(this.#lanes, member.settings, typeUrl, member.open);
    this.#lanes = this.#changing;
    return laneIndex(this.#lanes, streamId, typeUrl);
  }

  /**
   * Envoy warms a changed cluster anew and wants its endpoints again, even if they have not changed (R39). Where
   * endpoints have streams of their own, it opens another one for that.
   */
  #clustersSent({ streamId, aggregated, state: before }: Lane, { state, responses }: Step<MachineState>): void {
    this.#order = proven(this.#order);
    if (!aggregated) return;
    const names =
      before.sent && state.sent && !before.inParts ? replaced(before.sent, state.sent) : resumed(before, responses);
    if (names.length === 0) return;
    const endpoints = laneIndex(this.#lanes, streamId, endpointUrl);
    if (endpoints >= 0) this.#feed(endpoints, { kind: 'again', names });
    else this.#rewarmed = [...this.#rewarmed, ...names];
  }

  /** Lets every lane move as far as the order allows. */
  end(): ClientStep {
    const snapshot = this.#snapshot();
    if (snapshot) this.#order = aim(this.#order, snapshot);
    // What was found to be held without being sent may open the way for others.
    for (let round = 0; round < maxRounds && this.#advance(snapshot !== undefined); round++);
    const { settings } = this.#before;
    const { order, timers: ordered } = schedule(this.#order, this.#lanes, settings);
    const beats = this.#beatTimers();
    const timers = beats.length > 0 ? [...ordered, ...beats] : ordered;
    const state: ClientState = {
      settings,
      streams: this.#streams,
      node: this.#node,
      publication: this.#publication,
      assignment: this.#assignment,
      lanes: this.#lanes,
      order,
      rewarmed: this.#rewarmed,
      beats: this.#beats,
    };
    return { state, responses: this.#responses, events: this.#told(), timers };
  }

  /** What the node is to hold, if there is a fleet for it that has a snapshot. */
  #snapshot(): Snapshot | undefined {
    const assignment = this.#assignment;
    return assignment?.kind === 'assigned' ? this.#publication?.snapshots.get(assignment.key) : undefined;
  }

  /** @returns whether the client was found to hold another set, which calls for another round. */
  #advance(served: boolean): boolean {
    this.#order = evaluate(this.#order, this.#lanes);
    let settled = false;
    for (let index = 0; index < this.#lanes.length; index++) {
      const lane = this.#lanes[index];
      if (!lane) continue;
      const { target, keepLeftover } = served ? targetOf(this.#order, lane.state) : unserved;
      if (target && lane.state.typeUrl === endpointUrl && lane.aggregated) this.#rewarm(index);
      const { state } = this.#lanes[index] ?? lane;
      if (target !== state.target || keepLeftover !== state.keepLeftover) {
        settled = this.#feed(index, { kind: 'target', target, keepLeftover }) || settled;
      }
    }
    return settled;
  }

  #rewarm(index: number): void {
    if (this.#rewarmed.length === 0) return;
    const names = this.#rewarmed;
    this.#rewarmed = [];
    this.#feed(index, { kind: 'again', names });
  }

  /** Starts the timers of lanes that hold something with a time to live. */
  #beatTimers(): readonly TimerRequest[] {
    const timers: TimerRequest[] = [];
    for (const { streamId, state } of this.#lanes) {
      const afterMs = beatEvery(state);
      const variant = this.#streams.get(streamId)?.settings.variant;
      if (afterMs === undefined || !variant || !knowsTtl(variant, this.#node)) continue;
      const { typeUrl } = state;
      if ([...this.#beats.values()].some(beat => beat.streamId === streamId && beat.typeUrl === typeUrl)) continue;
      const id = Math.min(0, ...this.#beats.keys()) - 1;
      this.#beats = new Map([...this.#beats, [id, { streamId, typeUrl }]]);
      timers.push({ id, afterMs });
    }
    return timers;
  }

  /**
   * What is told of the step. Of a type on several streams the client holds what is published when it does so on all of
   * them: until then an acknowledgement is of a part.
   */
  #told(): readonly MachineEvent[] {
    const before = this.#before.lanes;
    const shared = [...this.#touched].filter(
      typeUrl => lanesOf(before, typeUrl).length > 1 || lanesOf(this.#lanes, typeUrl).length > 1,
    );
    if (shared.length === 0) return this.#events;
    const held = shared.flatMap((typeUrl): MachineEvent[] => {
      const version = heldOf(this.#lanes, typeUrl);
      return version === undefined || version === heldOf(before, typeUrl)
        ? []
        : [{ kind: 'current', typeUrl, version }];
    });
    const told = this.#events.flatMap((event): MachineEvent[] => {
      if (event.kind === 'current' && shared.includes(event.typeUrl)) return [];
      return event.kind === 'acked' && shared.includes(event.typeUrl) ? [{ ...event, part: true }] : [event];
    });
    return [...told, ...held];
  }
}

function lanesOf(lanes: Lanes, typeUrl: string): Lanes {
  return lanes.filter(({ state }) => state.typeUrl === typeUrl);
}

/** The version that the client holds on all lanes of the type; undefined while something is under way on one of them. */
function heldOf(lanes: Lanes, typeUrl: string): string | undefined {
  let held: string | undefined;
  for (const { state } of lanesOf(lanes, typeUrl)) {
    if (!state.target || !isSettled(state)) return undefined;
    held = publishedVersion(state.target);
  }
  return held;
}

const maxRounds = 8;
const unserved = { target: undefined, keepLeftover: true };

/** A client that comes back with clusters of its own, or is sent them in parts: those that come may replace others. */
function resumed(before: MachineState, responses: readonly Response[]): readonly string[] {
  if (!before.resumes && !before.inParts) return [];
  return responses.flatMap(({ body }) => body.resources.map(each => each.name));
}

function sameAssignment(a: Assignment, b: Assignment | undefined): boolean {
  if (a === b) return true;
  if (a.kind === 'assigned') return b?.kind === 'assigned' && a.key === b.key;
  return JSON.stringify(a) === JSON.stringify(b);
}

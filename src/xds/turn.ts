import type { Assignment, NodeIdentity, Publication } from '../snapshot/board.ts';
import { diffTypes } from '../snapshot/diff.ts';
import type { EncodedResource, Snapshot } from '../snapshot/snapshot.ts';
import type { Beats, ClientState, ClientStep, Member } from './client.ts';
import { stepDelta } from './delta.ts';
import { beatEvery, knowsTtl } from './heartbeat.ts';
import {
  accepted,
  type Isolation,
  isPaused,
  refused,
  republished,
  resumed,
  retried,
  retryAfter,
  withheldBy,
  withheldEvent,
} from './isolation.ts';
import { type Lane, type Lanes, laneIndex, type MachineState, type StreamSettings, withLane } from './lanes.ts';
import type { DeltaRequest, Input, MachineEvent, Response, SotwRequest, Step } from './machine.ts';
import { sameNode } from './node-identity.ts';
import { aim, evaluate, expire, type OrderState, proven, schedule, type TimerRequest, targetsOf } from './order.ts';
import { replaced } from './overlay.ts';
import { knowsErrors } from './resource-errors.ts';
import { clusterUrl, endpointUrl } from './resource-type.ts';
import { stepSotw } from './sotw.ts';
import { told } from './told.ts';
import { assignmentsOf } from './warming.ts';
import { goalFor, isAccepted, suspectsIn } from './withheld.ts';

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
  #isolation: Isolation;
  #aimed: ClientState['aimed'];
  #trial: ClientState['trial'];
  #rewarmed: readonly string[];
  #beats: Beats;
  #timers: number;
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
    this.#isolation = before.isolation;
    this.#aimed = before.aimed;
    this.#trial = before.trial;
    this.#rewarmed = before.rewarmed;
    this.#beats = before.beats;
    this.#timers = before.timers;
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
    if (id > 0) this.#order = expire(this.#order, id, this.#lanes);
    if (id === this.#trial?.id) this.#tryOn(this.#trial.kind);
    const beat = this.#beats.get(id);
    if (!beat) return this;
    this.#beats = new Map([...this.#beats].filter(([each]) => each !== id));
    this.feed(beat.streamId, beat.typeUrl, { kind: 'beat' });
    return this;
  }

  #tryOn(kind: 'next' | 'again'): void {
    this.#trial = undefined;
    this.#isolation = kind === 'next' ? resumed(this.#isolation) : retried(this.#isolation, false);
  }

  retry(): this {
    this.#isolation = resumed(retried(this.#isolation, true));
    return this;
  }

  gate(streams: readonly number[], open: boolean): this {
    const members = new Map(this.#streams);
    for (const streamId of streams) {
      const member = members.get(streamId);
      if (member) members.set(streamId, { ...member, open });
    }
    this.#streams = members;
    const concerned = new Set(streams);
    for (const [index, { streamId }] of this.#lanes.entries()) {
      if (concerned.has(streamId)) this.#feed(index, { kind: 'gate', open });
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
    if (step.refused) this.#refused(before, step.refused);
    if (before.typeUrl === clusterUrl && step.responses.length > 0) this.#clustersSent(lane, step);
    return step.state.acked !== before.acked;
  }

  #refused(before: MachineState, { response, error }: NonNullable<Step<MachineState>['refused']>): void {
    const suspects = suspectsIn(before, response);
    if (suspects) this.#isolation = refused(this.#isolation, before.typeUrl, suspects, error);
  }

  #copy(): Lane[] {
    this.#changing ??= [...this.#lanes];
    this.#lanes = this.#changing;
    return this.#changing;
  }

  #begin(streamId: number, typeUrl: string): number {
    const member = this.#streams.get(streamId);
    if (!member) return -1;
    this.#changing = withLane(this.#lanes, member.settings, typeUrl, {
      open: member.open,
      knowsErrors: knowsErrors(this.#node),
    });
    this.#lanes = this.#changing;
    return laneIndex(this.#lanes, streamId, typeUrl);
  }

  /**
   * Envoy warms a changed cluster anew and wants its endpoints again, even if they have not changed (R39). Where
   * endpoints have streams of their own, it opens another one for that.
   */
  #clustersSent({ streamId, aggregated, state: before }: Lane, { state, responses }: Step<MachineState>): void {
    this.#order = proven(this.#order);
    if (!aggregated) {
      if (before.sent && state.sent) this.#outdate(diffTypes(before.sent, state.sent).changed);
      return;
    }
    const names =
      before.sent && state.sent && !before.inParts
        ? replaced(before.sent, state.sent)
        : broughtOrInParts(before, responses);
    if (names.length === 0) return;
    const endpoints = laneIndex(this.#lanes, streamId, endpointUrl);
    if (endpoints >= 0) this.#feed(endpoints, { kind: 'again', names });
    else this.#rewarmed = [...this.#rewarmed, ...names];
  }

  /** What was acknowledged on the streams of single clusters before says nothing of what now has their names. */
  #outdate(clusters: readonly EncodedResource[]): void {
    const assignments = assignmentsOf(clusters);
    if (assignments.size === 0) return;
    for (const [index, lane] of this.#lanes.entries()) {
      const { typeUrl, subscription } = lane.state;
      if (lane.aggregated || typeUrl !== endpointUrl || subscription.names.size !== 1) continue;
      const [name = ''] = subscription.names;
      if (assignments.has(name)) this.#copy()[index] = { ...lane, outdated: true };
    }
  }

  /** Lets every lane move as far as the order allows. */
  end(): ClientStep {
    // What was found to be held without being sent may open the way for others.
    for (let round = 0; round < maxRounds && this.#advance(); round++);
    const { settings } = this.#before;
    const { order, timers: ordered } = schedule(this.#order, this.#lanes, settings.order);
    const timers = [...ordered, ...this.#trialTimer(), ...this.#beatTimers()];
    if (this.#isolation !== this.#before.isolation) this.#events.push(withheldEvent(this.#isolation));
    const state: ClientState = {
      settings,
      streams: this.#streams,
      node: this.#node,
      publication: this.#publication,
      assignment: this.#assignment,
      lanes: this.#lanes,
      order,
      isolation: this.#isolation,
      aimed: this.#aimed,
      trial: this.#trial,
      rewarmed: this.#rewarmed,
      beats: this.#beats,
      timers: this.#timers,
    };
    return {
      state,
      responses: this.#responses,
      events: told(this.#events, this.#before.lanes, this.#lanes, this.#touched),
      timers,
    };
  }

  /** What is published for the node, if there is a fleet for it that has a snapshot. */
  #published(): Snapshot | undefined {
    const assignment = this.#assignment;
    return assignment?.kind === 'assigned' ? this.#publication?.snapshots.get(assignment.key) : undefined;
  }

  /** That, without what the client rejects. */
  #goal(): Snapshot | undefined {
    const published = this.#published();
    if (!published) return undefined;
    this.#isolation = republished(this.#isolation, published);
    const isolation = this.#isolation;
    if (this.#aimed?.published !== published || this.#aimed.isolation !== isolation) {
      const goal = goalFor(published, withheldBy(isolation), this.#lanes);
      this.#aimed = { published, isolation, goal };
    }
    return this.#aimed.goal;
  }

  /** @returns whether the client was found to hold another set, which calls for another round. */
  #advance(): boolean {
    const goal = this.#goal();
    if (goal) this.#order = aim(this.#order, goal);
    this.#order = evaluate(this.#order, this.#lanes);
    let settled = false;
    const targets = goal ? targetsOf(this.#order) : () => unserved;
    for (let index = 0; index < this.#lanes.length; index++) {
      const lane = this.#lanes[index];
      if (!lane) continue;
      const { target, keepLeftover } = targets(lane.state);
      if (target && lane.state.typeUrl === endpointUrl && lane.aggregated) this.#rewarm(index);
      const { state } = this.#lanes[index] ?? lane;
      if (target !== state.target || keepLeftover !== state.keepLeftover) {
        settled = this.#feed(index, { kind: 'target', target, keepLeftover }) || settled;
      }
    }
    return this.#acceptTrials() || settled;
  }

  /** @returns whether something that was tried was accepted, so that the client may be sent more. */
  #acceptTrials(): boolean {
    const before = this.#isolation;
    for (const [typeUrl, { trying }] of before.trials) {
      if (trying.length > 0 && isAccepted(trying, this.#lanes)) this.#isolation = accepted(this.#isolation, typeUrl);
    }
    return this.#isolation !== before;
  }

  /** At most one runs, for whatever comes next. */
  #trialTimer(): readonly TimerRequest[] {
    const { rejects } = this.#isolation;
    const kind = isPaused(this.#isolation) ? 'next' : rejects.length > 0 ? 'again' : undefined;
    if (kind === this.#trial?.kind) return [];
    const id = kind && this.#nextTimer();
    this.#trial = kind && id !== undefined ? { kind, id } : undefined;
    if (id === undefined) return [];
    const { pause, retryAfter: first, retryLimit } = this.#before.settings.rejection;
    if (kind === 'next') return [{ id, afterMs: pause, jitter: true }];
    return [{ id, afterMs: retryAfter(this.#isolation, first, retryLimit), jitter: true }];
  }

  #nextTimer(): number {
    this.#timers += 1;
    return -this.#timers;
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
    if (!this.#node?.features) return timers;
    for (const { streamId, state } of this.#lanes) {
      const afterMs = beatEvery(state);
      const variant = this.#streams.get(streamId)?.settings.variant;
      if (afterMs === undefined || !variant || !knowsTtl(variant, this.#node)) continue;
      const { typeUrl } = state;
      if ([...this.#beats.values()].some(beat => beat.streamId === streamId && beat.typeUrl === typeUrl)) continue;
      const id = this.#nextTimer();
      this.#beats = new Map([...this.#beats, [id, { streamId, typeUrl }]]);
      timers.push({ id, afterMs });
    }
    return timers;
  }
}

const maxRounds = 8;
const unserved = { target: undefined, keepLeftover: true };

/** A client that comes back with clusters of its own, or is sent them in parts: those that come may replace others. */
function broughtOrInParts(before: MachineState, responses: readonly Response[]): readonly string[] {
  if (!before.resumes && !before.inParts) return [];
  return responses.flatMap(({ body }) => body.resources.map(each => each.name));
}

function sameAssignment(a: Assignment, b: Assignment | undefined): boolean {
  if (a === b) return true;
  if (a.kind === 'assigned') return b?.kind === 'assigned' && a.key === b.key;
  return JSON.stringify(a) === JSON.stringify(b);
}

import { diffTypes } from '../snapshot/diff.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { missingBeats } from './beats.ts';
import type { ByStream } from './by-stream.ts';
import type { Beats, ClientState, Member, StateStep } from './client-state.ts';
import { withoutCutSteps, withoutRejected } from './corrected.ts';
import { stepDelta } from './delta.ts';
import {
  accepted,
  forgone,
  type Isolation,
  isPaused,
  refused,
  resumed,
  retried,
  retryAfter,
  withheldBy,
  withheldEvent,
} from './isolation.ts';
import { LaneDraft } from './lane-draft.ts';
import {
  type Lane,
  type Lanes,
  laneIndex,
  lanesOn,
  type MachineState,
  type MemberSettings,
  withOutdated,
} from './lanes.ts';
import type { DeltaRequest, Input, MachineEvent, Response, SotwRequest, Step } from './machine.ts';
import { aim, awaitStreams, evaluate, expire, proven, schedule, type Target } from './order.ts';
import type { OrderState, TimerRequest } from './order-state.ts';
import { inDoubt } from './progress.ts';
import { comingBack, mayReopen } from './reopening.ts';
import { clusterUrl, endpointUrl } from './resource-type.ts';
import { stepSotw } from './sotw.ts';
import { anyCounted } from './tally.ts';
import { dueTargets, type Targets } from './targets.ts';
import { told } from './told.ts';
import type { Traits } from './traits.ts';
import { assignmentsOf, warmedAnew } from './warming.ts';
import { aimedAt, cleared, goalOn, type Halted, isPublished, outcome, stillRejected, suspectsIn } from './withheld.ts';

/** What a machine is told, of either variant. */
type AnyInput = Input<SotwRequest & DeltaRequest>;

/**
 * One step of a client in the making: a copy of its state that changes until `end` gives it out. Lives no longer than
 * the call of `stepState`.
 */
export class Turn {
  readonly #before: ClientState;
  #streams: ByStream<Member>;
  #traits: Traits | undefined;
  #published: Snapshot | undefined;
  #order: OrderState;
  #isolation: Isolation;
  #aimed: ClientState['aimed'];
  #trial: ClientState['trial'];
  #rewarmed: readonly string[];
  #beats: Beats;
  #timers: number;
  readonly #draft: LaneDraft;
  /** What was rejected is to be sent once more. */
  #retries = false;
  #targets: Targets;
  /** Types of streams of their own of which one has moved or gone. */
  readonly #touched = new Set<string>();
  readonly #responses: (Response & { readonly streamId: number })[] = [];
  readonly #events: MachineEvent[] = [];
  /** The request of this step after which the lane waits for its target. */
  #halted: Halted | undefined;

  constructor(before: ClientState) {
    this.#before = before;
    this.#streams = before.streams;
    this.#traits = before.traits;
    this.#published = before.published;
    this.#order = before.order;
    this.#isolation = before.isolation;
    this.#aimed = before.aimed;
    this.#trial = before.trial;
    this.#rewarmed = before.rewarmed;
    this.#beats = before.beats;
    this.#timers = before.timers;
    this.#draft = new LaneDraft(before.lanes, before.tally);
    this.#targets = before.targets;
  }

  join(settings: MemberSettings): this {
    this.#streams = this.#streams.with([settings.streamId, { settings, open: true }]);
    return this;
  }

  leave(streamId: number): this {
    this.#streams = this.#streams.without(streamId);
    this.#beats = new Map([...this.#beats].filter(([, beat]) => beat.streamId !== streamId));
    const left = this.#draft.leave(streamId);
    for (const { state } of left) this.#touched.add(state.typeUrl);
    if (mayReopen(this.#traits, left)) this.#order = awaitStreams(this.#order);
    return this;
  }

  identify(traits: Traits | undefined): this {
    this.#traits = traits;
    return this;
  }

  publish(published: Snapshot | undefined): this {
    this.#published = published;
    return this;
  }

  expire(id: number): this {
    if (id > 0) this.#order = expire(this.#order, id, this.#draft);
    if (id === this.#trial?.id) this.#tryOn(this.#trial.kind);
    const beat = this.#beats.get(id);
    if (!beat) return this;
    this.#beats = new Map([...this.#beats].filter(([each]) => each !== id));
    this.feed(beat.streamId, beat.typeUrl, { kind: 'beat' });
    return this;
  }

  #tryOn(kind: 'next' | 'again'): void {
    this.#trial = undefined;
    this.#isolation = kind === 'next' ? resumed(this.#isolation) : this.#retried(false);
    this.#retries = kind === 'again';
  }

  retry(): this {
    this.#isolation = resumed(this.#retried(true));
    this.#retries = true;
    return this;
  }

  #retried(forget: boolean): Isolation {
    const published = this.#published;
    return retried(this.#isolation, each => isPublished(each, published), forget);
  }

  gate(streams: readonly number[], open: boolean): this {
    const members = streams.flatMap(streamId => {
      const member = this.#streams.get(streamId);
      return member ? [[streamId, { ...member, open }] as const] : [];
    });
    this.#streams = this.#streams.with(...members);
    for (const streamId of streams) {
      for (const index of lanesOn(this.#lanes, streamId)) this.#feed(index, { kind: 'gate', open });
    }
    return this;
  }

  /** Gives a lane's machine its input and takes what it brings about. */
  feed(streamId: number, typeUrl: string, input: AnyInput): void {
    let index = laneIndex(this.#lanes, streamId, typeUrl);
    if (index < 0) index = this.#begin(streamId, typeUrl);
    // What was accepted may stand in for what is withheld, which is to be known before more is sent.
    const waits = input.kind === 'request' && withheldBy(this.#isolation).length > 0;
    this.#feed(index, waits ? { ...input, waits } : input);
    if (waits) this.#halted ??= { streamId, typeUrl, suspects: [] };
  }

  /** @returns whether the client is now known to hold another set. */
  #feed(index: number, input: AnyInput): boolean {
    const lane = this.#lanes[index];
    if (!lane) return false;
    const { streamId, state: before } = lane;
    const step: Step<MachineState> = 'has' in before ? stepDelta(before, input) : stepSotw(before, input);
    this.#draft.moves(index, step.state);
    for (const response of step.responses) this.#responses.push({ ...response, streamId });
    this.#events.push(...step.events);
    if (!lane.aggregated) this.#touched.add(before.typeUrl);
    if (input.kind === 'request') {
      this.#order = comingBack(this.#order, { ...lane, state: step.state }, this.#draft, this.#traits, this.#published);
    }
    if (step.refused) this.#refused(streamId, before, step.refused);
    if (before.typeUrl === clusterUrl && step.responses.length > 0) this.#clustersSent(lane, step);
    return step.state.acked !== before.acked;
  }

  #refused(
    streamId: number,
    before: MachineState,
    { response, error }: NonNullable<Step<MachineState>['refused']>,
  ): void {
    const { typeUrl } = before;
    const suspects = this.#before.settings.rejection && suspectsIn(before, response, this.#lanes);
    this.#halted = { streamId, typeUrl, suspects: suspects ?? [] };
    if (!suspects) return;
    const names = response.body.resources.map(each => each.name);
    this.#isolation = refused(this.#isolation, typeUrl, { suspects, names }, error);
    const withheld = withheldBy(this.#isolation);
    this.#order = withoutRejected(this.#order, withheld, goalOn(this.#lanes, withheld));
  }

  #begin(streamId: number, typeUrl: string): number {
    const member = this.#streams.get(streamId);
    if (!member) return -1;
    const given = { open: member.open, knowsErrors: this.#traits?.knowsErrors === true };
    return this.#draft.begin(member.settings, typeUrl, given);
  }

  /**
   * Envoy warms a changed cluster anew and wants its endpoints again, even if they have not changed (R39). Where
   * endpoints have streams of their own, it opens another one for that.
   */
  #clustersSent({ aggregated, state: before }: Lane, { state, responses }: Step<MachineState>): void {
    this.#order = proven(this.#order);
    if (!aggregated && before.sent && state.sent) {
      const { changed } = diffTypes(before.sent, state.sent);
      this.#draft.remark(withOutdated(this.#lanes, assignmentsOf(changed)));
    }
    const names = warmedAnew(before, state, responses);
    if (names.length === 0) return;
    const endpoints = this.#lanes.findIndex(lane => lane.aggregated && lane.state.typeUrl === endpointUrl);
    if (endpoints >= 0) this.#feed(endpoints, { kind: 'again', names });
    else if (aggregated) this.#rewarmed = [...this.#rewarmed, ...names];
  }

  /** Lets every lane move as far as the order allows. */
  end(): StateStep {
    // What was found to be held without being sent may open the way for others.
    for (let round = 0; round < maxRounds && this.#advance(); round++);
    const { settings } = this.#before;
    const { order, timers: ordered } = schedule(this.#order, this.#draft, settings.order);
    const timers = [...ordered, ...this.#trialTimer(), ...this.#beatTimers()];
    if (this.#isolation !== this.#before.isolation) this.#events.push(withheldEvent(this.#isolation));
    const state: ClientState = {
      settings,
      streams: this.#streams,
      traits: this.#traits,
      published: this.#published,
      lanes: this.#lanes,
      tally: this.#draft.tally,
      targets: this.#targets,
      order,
      isolation: this.#isolation,
      aimed: this.#aimed,
      trial: this.#trial,
      rewarmed: this.#rewarmed,
      beats: this.#beats,
      timers: this.#trial || this.#beats.size > 0 ? this.#timers : 0,
    };
    return {
      state,
      responses: this.#responses,
      events: told(this.#events, this.#before, state, this.#touched),
      timers,
    };
  }

  get #lanes(): Lanes {
    return this.#draft.lanes;
  }

  /** What is published, without what the client rejects. */
  #goal(): Snapshot | undefined {
    const published = this.#published;
    if (!published) return undefined;
    this.#isolation = stillRejected(this.#isolation, published, this.#lanes);
    this.#aimed = aimedAt(this.#aimed, published, this.#isolation, this.#lanes);
    return this.#aimed.goal;
  }

  /** @returns whether the client was found to hold another set, which calls for another round. */
  #advance(): boolean {
    const goal = this.#goal();
    if (goal && goal !== this.#order.goal) this.#order = aim(withoutCutSteps(this.#order), goal);
    this.#order = evaluate(this.#order, this.#draft);
    let settled = this.#retarget(goal && this.#order);
    settled = this.#proceed() || settled;
    settled = this.#resend() || settled;
    settled = this.#acceptTrials() || settled;
    const published = this.#published;
    return (
      settled || (published !== undefined && stillRejected(this.#isolation, published, this.#lanes) !== this.#isolation)
    );
  }

  /** Tells lanes what they are to move to. @returns whether the client was found to hold another set. */
  #retarget(order: OrderState | undefined): boolean {
    const { targets, due } = dueTargets(order, this.#draft, this.#targets);
    this.#targets = targets;
    return due.reduce((settled, { index, target }) => this.#aimLane(index, target) || settled, false);
  }

  #aimLane(index: number, { target, keepLeftover }: Target): boolean {
    const lane = this.#lanes[index];
    if (target && lane?.state.typeUrl === endpointUrl && lane.aggregated) this.#rewarm(index);
    const state = this.#lanes[index]?.state;
    if (target === state?.target && keepLeftover === state?.keepLeftover) return false;
    return this.#feed(index, { kind: 'target', target, keepLeftover });
  }

  /** What was rejected without being under suspicion is tried again as well. @returns whether another set is held. */
  #resend(): boolean {
    if (!this.#retries) return false;
    this.#retries = false;
    let settled = false;
    for (const [index, { state }] of this.#lanes.entries()) {
      if (!state.rejected || !state.target) continue;
      const names = [...inDoubt(state.doubtful, state.target).names];
      settled = this.#feed(index, { kind: 'again', names }) || settled;
    }
    return settled;
  }

  /** @returns whether the client was found to hold another set. */
  #proceed(): boolean {
    if (!this.#halted) return false;
    const { streamId, typeUrl, suspects } = this.#halted;
    this.#halted = undefined;
    const again = cleared(suspects, this.#isolation, this.#published);
    return this.#feed(laneIndex(this.#lanes, streamId, typeUrl), { kind: 'proceed', again });
  }

  /** @returns whether something that was tried was accepted, so that the client may be sent more. */
  #acceptTrials(): boolean {
    const before = this.#isolation;
    for (const [typeUrl, { trying }] of before.trials) {
      const known = trying.length > 0 ? outcome(trying, this.#aimed?.goal, this.#lanes) : undefined;
      if (known === 'accepted') this.#isolation = accepted(this.#isolation, typeUrl);
      if (known === 'unasked') this.#isolation = forgone(this.#isolation, typeUrl);
    }
    return this.#isolation !== before;
  }

  /** At most one runs, for whatever comes next. */
  #trialTimer(): readonly TimerRequest[] {
    const rejects = this.#isolation.rejects.length > 0 || anyCounted(this.#draft.tally, 'rejected');
    const kind = isPaused(this.#isolation) ? 'next' : rejects ? 'again' : undefined;
    if (kind === this.#trial?.kind) return [];
    const id = kind && this.#nextTimer();
    this.#trial = kind && id !== undefined ? { kind, id } : undefined;
    const { rejection } = this.#before.settings;
    if (id === undefined || !rejection) return [];
    const { pause, retryAfter: first, retryLimit } = rejection;
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
    const isAnother = this.#traits !== this.#before.traits;
    const moved = isAnother ? this.#lanes : this.#draft.moved;
    return missingBeats(moved, this.#streams, this.#traits, this.#beats).map(({ beat, afterMs }) => {
      const id = this.#nextTimer();
      this.#beats = new Map([...this.#beats, [id, beat]]);
      return { id, afterMs };
    });
  }
}

const maxRounds = 8;

import type { Assignment, NodeIdentity, Publication } from '../snapshot/board.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { type DeltaState, startDelta, stepDelta } from './delta.ts';
import type { Variant } from './frame.ts';
import { beatEvery, knowsTtl } from './heartbeat.ts';
import type { DeltaRequest, Input, MachineEvent, Response, SotwRequest, Step } from './machine.ts';
import { sameNode } from './node-identity.ts';
import { noncePrefix } from './nonce.ts';
import {
  aim,
  evaluate,
  expire,
  type OrderSettings,
  type OrderState,
  proven,
  schedule,
  startOrder,
  type Target,
  type TimerRequest,
  targetOf,
} from './order.ts';
import { replaced } from './overlay.ts';
import { knowsErrors } from './resource-errors.ts';
import { clusterUrl, endpointUrl, rankOf } from './resource-type.ts';
import { type SotwState, startSotw, stepSotw } from './sotw.ts';

/** What a stream was opened with. */
export interface StreamSettings {
  readonly streamId: number;
  readonly variant: Variant;
  /** The one type of a per-type stream, where requests may leave it out; undefined on ADS (R2). */
  readonly impliedType: string | undefined;
  readonly nonceSalt: number;
  readonly order: OrderSettings;
}

type MachineState = SotwState | DeltaState;

/** One stream: its types, its node, and the order among its types. */
export interface StreamState {
  readonly settings: StreamSettings;
  readonly node: NodeIdentity | undefined;
  readonly publication: Publication | undefined;
  readonly assignment: Assignment | undefined;
  readonly types: ReadonlyMap<string, MachineState>;
  readonly order: OrderState;
  readonly open: boolean;
  /** Clusters replaced before the stream has asked for endpoints: theirs are owed whatever the client has (R39). */
  readonly rewarmed: readonly string[];
  /** Timers of signs of life, by type; their ids are negative, so that they are none of the order's (R34). */
  readonly beats: ReadonlyMap<string, number>;
}

export type StreamInput =
  | { readonly kind: 'sotw'; readonly request: SotwRequest; readonly node: NodeIdentity | undefined }
  | { readonly kind: 'delta'; readonly request: DeltaRequest; readonly node: NodeIdentity | undefined }
  | { readonly kind: 'publication'; readonly publication: Publication }
  | { readonly kind: 'timer'; readonly id: number }
  /** Whether the stream takes more bytes (R49). */
  | { readonly kind: 'gate'; readonly open: boolean };

export interface StreamStep {
  readonly state: StreamState;
  readonly responses: readonly Response[];
  readonly events: readonly MachineEvent[];
  readonly timers: readonly TimerRequest[];
  /** The stream must end as INVALID_ARGUMENT, with this text. */
  readonly fault?: string;
}

/** More types than Envoy has; a bound on what a client can make us keep. */
const MAX_TYPES = 64;

const noBeats: ReadonlyMap<string, number> = new Map();

export function startStream(settings: StreamSettings): StreamState {
  return {
    settings,
    node: undefined,
    publication: undefined,
    assignment: undefined,
    types: new Map(),
    order: startOrder,
    open: true,
    rewarmed: [],
    beats: noBeats,
  };
}

/** One step of a stream. Pure, as long as `Publication.assign` is. */
export function stepStream(state: StreamState, input: StreamInput): StreamStep {
  switch (input.kind) {
    case 'sotw':
    case 'delta':
      return onRequest(state, input);
    case 'publication':
      return new Turn(state).publish(input.publication).end();
    case 'timer':
      return new Turn(state).expire(input.id).end();
    case 'gate':
      return new Turn(state).gate(input.open).end();
  }
}

function onRequest(state: StreamState, input: StreamInput & { readonly kind: Variant }): StreamStep {
  const { impliedType } = state.settings;
  const typeUrl = input.request.typeUrl || impliedType;
  const fault = faultOf(state, typeUrl, input.node);
  if (fault !== undefined || typeUrl === undefined) {
    return { state, responses: [], events: [], timers: [], fault: fault ?? 'the request has no type_url' };
  }
  const request = input.kind === 'sotw' ? { ...input.request, typeUrl } : { ...input.request, typeUrl };
  const turn = new Turn(state).identify(input.node);
  turn.feed(typeUrl, { kind: 'request', request } as Input<SotwRequest & DeltaRequest>);
  return turn.end();
}

function faultOf(state: StreamState, typeUrl: string | undefined, node: NodeIdentity | undefined): string | undefined {
  const { impliedType } = state.settings;
  if (!typeUrl) return 'the request has no type_url, which an aggregated stream needs';
  if (impliedType !== undefined && typeUrl !== impliedType) return `this stream serves ${impliedType}, not ${typeUrl}`;
  if (!state.node && !node) return 'the first request of a stream must have a node';
  if (!state.types.has(typeUrl) && state.types.size >= MAX_TYPES) return `more than ${MAX_TYPES} types on one stream`;
  return undefined;
}

/**
 * One step in the making: a copy of the state that changes until `end` gives it out. Lives no longer than the call of
 * `stepStream`.
 */
class Turn {
  readonly #before: StreamState;
  #node: NodeIdentity | undefined;
  #publication: Publication | undefined;
  #assignment: Assignment | undefined;
  #order: OrderState;
  #open: boolean;
  #rewarmed: readonly string[];
  #beats: ReadonlyMap<string, number>;
  /** Copied before the first change. */
  #types: Map<string, MachineState> | undefined;
  readonly #responses: Response[] = [];
  readonly #events: MachineEvent[] = [];

  constructor(before: StreamState) {
    this.#before = before;
    this.#node = before.node;
    this.#publication = before.publication;
    this.#assignment = before.assignment;
    this.#order = before.order;
    this.#open = before.open;
    this.#rewarmed = before.rewarmed;
    this.#beats = before.beats;
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
    if (id < 0) return this.#beat(id);
    this.#order = expire(this.#order, id, this.#progress);
    return this;
  }

  #beat(id: number): this {
    const typeUrl = [...this.#beats].find(([, timer]) => timer === id)?.[0];
    if (typeUrl === undefined) return this;
    this.#beats = new Map([...this.#beats].filter(([each]) => each !== typeUrl));
    this.feed(typeUrl, { kind: 'beat' });
    return this;
  }

  /** Starts the timers of types that hold something with a time to live. */
  #beatTimers(): readonly TimerRequest[] {
    if (!knowsTtl(this.#before.settings.variant, this.#node)) return [];
    const timers: TimerRequest[] = [];
    for (const [typeUrl, type] of this.#progress) {
      const afterMs = this.#beats.has(typeUrl) ? undefined : beatEvery(type);
      if (afterMs === undefined) continue;
      const id = Math.min(0, ...this.#beats.values()) - 1;
      this.#beats = new Map([...this.#beats, [typeUrl, id]]);
      timers.push({ id, afterMs });
    }
    return timers;
  }

  gate(open: boolean): this {
    this.#open = open;
    for (const typeUrl of this.#progress.keys()) this.feed(typeUrl, { kind: 'gate', open });
    return this;
  }

  /** Gives a type's machine its input and takes what it brings about. @returns whether the client now holds another set. */
  feed(typeUrl: string, input: Input<SotwRequest & DeltaRequest>): boolean {
    const before = this.#progress.get(typeUrl) ?? this.#begin(typeUrl);
    const step: Step<MachineState> = 'has' in before ? stepDelta(before, input) : stepSotw(before, input);
    if (step.state !== before) this.#changing().set(typeUrl, step.state);
    this.#responses.push(...step.responses);
    this.#events.push(...step.events);
    if (typeUrl === clusterUrl && step.responses.length > 0) this.#clustersSent(before, step);
    return step.state.acked !== before.acked;
  }

  get #progress(): ReadonlyMap<string, MachineState> {
    return this.#types ?? this.#before.types;
  }

  #changing(): Map<string, MachineState> {
    this.#types ??= new Map(this.#before.types);
    return this.#types;
  }

  /** Types stand in the order of sending: what is made before what refers to it. */
  #begin(typeUrl: string): MachineState {
    const { settings } = this.#before;
    const types = [...this.#progress];
    const prefix = noncePrefix(settings.nonceSalt, settings.streamId, types.length);
    const start = settings.variant === 'sotw' ? startSotw(typeUrl, prefix) : startDelta(typeUrl, prefix);
    const machine = { ...start, open: this.#open, knowsErrors: knowsErrors(this.#node) };
    this.#types = new Map([...types, [typeUrl, machine] as const].sort(([a], [b]) => rankOf(a) - rankOf(b)));
    return machine;
  }

  /** Envoy warms a changed cluster anew and wants its endpoints again, even if they have not changed (R39). */
  #clustersSent(before: MachineState, { state, responses }: Step<MachineState>): void {
    this.#order = proven(this.#order);
    const names =
      before.sent && state.sent && !before.inParts ? replaced(before.sent, state.sent) : resumed(before, responses);
    if (names.length === 0) return;
    if (this.#progress.has(endpointUrl)) this.feed(endpointUrl, { kind: 'again', names });
    else this.#rewarmed = [...this.#rewarmed, ...names];
  }

  /** Lets every type move as far as the order allows. */
  end(): StreamStep {
    const snapshot = this.#snapshot();
    if (snapshot) this.#order = aim(this.#order, snapshot);
    // What was found to be held without being sent may open the way for others.
    for (let round = 0; round < maxRounds && this.#advance(snapshot !== undefined); round++);
    const { order, timers: ordered } = schedule(this.#order, this.#progress, this.#before.settings.order);
    const beats = this.#beatTimers();
    const timers = beats.length > 0 ? [...ordered, ...beats] : ordered;
    const state: StreamState = {
      settings: this.#before.settings,
      node: this.#node,
      publication: this.#publication,
      assignment: this.#assignment,
      types: this.#progress,
      order,
      open: this.#open,
      rewarmed: this.#rewarmed,
      beats: this.#beats,
    };
    return { state, responses: this.#responses, events: this.#events, timers };
  }

  /** What the node is to hold, if there is a fleet for it that has a snapshot. */
  #snapshot(): Snapshot | undefined {
    const assignment = this.#assignment;
    return assignment?.kind === 'assigned' ? this.#publication?.snapshots.get(assignment.key) : undefined;
  }

  /** @returns whether a client was found to hold another set, which calls for another round. */
  #advance(served: boolean): boolean {
    this.#order = evaluate(this.#order, this.#progress);
    let settled = false;
    for (const [typeUrl, type] of this.#progress) {
      const { target, keepLeftover } = served ? targetOf(this.#order, type) : unserved;
      if (typeUrl === endpointUrl && target && this.#rewarmed.length > 0) this.#rewarm();
      if (target !== type.target || keepLeftover !== type.keepLeftover) {
        settled = this.feed(typeUrl, { kind: 'target', target, keepLeftover }) || settled;
      }
    }
    return settled;
  }

  #rewarm(): void {
    const names = this.#rewarmed;
    this.#rewarmed = [];
    this.feed(endpointUrl, { kind: 'again', names });
  }
}

const maxRounds = 8;
const unserved: Target = { target: undefined, keepLeftover: true };

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

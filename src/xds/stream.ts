import type { Assignment, NodeIdentity, Publication } from '../snapshot/board.ts';
import { type DeltaState, startDelta, stepDelta } from './delta.ts';
import type { Variant } from './frame.ts';
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
import { clusterUrl, endpointUrl } from './resource-type.ts';
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
  return new Turn(state)
    .identify(input.node)
    .feed(typeUrl, { kind: 'request', request } as Input<SotwRequest & DeltaRequest>)
    .end();
}

function faultOf(state: StreamState, typeUrl: string | undefined, node: NodeIdentity | undefined): string | undefined {
  const { impliedType } = state.settings;
  if (!typeUrl) return 'the request has no type_url, which an aggregated stream needs';
  if (impliedType !== undefined && typeUrl !== impliedType) return `this stream serves ${impliedType}, not ${typeUrl}`;
  if (!state.node && !node) return 'the first request of a stream must have a node';
  if (!state.types.has(typeUrl) && state.types.size >= MAX_TYPES) return `more than ${MAX_TYPES} types on one stream`;
  return undefined;
}

/** One step in the making: gathers what its parts bring about. Lives no longer than the call of `stepStream`. */
class Turn {
  #state: StreamState;
  readonly #responses: Response[] = [];
  readonly #events: MachineEvent[] = [];

  constructor(state: StreamState) {
    this.#state = state;
  }

  identify(node: NodeIdentity | undefined): this {
    if (!node || sameNode(this.#state.node, node)) return this;
    this.#set({ node });
    this.#events.push({ kind: 'identified', node });
    return this.#assign();
  }

  publish(publication: Publication): this {
    const known = this.#state.publication;
    this.#set({ publication });
    const assignment = this.#state.assignment;
    // The same rule gives the same answer; most publications change only content.
    if (known?.assign !== publication.assign || assignment === undefined) return this.#assign();
    return this;
  }

  #assign(): this {
    const { node, publication, assignment } = this.#state;
    if (!node || !publication) return this;
    const next = publication.assign(node);
    if (JSON.stringify(next) === JSON.stringify(assignment)) return this;
    this.#set({ assignment: next });
    this.#events.push({ kind: 'assigned', assignment: next });
    return this;
  }

  expire(id: number): this {
    const { order, types } = this.#state;
    this.#set({ order: expire(order, id, types) });
    return this;
  }

  gate(open: boolean): this {
    this.#set({ open });
    for (const typeUrl of this.#state.types.keys()) this.feed(typeUrl, { kind: 'gate', open });
    return this;
  }

  /** Gives a type's machine its input and takes what it brings about. */
  feed(typeUrl: string, input: Input<SotwRequest & DeltaRequest>): this {
    const before = this.#state.types.get(typeUrl) ?? this.#begin(typeUrl);
    const step: Step<MachineState> = 'has' in before ? stepDelta(before, input) : stepSotw(before, input);
    if (step.state !== before || !this.#state.types.has(typeUrl)) {
      this.#set({ types: new Map(this.#state.types).set(typeUrl, step.state) });
    }
    this.#responses.push(...step.responses);
    this.#events.push(...step.events);
    if (typeUrl === clusterUrl && step.responses.length > 0) this.#clustersSent(before, step.responses);
    return this;
  }

  #begin(typeUrl: string): MachineState {
    const { settings, types, open } = this.#state;
    const prefix = noncePrefix(settings.nonceSalt, settings.streamId, types.size);
    const start = settings.variant === 'sotw' ? startSotw(typeUrl, prefix) : startDelta(typeUrl, prefix);
    return { ...start, open };
  }

  /** Envoy warms a changed cluster anew and wants its endpoints again, even if they have not changed (R39). */
  #clustersSent(before: MachineState, responses: readonly Response[]): void {
    this.#set({ order: proven(this.#state.order) });
    const to = this.#state.types.get(clusterUrl)?.sent;
    const names = before.sent && to ? replaced(before.sent, to) : resumed(before, responses);
    if (names.length === 0) return;
    if (this.#state.types.has(endpointUrl)) this.feed(endpointUrl, { kind: 'again', names });
    else this.#set({ rewarmed: [...this.#state.rewarmed, ...names] });
  }

  /** Lets every type move as far as the order allows. */
  end(): StreamStep {
    const served = this.#aim();
    // Each round lets types move that waited for others; a type moves only once to a set.
    for (let round = 0; round < maxRounds && this.#advance(served); round++);
    const { order, types, settings } = this.#state;
    const { order: scheduled, timers } = schedule(order, types, settings.order);
    this.#set({ order: scheduled });
    return { state: this.#state, responses: this.#responses, events: this.#events, timers };
  }

  /** @returns whether there is anything for the node: a fleet that has a snapshot. */
  #aim(): boolean {
    const { publication, assignment, order } = this.#state;
    const snapshot = assignment?.kind === 'assigned' ? publication?.snapshots.get(assignment.key) : undefined;
    if (snapshot) this.#set({ order: aim(order, snapshot) });
    return snapshot !== undefined;
  }

  /** @returns whether anything has changed. */
  #advance(served: boolean): boolean {
    const before = this.#state;
    this.#set({ order: evaluate(before.order, before.types) });
    for (const [typeUrl, type] of this.#inOrder()) {
      const { target, keepLeftover } = served ? targetOf(this.#state.order, type) : unserved;
      if (typeUrl === endpointUrl && target && this.#state.rewarmed.length > 0) this.#rewarm();
      if (target !== type.target || keepLeftover !== type.keepLeftover) {
        this.feed(typeUrl, { kind: 'target', target, keepLeftover });
      }
    }
    return this.#state.types !== before.types || this.#state.order !== before.order;
  }

  #rewarm(): void {
    const names = this.#state.rewarmed;
    this.#set({ rewarmed: [] });
    this.feed(endpointUrl, { kind: 'again', names });
  }

  /** Types as the snapshot lists them: what is made before what refers to it. */
  #inOrder(): readonly (readonly [string, MachineState])[] {
    const { types, order } = this.#state;
    if (!order.goal) return [...types];
    const listed = [...order.goal.types.keys()].flatMap(url => {
      const type = types.get(url);
      return type ? [[url, type] as const] : [];
    });
    return listed.length === types.size
      ? listed
      : [...listed, ...[...types].filter(([url]) => !order.goal?.types.has(url))];
  }

  #set(part: Partial<StreamState>): void {
    this.#state = { ...this.#state, ...part };
  }
}

const maxRounds = 8;
const unserved: Target = { target: undefined, keepLeftover: true };

/** A client that comes back with clusters of its own: those that it is sent may replace some that it has. */
function resumed(before: MachineState, responses: readonly Response[]): readonly string[] {
  if (!before.resumes) return [];
  return responses.flatMap(({ body }) => body.resources.map(each => each.name));
}

import { type Assignment, type NodeIdentity, type Publication, sameAssignment } from '../snapshot/board.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import type { ClientState, StateStep } from './client-state.ts';
import type { StateInput } from './client-step.ts';
import type { Variant, XdsEvent } from './events.ts';
import { laneIndex, type MemberSettings } from './lanes.ts';
import type { LimitName } from './limits.ts';
import type { DeltaRequest, MachineEvent, Response, SotwRequest } from './machine.ts';
import { sameNode } from './node-identity.ts';
import type { TimerRequest } from './order-state.ts';
import { OwnStream } from './own-stream.ts';
import { OwnTimers } from './own-timers.ts';
import type { Position, Quiet } from './quiet-clients.ts';
import { passed, type Rest } from './resting.ts';
import { type Traits, traitsOf } from './traits.ts';

/** What a stream was opened with. */
export interface StreamSettings extends Omit<MemberSettings, 'streamId'> {
  /** Unique within the process. */
  readonly streamId: number;
  readonly nonceSalt: number;
}

/** What a client is told. */
export type ClientInput =
  | { readonly kind: 'joined'; readonly stream: StreamSettings }
  | ClientRequest
  | { readonly kind: 'publication'; readonly publication: Publication }
  | { readonly kind: 'timer'; readonly id: number }
  /** Whether streams take more bytes (R49). */
  | { readonly kind: 'gate'; readonly streams: readonly number[]; readonly open: boolean }
  /** What the client rejected is to be tried again now. */
  | { readonly kind: 'retry' }
  | { readonly kind: 'left'; readonly streamId: number };

interface Requested<Kind extends Variant, Request> {
  readonly kind: Kind;
  readonly streamId: number;
  readonly request: Request;
  readonly node: NodeIdentity | undefined;
}
export type ClientRequest = Requested<'sotw', SotwRequest> | Requested<'delta', DeltaRequest>;

type Without<T, Key extends string> = T extends unknown ? Omit<T, Key> : never;
/** An event whose client its receiver knows, and before the size of what was sent is known. */
export type ClientEvent = Without<XdsEvent, 'clientId' | 'bytes'>;

/** A response to be written. Its bytes are `FrameEncoder.frame(variant, body, limited).withNonce(nonce)`. */
export interface ClientResponse extends Response {
  readonly streamId: number;
  readonly variant: Variant;
  /** The client knows of times to live. */
  readonly limited: boolean;
  readonly nonce: string;
}

/** What comes of an input. */
export interface ClientStep {
  readonly responses: readonly ClientResponse[];
  readonly events: readonly ClientEvent[];
  readonly timers: readonly TimerRequest[];
  /** The stream that made the request must end as INVALID_ARGUMENT, with this text. */
  readonly fault?: string;
  /** That was passed by it: then as RESOURCE_EXHAUSTED. */
  readonly limit?: LimitName;
}

/** Where a client begins, and how it goes on. */
export interface Steps {
  readonly start: ClientState;
  /** @param rested as what the client rested last. */
  readonly step: (state: ClientState, input: StateInput, rested?: Rest) => StateStep;
  /** Without, clients take a step for every publication. */
  readonly resting?: Resting;
}

/** How clients rest, and go on (see `resting.ts`). */
export interface Resting {
  /** Undefined for one that does not rest. */
  readonly of: (state: ClientState, before: Rest | undefined) => Rest | undefined;
  readonly at: (rest: Rest, published: Snapshot) => ClientState;
}

/**
 * What a client has for itself, around what it may have in common with others (`ClientState`): who it is, the numbers of
 * its streams, its nonces, and the ids of its timers.
 */
export class Client {
  readonly #steps: Steps;
  /**
   * With its state. What it brought about is kept for others that are to take the same step. Undefined while the client
   * rests, and publications do not concern it.
   */
  #last: StateStep | undefined;
  /** As what it rests, or has rested last. */
  #rest: Rest | undefined;
  #standing: Standing = unknown;
  #publication: Publication | undefined;
  /** For its node, if there is a fleet for it that has a snapshot. */
  #published: Snapshot | undefined;
  readonly #streams = new Map<number, OwnStream>();
  readonly #numbered = new Map<number, OwnStream>();
  /** The one that was meant last: of many clients, it is the only one. */
  #recent: OwnStream | undefined;
  /** No smaller number of a stream is free. */
  #free = 1;
  /** None before the first one is started. */
  #timers: OwnTimers | undefined;

  constructor(steps: Steps) {
    this.#steps = steps;
  }

  get state(): ClientState {
    return this.#awake().state;
  }

  get node(): NodeIdentity | undefined {
    return this.#standing.node;
  }

  /** Undefined unless it rests, and the last publication did not concern it. */
  get quiet(): Quiet | undefined {
    if (this.#last || !this.#rest || !this.#publication || !this.#published) return undefined;
    const { assignment } = this.#standing;
    if (assignment?.kind !== 'assigned') return undefined;
    return { rest: this.#rest, key: assignment.key, publication: this.#publication, published: this.#published };
  }

  /** One that is quiet has come so far with what is published, of which nothing concerned it. */
  movedOnTo({ publication, published }: Position): void {
    this.#publication = publication;
    this.#published = published;
  }

  step(input: ClientInput): ClientStep {
    switch (input.kind) {
      case 'sotw':
      case 'delta':
        return this.#request(input);
      case 'publication':
        return this.#publish(input.publication);
      case 'joined':
        return this.#move({ kind: 'joined', stream: this.#join(input.stream) });
      case 'left': {
        const number = this.#leave(input.streamId);
        return number === undefined ? nothing : this.#move({ kind: 'left', streamId: number });
      }
      case 'gate': {
        const streams = input.streams.flatMap(each => this.#streams.get(each)?.number ?? []);
        return this.#move({ kind: 'gate', streams, open: input.open });
      }
      case 'timer': {
        const id = this.#timers?.expire(input.id);
        return id === undefined ? nothing : this.#move({ kind: 'timer', id });
      }
      case 'retry':
        return this.#move(input);
    }
  }

  #join(settings: StreamSettings): MemberSettings {
    while (this.#numbered.has(this.#free)) this.#free += 1;
    const stream = new OwnStream(this.#free, settings);
    this.#streams.set(settings.streamId, stream);
    this.#numbered.set(stream.number, stream);
    const { variant, impliedType } = settings;
    return { streamId: stream.number, variant, impliedType };
  }

  #streamOf(streamId: number): OwnStream | undefined {
    if (this.#recent?.settings.streamId !== streamId) this.#recent = this.#streams.get(streamId);
    return this.#recent;
  }

  #streamAt(number: number): OwnStream | undefined {
    if (this.#recent?.number !== number) this.#recent = this.#numbered.get(number);
    return this.#recent;
  }

  #leave(streamId: number): number | undefined {
    const stream = this.#streams.get(streamId);
    if (!stream) return undefined;
    this.#streams.delete(streamId);
    this.#numbered.delete(stream.number);
    if (this.#recent === stream) this.#recent = undefined;
    this.#free = Math.min(this.#free, stream.number);
    return stream.number;
  }

  #publish(publication: Publication): ClientStep {
    const before = this.#standing;
    // The same rule gives the same answer; most publications change only content.
    const known = this.#publication?.assign === publication.assign && before.assignment !== undefined;
    const standing = known ? before : assigned(before, publication);
    const published = snapshotFor(standing.assignment, publication);
    const aside = this.#passed(published);
    // As long as it is known where it was.
    if (!aside) this.#awake();
    this.#published = published;
    this.#publication = publication;
    this.#standing = standing;
    const first = changesOf(before, standing);
    if (!aside) return this.#move({ kind: 'publication', published }, first);
    return { ...nothing, events: first.length > 0 ? [...first, ...aside] : aside };
  }

  /** What is told of it if the client rests and is not concerned. Then it rests on. */
  #passed(published: Snapshot | undefined): readonly ClientEvent[] | undefined {
    const { resting } = this.#steps;
    const from = this.#published;
    if (!resting || !from || !published) return undefined;
    const events = passed(this.#last?.state ?? this.#rest ?? this.#steps.start, from, published);
    if (!events || !this.#last) return events;
    const rest = resting.of(this.#last.state, this.#rest);
    if (!rest) return undefined;
    this.#rest = rest;
    this.#last = undefined;
    return events;
  }

  #awake(): StateStep {
    this.#last ??= this.#woken();
    return this.#last;
  }

  #woken(): StateStep {
    const { resting, start } = this.#steps;
    const [rest, published] = [this.#rest, this.#published];
    return quietly(resting && rest && published ? resting.at(rest, published) : start);
  }

  #request(input: ClientRequest): ClientStep {
    const stream = this.#streamOf(input.streamId);
    if (!stream) return nothing;
    const before = this.#standing;
    const standing = this.#identified(input.node);
    const published = standing === before ? this.#published : snapshotFor(standing.assignment, this.#publication);
    const typeUrl = input.request.typeUrl || (stream.settings.impliedType ?? '');
    const told = this.#told(input, stream, typeUrl, standing.traits, published);
    const step = this.#steps.step(this.state, told, this.#rest);
    if (step.fault !== undefined) return { ...nothing, fault: step.fault, ...(step.limit && { limit: step.limit }) };
    this.#standing = standing;
    this.#published = published;
    stream.nonces(typeUrl);
    return this.#take(step, changesOf(before, standing), input.request.nonce);
  }

  #identified(node: NodeIdentity | undefined): Standing {
    const known = this.#standing;
    if (!node || sameNode(known.node, node)) return known;
    // Two streams that contradict each other would move the client to and fro.
    if (known.node && this.#streams.size > 1) return known;
    return assigned({ ...known, node, traits: traitsOf(node) }, this.#publication);
  }

  #told(
    input: ClientRequest,
    stream: OwnStream,
    typeUrl: string,
    traits: Traits | undefined,
    published: Snapshot | undefined,
  ): StateInput {
    const { lanes } = this.state;
    const unanswered = lanes[laneIndex(lanes, stream.number, typeUrl)]?.state.unanswered.length ?? 0;
    const answers = stream.answers(typeUrl, input.request.nonce, unanswered);
    const { number: streamId } = stream;
    const { error } = input.request;
    if (input.kind === 'sotw') {
      const { versionInfo, names } = input.request;
      const request = { typeUrl: input.request.typeUrl, versionInfo, names, answers, error };
      return { kind: 'sotw', streamId, traits, published, request };
    }
    const { subscribe, unsubscribe, has } = input.request;
    const request = { typeUrl: input.request.typeUrl, subscribe, unsubscribe, has, answers, error };
    return { kind: 'delta', streamId, traits, published, request };
  }

  #move(input: StateInput, first: readonly ClientEvent[] = none): ClientStep {
    return this.#take(this.#steps.step(this.state, input, this.#rest), first, '');
  }

  /** @param answered nonce of the request, if it was one. */
  #take(step: StateStep, first: readonly ClientEvent[], answered: string): ClientStep {
    this.#last = step;
    const responses = step.responses.length > 0 ? this.#addressed(step.responses) : none;
    const events = stamped(step.events, responses, answered);
    return {
      responses,
      events: first.length > 0 ? [...first, ...events] : events,
      timers: step.timers.length > 0 ? this.#startTimers(step.timers) : none,
    };
  }

  #startTimers(timers: StateStep['timers']): readonly TimerRequest[] {
    this.#timers ??= new OwnTimers();
    return this.#timers.start(timers);
  }

  #addressed(responses: StateStep['responses']): readonly ClientResponse[] {
    const addressed: ClientResponse[] = [];
    for (const { streamId: number, body } of responses) {
      const stream = this.#streamAt(number);
      if (!stream) continue;
      const { streamId, variant } = stream.settings;
      const limited = this.#standing.traits?.knowsTtl[variant] === true;
      addressed.push({ streamId, variant, limited, body, nonce: stream.nonces(body.typeUrl).next() });
    }
    return addressed;
  }
}

const none: readonly never[] = [];
const nothing: ClientStep = { responses: none, events: none, timers: none };

function quietly(state: ClientState): StateStep {
  return { state, responses: none, events: none, timers: none };
}

/** Signs of life are not told of; every other response is, in their order. */
function stamped(
  events: readonly MachineEvent[],
  responses: readonly ClientResponse[],
  answered: string,
): readonly ClientEvent[] {
  let at = 0;
  const next = (): string => {
    while (responses[at]?.body.beat) at += 1;
    return responses[at++]?.nonce ?? '';
  };
  return events.map((event): ClientEvent => {
    if (event.kind === 'sent') return { ...event, nonce: next() };
    return event.kind === 'acked' || event.kind === 'nacked' ? { ...event, nonce: answered } : event;
  });
}

/** Who the client is, and what follows from that. */
interface Standing {
  readonly node: NodeIdentity | undefined;
  readonly traits: Traits | undefined;
  readonly assignment: Assignment | undefined;
}

const unknown: Standing = { node: undefined, traits: undefined, assignment: undefined };

function assigned(standing: Standing, publication: Publication | undefined): Standing {
  const { node, assignment: before } = standing;
  if (!node || !publication) return standing;
  const assignment = publication.assign(node);
  return { ...standing, assignment: before && sameAssignment(assignment, before) ? before : assignment };
}

function snapshotFor(assignment: Assignment | undefined, publication: Publication | undefined): Snapshot | undefined {
  return assignment?.kind === 'assigned' ? publication?.snapshots.get(assignment.key) : undefined;
}

function changesOf(before: Standing, { node, assignment }: Standing): readonly ClientEvent[] {
  const identified = node && node !== before.node;
  const isAssigned = assignment && assignment !== before.assignment;
  if (!identified && !isAssigned) return none;
  return [
    ...(identified ? [{ kind: 'identified', node } as const] : []),
    ...(isAssigned ? [{ kind: 'assigned', assignment } as const] : []),
  ];
}

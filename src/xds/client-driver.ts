import { longestTimer } from '../base/units.ts';
import type { Publication } from '../snapshot/board.ts';
import {
  Client,
  type ClientEvent,
  type ClientInput,
  type ClientStep,
  type Steps,
  type StreamSettings,
} from './client.ts';
import type { ClientSettings } from './client-state.ts';
import type { XdsEvent } from './events.ts';
import { faultWords } from './fault.ts';
import type { Frame, FrameEncoder } from './frame.ts';
import { typesIn } from './lanes.ts';
import type { XdsLimits } from './limits.ts';
import type { TimerRequest } from './order-state.ts';
import type { Pacer } from './pacer.ts';
import type { Nest, Quiet } from './quiet-clients.ts';
import { resourceType } from './resource-type.ts';

/** A response on its way: shared bytes and the nonce that makes them this stream's. */
export interface Outgoing {
  readonly frame: Frame;
  readonly nonce: string;
}

export type EndCode =
  | 'OK'
  | 'INVALID_ARGUMENT'
  | 'PERMISSION_DENIED'
  | 'RESOURCE_EXHAUSTED'
  | 'INTERNAL'
  | 'UNAVAILABLE';

/** What a client needs of one of its streams. */
export interface Outlet {
  readonly streamId: number;
  write(outgoing: Outgoing): void;
  end(code: EndCode, message: string): void;
}

/** What all clients of a service have in common. */
export interface SharedByClients {
  readonly settings: Omit<ClientSettings, 'limits'>;
  readonly limits: XdsLimits;
  /** From 0 to 1, for what is not to happen to all at once. */
  readonly random: () => number;
  readonly frames: FrameEncoder;
  readonly pacer: Pacer;
  /** Takes every event, at once and without throwing. */
  readonly emit: (event: XdsEvent) => void;
}

/**
 * Runs one client: inputs of its streams, of publications and of time go into the pure machine, and what comes of it to
 * the streams. A fault of ours ends this client's streams only. Knows no transport.
 */
export class ClientDriver {
  /** Number of its first stream. */
  readonly id: number;
  readonly #shared: SharedByClients;
  readonly #outlets = new Map<number, Outlet>();
  /** Of the stream that was meant last: of most clients, it is the only one. */
  #recent: Outlet | undefined;
  #timers: Set<NodeJS.Timeout> | undefined;
  /** Streams that take no bytes, and those that would and wait for room among all that are on their way. */
  #blocked: Set<number> | undefined;
  #held: Set<number> | undefined;
  /** Of both, those of which the machine is told before anything else: most take bytes again before that. */
  #shut: Set<number> | undefined;
  #stopWaiting: (() => void) | undefined;
  /** Streams that have ended, of which the machine has not been told. */
  #left: number[] | undefined;
  readonly #client: Client;
  #told: Publication | undefined;
  /** True until the machine is told of it as well. */
  #behind = false;
  /** Where it is while it is told of nothing. */
  #nest: Nest<ClientDriver> | undefined;

  constructor(id: number, shared: SharedByClients, steps: Steps) {
    this.id = id;
    this.#shared = shared;
    this.#client = new Client(steps);
  }

  get streams(): number {
    return this.#outlets.size;
  }

  /** True if a stream of this type, or of all types, would be a second one where a proxy has only one. */
  hasOwn(typeUrl: string | undefined): boolean {
    if (typeUrl !== undefined && !resourceType(typeUrl).complete) return false;
    // One that has ended just now may be the one that it replaces.
    this.step();
    const { lanes, streams } = this.#client.state;
    const asked = typeUrl !== undefined && typesIn(lanes).includes(typeUrl);
    return asked || [...streams.values()].some(({ settings }) => settings.impliedType === typeUrl);
  }

  /** Undefined unless it rests and has nothing of its own to do: then it can be told of what does not concern it with others. */
  get quiet(): Quiet | undefined {
    const hasOwn = this.#outlets.size === 0 || this.#left || this.#behind || this.#stopWaiting;
    return this.#nest || hasOwn ? undefined : this.#client.quiet;
  }

  nestle(nest: Nest<ClientDriver>): void {
    this.#nest = nest;
  }

  wake(): void {
    if (!this.#nest) return;
    const position = this.#nest.leave(this.id);
    this.#nest = undefined;
    this.#told = position.publication;
    this.#client.movedOnTo(position);
  }

  join(stream: StreamSettings, outlet: Outlet): void {
    this.wake();
    this.#outlets.set(stream.streamId, outlet);
    this.#client.step({ kind: 'joined', stream });
  }

  /** The newest publication that it was told of. */
  get told(): Publication | undefined {
    return this.#told;
  }

  /** While nothing could be sent, nothing is found out either: of what is published meanwhile, only the newest counts. */
  published(publication: Publication): void {
    // Another rule may turn the client away, which waits for nothing.
    const isSameRule = publication.assign === this.#told?.assign;
    this.#told = publication;
    this.#behind = true;
    if (this.#shared.pacer.full && isSameRule) this.#wait();
    else this.step();
  }

  get nodeId(): string | undefined {
    return this.#client.node?.id;
  }

  /**
   * A stream has ended. With a connection, all of them do, one after the other: then nothing follows from those that end
   * first, neither work nor that the others are sent what was waiting for them.
   */
  leave(streamId: number, reason: string): void {
    if (!this.#outlets.delete(streamId)) return;
    this.wake();
    if (this.#recent?.streamId === streamId) this.#recent = undefined;
    this.#blocked?.delete(streamId);
    this.#held?.delete(streamId);
    this.#shut?.delete(streamId);
    if (this.#outlets.size === 0) {
      this.#end(reason);
      return;
    }
    if (this.#left) this.#left.push(streamId);
    else {
      this.#left = [streamId];
      setImmediate(() => this.step());
    }
  }

  #end(reason: string): void {
    for (const timer of this.#timers ?? []) clearTimeout(timer);
    this.#timers = undefined;
    this.#stopWaiting?.();
    this.#left = undefined;
    this.#tell({ kind: 'closed', reason });
  }

  /** @param input nothing: only what the machine is not told yet. */
  step(input?: ClientInput): void {
    try {
      this.wake();
      this.#shutOff();
      if (this.#left) this.#applyLeft(this.#left);
      if (this.#behind) this.#catchUp();
      // What that has sent may be all that there is room for. A gate that opens has been promised its room.
      if (input && input.kind !== 'gate') this.#shutOff();
      if (input) this.#apply(input);
    } catch (error) {
      for (const outlet of [...this.#outlets.values()]) outlet.end('INTERNAL', faultWords(error));
    }
  }

  #shutOff(): void {
    if (this.#shared.pacer.full) this.#hold();
    if (this.#shut) this.#close(this.#shut);
  }

  #applyLeft(left: readonly number[]): void {
    this.#left = undefined;
    for (const streamId of left) this.#apply({ kind: 'left', streamId });
  }

  #catchUp(): void {
    this.#behind = false;
    if (this.#told) this.#apply({ kind: 'publication', publication: this.#told });
  }

  /** A stream takes no more bytes until it is ready again. */
  blocked(streamId: number): void {
    if (!this.#outlets.has(streamId)) return;
    this.#blocked = including(this.#blocked, streamId);
    // Held streams are closed to the machine already.
    if (this.#held?.delete(streamId)) return;
    this.#shut = including(this.#shut, streamId);
  }

  /** A stream takes bytes again: it is sent what it is owed as soon as there is room for everybody. */
  ready(streamId: number): void {
    this.#blocked?.delete(streamId);
    // Nothing has happened meanwhile, so it is owed nothing.
    if (this.#shut?.delete(streamId)) return;
    this.#held = including(this.#held, streamId);
    if (this.#shared.pacer.full) this.#wait();
    else this.#release();
  }

  /** Nothing more is written before there is room; what a stream is owed then is what is newest. */
  #hold(): void {
    if ((this.#blocked?.size ?? 0) + (this.#held?.size ?? 0) === this.#outlets.size) return;
    for (const streamId of this.#outlets.keys()) {
      if (this.#blocked?.has(streamId) || this.#held?.has(streamId)) continue;
      this.#held = including(this.#held, streamId);
      this.#shut = including(this.#shut, streamId);
    }
    this.#wait();
  }

  #close(shut: ReadonlySet<number>): void {
    this.#shut = undefined;
    if (shut.size > 0) this.#apply({ kind: 'gate', streams: [...shut], open: false });
  }

  /** The streams of a client wait as one, so that going on is one step for all of them. */
  #wait(): void {
    this.#stopWaiting ??= this.#shared.pacer.wait(() => {
      this.#stopWaiting = undefined;
      this.#release();
    });
  }

  #release(): void {
    const streams = [...(this.#held ?? [])];
    this.#held = undefined;
    this.step(streams.length > 0 ? { kind: 'gate', streams, open: true } : undefined);
  }

  #apply(input: ClientInput): void {
    if (this.#outlets.size === 0) return;
    const step = this.#client.step(input);
    this.#carryOut(step);
    if (step.fault === undefined || !('streamId' in input)) return;
    const { fault, limit } = step;
    if (limit) this.#tell({ kind: 'limited', limit, message: fault });
    this.#outletOf(input.streamId)?.end(limit ? 'RESOURCE_EXHAUSTED' : 'INVALID_ARGUMENT', fault);
  }

  #carryOut({ events, responses, timers }: ClientStep): void {
    const { frames } = this.#shared;
    const written = responses.map(({ streamId, variant, limited, body, nonce }) => ({
      streamId,
      nonce,
      frame: frames.frame(variant, body, limited),
    }));
    this.#tellAll(events, written);
    const refusal = refusalIn(events);
    if (refusal !== undefined) {
      for (const outlet of [...this.#outlets.values()]) outlet.end('PERMISSION_DENIED', refusal);
      return;
    }
    for (const timer of timers) this.#start(timer);
    for (const outgoing of written) this.#outletOf(outgoing.streamId)?.write(outgoing);
  }

  #outletOf(streamId: number): Outlet | undefined {
    if (this.#recent?.streamId !== streamId) this.#recent = this.#outlets.get(streamId);
    return this.#recent;
  }

  /** What was sent is told of in the order of the responses, though not every response is. */
  #tellAll(events: readonly ClientEvent[], written: readonly Outgoing[]): void {
    let at = 0;
    for (const event of events) {
      if (event.kind === 'sent') {
        while (at < written.length && written[at]?.nonce !== event.nonce) at += 1;
        this.#shared.emit({ ...event, clientId: this.id, bytes: written[at]?.frame.length ?? 0 });
      } else this.#tell(event);
    }
  }

  #start({ id, afterMs, jitter }: TimerRequest): void {
    const delay = Math.min(jitter ? afterMs * (1 + this.#shared.random() / 2) : afterMs, longestTimer);
    const timer = setTimeout(() => {
      this.#timers?.delete(timer);
      this.step({ kind: 'timer', id });
    }, delay);
    timer.unref();
    this.#timers = including(this.#timers, timer);
  }

  #tell(event: Told): void {
    this.#shared.emit({ ...event, clientId: this.id } as XdsEvent);
  }
}

/** Sets of which there are mostly none are made when there is something in them. */
function including<T>(set: Set<T> | undefined, item: T): Set<T> {
  return (set ?? new Set()).add(item);
}

type WithoutClient<T> = T extends unknown ? Omit<T, 'clientId'> : never;
type Told = WithoutClient<XdsEvent>;

/** Why the client may not be what it says it is, if that was found. */
function refusalIn(events: readonly ClientEvent[]): string | undefined {
  for (const event of events) {
    if (event.kind === 'assigned' && event.assignment.kind === 'refused') return event.assignment.why;
  }
  return undefined;
}

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
  readonly #timers = new Set<NodeJS.Timeout>();
  /** Streams that take bytes, and those that would and wait for room among all that are on their way. */
  readonly #open = new Set<number>();
  readonly #held = new Set<number>();
  /** Those that take none, of which the machine is told before anything else: most take bytes again before that. */
  readonly #shut = new Set<number>();
  #stopWaiting: (() => void) | undefined;
  /** Streams that have ended, of which the machine has not been told. */
  #left: number[] = [];
  readonly #client: Client;
  #told: Publication | undefined;
  /** True until the machine is told of it as well. */
  #behind = false;

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

  join(stream: StreamSettings, outlet: Outlet): void {
    this.#outlets.set(stream.streamId, outlet);
    this.#open.add(stream.streamId);
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
    this.#open.delete(streamId);
    this.#held.delete(streamId);
    this.#shut.delete(streamId);
    if (this.#outlets.size === 0) {
      this.#end(reason);
      return;
    }
    if (this.#left.length === 0) setImmediate(() => this.step());
    this.#left.push(streamId);
  }

  #end(reason: string): void {
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    this.#stopWaiting?.();
    this.#left = [];
    this.#tell({ kind: 'closed', reason });
  }

  /** @param input nothing: only what the machine is not told yet. */
  step(input?: ClientInput): void {
    try {
      this.#shutOff();
      if (this.#left.length > 0) this.#applyLeft();
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
    if (this.#shut.size > 0) this.#close();
  }

  #applyLeft(): void {
    const left = this.#left;
    this.#left = [];
    for (const streamId of left) this.#apply({ kind: 'left', streamId });
  }

  #catchUp(): void {
    this.#behind = false;
    if (this.#told) this.#apply({ kind: 'publication', publication: this.#told });
  }

  /** A stream takes no more bytes until it is ready again. */
  blocked(streamId: number): void {
    // Held streams are closed to the machine already.
    this.#held.delete(streamId);
    if (this.#open.delete(streamId)) this.#shut.add(streamId);
  }

  /** A stream takes bytes again: it is sent what it is owed as soon as there is room for everybody. */
  ready(streamId: number): void {
    // Nothing has happened meanwhile, so it is owed nothing.
    if (this.#shut.delete(streamId)) {
      this.#open.add(streamId);
      return;
    }
    this.#held.add(streamId);
    if (this.#shared.pacer.full) this.#wait();
    else this.#release();
  }

  /** Nothing more is written before there is room; what a stream is owed then is what is newest. */
  #hold(): void {
    if (this.#open.size === 0) return;
    for (const streamId of this.#open) {
      this.#held.add(streamId);
      this.#shut.add(streamId);
    }
    this.#open.clear();
    this.#wait();
  }

  #close(): void {
    const streams = [...this.#shut];
    this.#shut.clear();
    this.#apply({ kind: 'gate', streams, open: false });
  }

  /** The streams of a client wait as one, so that going on is one step for all of them. */
  #wait(): void {
    this.#stopWaiting ??= this.#shared.pacer.wait(() => {
      this.#stopWaiting = undefined;
      this.#release();
    });
  }

  #release(): void {
    const streams = [...this.#held];
    this.#held.clear();
    for (const streamId of streams) this.#open.add(streamId);
    this.step(streams.length > 0 ? { kind: 'gate', streams, open: true } : undefined);
  }

  #apply(input: ClientInput): void {
    if (this.#outlets.size === 0) return;
    const step = this.#client.step(input);
    this.#carryOut(step);
    if (step.fault === undefined || !('streamId' in input)) return;
    const { fault, limit } = step;
    if (limit) this.#tell({ kind: 'limited', limit, message: fault });
    this.#outlets.get(input.streamId)?.end(limit ? 'RESOURCE_EXHAUSTED' : 'INVALID_ARGUMENT', fault);
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
    for (const outgoing of written) this.#outlets.get(outgoing.streamId)?.write(outgoing);
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
      this.#timers.delete(timer);
      this.step({ kind: 'timer', id });
    }, delay);
    timer.unref();
    this.#timers.add(timer);
  }

  #tell(event: Told): void {
    this.#shared.emit({ ...event, clientId: this.id } as XdsEvent);
  }
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

import type { Buffer } from 'node:buffer';
import type { NodeIdentity, Publication } from '../snapshot/board.ts';
import type { XdsEvent } from './events.ts';
import type { Frame, FrameEncoder } from './frame.ts';
import { knowsTtl } from './heartbeat.ts';
import type { MachineEvent } from './machine.ts';
import { readNode } from './node-identity.ts';
import type { TimerRequest } from './order.ts';
import type { Pacer } from './pacer.ts';
import { type Received, RequestReader } from './request.ts';
import {
  type StreamInput,
  type StreamSettings,
  type StreamState,
  type StreamStep,
  startStream,
  stepStream,
} from './stream.ts';

/** A response on its way: shared bytes and the nonce that makes them this stream's. */
export interface Outgoing {
  readonly frame: Frame;
  readonly nonce: string;
}

export type EndCode = 'OK' | 'INVALID_ARGUMENT' | 'INTERNAL' | 'UNAVAILABLE';

/** What a transport does for a stream. */
export interface StreamPort {
  /** Writes a response; `done` is called when its bytes have left the process, or never will. */
  write(outgoing: Outgoing, done: () => void): void;
  end(code: EndCode, message: string): void;
}

/** What all streams of a service have in common. */
export interface SharedByStreams {
  readonly frames: FrameEncoder;
  readonly pacer: Pacer;
  /** Takes every event, at once and without throwing. */
  readonly emit: (event: XdsEvent) => void;
}

/** Bytes that a stream may have on their way before it must wait for them to leave (R49). */
const MAX_IN_FLIGHT = 64 * 1024;

/**
 * Runs one stream: bytes in, steps of the pure machine, bytes out. Whatever goes wrong in it ends this stream only.
 * Knows no transport.
 */
export class StreamDriver {
  readonly #settings: StreamSettings;
  readonly #port: StreamPort;
  readonly #frames: FrameEncoder;
  readonly #emit: (event: XdsEvent) => void;
  readonly #reader = new RequestReader();
  readonly #timers = new Set<NodeJS.Timeout>();
  readonly #pacer: Pacer;
  /** Writes that have not left. */
  readonly #writing = new Set<() => void>();
  #stopWaiting: (() => void) | undefined;
  #state: StreamState;
  #inFlight = 0;
  #answered = false;
  #closed = false;

  constructor(settings: StreamSettings, port: StreamPort, shared: SharedByStreams) {
    this.#settings = settings;
    this.#port = port;
    this.#frames = shared.frames;
    this.#pacer = shared.pacer;
    this.#emit = shared.emit;
    this.#state = startStream(settings);
  }

  /** True once a response was written: a client takes an end without any for a failure of the connection (R47). */
  get answered(): boolean {
    return this.#answered;
  }

  get closed(): boolean {
    return this.#closed;
  }

  opened(peer: string): void {
    this.#guard(() => this.#tell({ kind: 'opened', variant: this.#settings.variant, peer }));
  }

  /** A message of the client. */
  received(bytes: Buffer): void {
    this.#guard(() => {
      const input = this.#read(bytes);
      if (typeof input === 'string') this.end('INVALID_ARGUMENT', input);
      else this.#step(input);
    });
  }

  published(publication: Publication): void {
    this.#guard(() => this.#step({ kind: 'publication', publication }));
  }

  /** Ends the stream from our side. Does nothing when it has ended. */
  end(code: EndCode, message: string): void {
    if (this.#closed) return;
    this.close(code === 'OK' ? message : `${code}: ${message}`);
    this.#port.end(code, message);
  }

  /** The stream has ended, whoever ended it. */
  close(reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    for (const timer of this.#timers) clearTimeout(timer);
    this.#timers.clear();
    this.#stopWaiting?.();
    for (const done of this.#writing) done();
    this.#tell({ kind: 'closed', reason });
  }

  /** A fault of ours in one stream must neither reach the others nor end the process. */
  #guard(work: () => void): void {
    if (this.#closed) return;
    try {
      work();
    } catch (error) {
      this.end('INTERNAL', `a fault of the control plane: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  /** @returns what is wrong with the message, if it cannot be used. */
  #read(bytes: Buffer): StreamInput | string {
    const { variant } = this.#settings;
    try {
      const request = variant === 'sotw' ? this.#reader.sotw(bytes) : this.#reader.delta(bytes);
      const node = identity(request);
      if (typeof node === 'string') return node;
      return { kind: variant, request, node } as StreamInput;
    } catch (error) {
      return `the message is no ${variant === 'sotw' ? 'DiscoveryRequest' : 'DeltaDiscoveryRequest'}: ${
        error instanceof Error ? error.message : String(error)
      }`;
    }
  }

  #step(input: StreamInput): void {
    if (this.#pacer.full && this.#state.open) this.#apply({ kind: 'gate', open: false });
    this.#apply(input);
    this.#reopen();
  }

  #apply(input: StreamInput): void {
    const step = stepStream(this.#state, input);
    this.#state = step.state;
    this.#carryOut(step);
    if (step.fault !== undefined) this.end('INVALID_ARGUMENT', step.fault);
  }

  /** Lets the stream send again, if there is room for it and for everybody. */
  #reopen(): void {
    if (this.#state.open || this.#closed || this.#stopWaiting || this.#inFlight > MAX_IN_FLIGHT) return;
    if (!this.#pacer.full) {
      this.#apply({ kind: 'gate', open: true });
      return;
    }
    this.#stopWaiting = this.#pacer.wait(() => {
      this.#stopWaiting = undefined;
      this.#guard(() => this.#reopen());
    });
  }

  #carryOut({ events, responses, timers }: StreamStep): void {
    const { variant } = this.#settings;
    const limited = responses.length > 0 && knowsTtl(variant, this.#state.node);
    const written = responses.map(({ body, nonce }) => ({
      frame: this.#frames.frame(variant, body, limited),
      nonce,
    }));
    for (const event of events) {
      const bytes = event.kind === 'sent' ? written.find(each => each.nonce === event.nonce)?.frame.length : undefined;
      this.#tell(event.kind === 'sent' ? { ...event, bytes: bytes ?? 0 } : event);
    }
    for (const timer of timers) this.#start(timer);
    for (const outgoing of written) this.#write(outgoing);
  }

  #write(outgoing: Outgoing): void {
    const { length } = outgoing.frame;
    const left = this.#pacer.begin(length);
    const done = (): void => {
      if (!this.#writing.delete(done)) return;
      this.#inFlight -= length;
      left();
      if (!this.#state.open) this.#guard(() => this.#reopen());
    };
    this.#writing.add(done);
    this.#answered = true;
    this.#inFlight += length;
    if (this.#inFlight > MAX_IN_FLIGHT && this.#state.open) this.#apply({ kind: 'gate', open: false });
    this.#port.write(outgoing, done);
  }

  #start({ id, afterMs }: TimerRequest): void {
    const timer = setTimeout(() => {
      this.#timers.delete(timer);
      this.#guard(() => this.#step({ kind: 'timer', id }));
    }, afterMs);
    timer.unref();
    this.#timers.add(timer);
  }

  #tell(event: MachineEvent): void {
    this.#emit({ ...event, streamId: this.#settings.streamId } as XdsEvent);
  }
}

function identity({ node }: Received<object>): NodeIdentity | string | undefined {
  if (!node) return undefined;
  const reading = readNode(node);
  return reading.kind === 'node' ? reading.node : reading.why;
}

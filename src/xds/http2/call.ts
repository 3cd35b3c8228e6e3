import type { Buffer } from 'node:buffer';
import type { ServerHttp2Stream } from 'node:http2';
import { longestTimer } from '../../base/units.ts';
import { breakOff, endOn, leave, writeMessage } from '../http2-stream.ts';
import type { Holding, Intake } from '../intake.ts';
import { attempt, type Caller, type Message, type RpcCode, type RpcStream, type StreamListener } from '../rpc.ts';
import { MessageError, MessageReader } from './message-reader.ts';
import { responseHeaders, trailersOf } from './status.ts';

export interface CallLimits {
  /** Bytes of a message. */
  readonly longest: number;
  /** Milliseconds that the other side may take to read what was written before the end. */
  readonly limit: number;
  readonly intake: Intake | undefined;
}

/**
 * One call on a stream of HTTP/2.
 *
 * Invariants: its listener hears `closed` exactly once, from the end of the HTTP/2 stream, and nothing after it. After
 * `end` and `breakOff` nothing is received, written or kept. While it is paused nothing is received: the rest of what has
 * been read waits in the reader, and what has not in the window of the stream. A call that has ended leaves no stream
 * behind: what its other side does not read within a time is broken off.
 */
export class Http2Call implements RpcStream {
  readonly #http: ServerHttp2Stream;
  readonly #caller: Caller;
  readonly #reader: MessageReader;
  readonly #limit: number;
  readonly #holding: Holding | undefined;
  #listener: StreamListener = deaf;
  /** Runs out when the call must have ended; then, when what was written must have been read. */
  #timer: NodeJS.Timeout | undefined;
  #paused = false;
  #ended = false;
  /** The other side says no more, and the listener knows. */
  #halfClosed = false;
  #told = false;
  #responded = false;

  constructor(http: ServerHttp2Stream, caller: Caller, { longest, limit, intake }: CallLimits) {
    this.#http = http;
    this.#caller = caller;
    this.#reader = new MessageReader(longest);
    this.#limit = limit;
    this.#holding = intake?.stream(caller, ({ message }) => this.end('RESOURCE_EXHAUSTED', message));
    this.#halfClosed = http.endAfterHeaders;
    const { session } = http;
    http.once('aborted', () => {
      this.#over();
      // Node would wait for what has not been read, of a stream that is paused for ever.
      setImmediate(() => http.destroy());
    });
    http.once('close', () => {
      clearTimeout(this.#timer);
      this.#over();
      this.#listener.closed(endOn(session));
    });
  }

  get peer(): string | undefined {
    return this.#caller.peer;
  }

  get certificate(): Caller['certificate'] {
    return this.#caller.certificate;
  }

  /** Begins to read. */
  open(listener: StreamListener): void {
    this.#listener = listener;
    this.#http.on('data', (piece: Buffer) => {
      if (this.#ended) return;
      this.#reader.push(piece);
      this.#deliver();
    });
    this.#http.once('end', () => {
      this.#halfClosed = true;
      this.#deliver();
    });
  }

  /** Ends the call with DEADLINE_EXCEEDED unless it has ended after so many milliseconds. */
  limit(milliseconds: number): void {
    // Longer than the process lives.
    if (milliseconds > longestTimer) return;
    this.#timer = setTimeout(() => this.end('DEADLINE_EXCEEDED', 'Deadline exceeded'), milliseconds).unref();
  }

  write(message: Message, done: () => void = nothing): void {
    const http = this.#http;
    if (this.#ended || http.destroyed || http.closed) return;
    if (!this.#responded) http.respond(responseHeaders, { waitForTrailers: true });
    this.#responded = true;
    writeMessage(http, message, done);
  }

  pause(): void {
    // What comes after the end is read, so that it is over.
    if (this.#ended) return;
    this.#paused = true;
    this.#http.pause();
  }

  resume(): void {
    if (!this.#paused || this.#ended) return;
    this.#paused = false;
    this.#deliver();
    if (!this.#paused) this.#http.resume();
  }

  end(code: RpcCode, message: string): void {
    if (this.#ended) return;
    this.#over();
    clearTimeout(this.#timer);
    const http = this.#http;
    if (http.destroyed || http.closed) return;
    this.#timer = setTimeout(() => breakOff(http), this.#limit).unref();
    // What comes still is not kept, and without its end the stream would not end either.
    http.resume();
    if (this.#responded) {
      http.once('wantTrailers', () => {
        http.sendTrailers(trailersOf(code, message));
        leave(http);
      });
      http.end();
      return;
    }
    http.respond({ ...responseHeaders, ...trailersOf(code, message) }, { endStream: true });
    leave(http);
  }

  breakOff(): void {
    this.#over();
    breakOff(this.#http);
  }

  #over(): void {
    this.#ended = true;
    this.#reader.clear();
    this.#holding?.holds(0);
  }

  #deliver(): void {
    attempt(this, () => this.#read());
    if (!this.#ended) this.#holding?.holds(this.#reader.held);
  }

  #read(): void {
    try {
      while (!this.#paused && !this.#ended) {
        const message = this.#reader.next();
        if (!message) break;
        this.#listener.received(message);
      }
      if (!this.#halfClosed || this.#paused || this.#ended || this.#told) return;
      this.#told = true;
      if (this.#reader.pending) throw new MessageError('INTERNAL', 'the stream ended within a message');
      this.#listener.finished();
    } catch (error) {
      if (!(error instanceof MessageError)) throw error;
      this.end(error.code, error.message);
    }
  }
}

const nothing = (): void => {};
const deaf: StreamListener = { received: nothing, finished: nothing, closed: nothing };

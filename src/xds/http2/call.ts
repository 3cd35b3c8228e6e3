import type { Buffer } from 'node:buffer';
import { constants, type ServerHttp2Stream } from 'node:http2';
import { longestTimer } from '../../base/units.ts';
import { framed } from '../frame.ts';
import type { Caller, Message, RpcStream, StreamListener } from '../rpc.ts';
import { MessageError, MessageReader } from './message-reader.ts';
import { responseHeaders, type StatusCode, trailersOf } from './status.ts';

export interface CallLimits {
  /** Bytes of a message. */
  readonly longest: number;
  /** Milliseconds that the other side may take to read what was written before the end. */
  readonly limit: number;
}

/**
 * One call on a stream of HTTP/2.
 *
 * Invariants: its listener hears `closed` exactly once, from the end of the HTTP/2 stream, and nothing after it. After
 * `end` nothing is received or written. While it is paused nothing is received: the rest of what has been read waits in
 * the reader, and what has not in the window of the stream. A call that has ended leaves no stream behind: what its
 * other side does not read within a time is broken off.
 */
export class Http2Call implements RpcStream {
  readonly #http: ServerHttp2Stream;
  readonly #caller: Caller;
  readonly #reader: MessageReader;
  readonly #limit: number;
  #listener: StreamListener = deaf;
  /** Runs out when the call must have ended; then, when what was written must have been read. */
  #timer: NodeJS.Timeout | undefined;
  #paused = false;
  #ended = false;
  /** The other side says no more, and the listener knows. */
  #halfClosed = false;
  #told = false;
  #responded = false;

  constructor(http: ServerHttp2Stream, caller: Caller, { longest, limit }: CallLimits) {
    this.#http = http;
    this.#caller = caller;
    this.#reader = new MessageReader(longest);
    this.#limit = limit;
    this.#halfClosed = http.endAfterHeaders;
    const { session } = http;
    // Node would wait for what has not been read, of a stream that is paused for ever.
    http.once('aborted', () => setImmediate(() => http.destroy()));
    http.once('close', () => {
      clearTimeout(this.#timer);
      this.#ended = true;
      const gone = session?.destroyed === true ? 'the connection ended' : 'the stream ended';
      this.#listener.closed(gone);
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
    if (this.#ended || http.destroyed || http.closed) {
      done();
      return;
    }
    if (!this.#responded) http.respond(responseHeaders, { waitForTrailers: true });
    this.#responded = true;
    const [first, second] = 'frame' in message ? message.frame.framed(message.nonce) : [framed([message])];
    if (!second) {
      http.write(first, done);
      return;
    }
    http.cork();
    http.write(first);
    http.write(second, done);
    http.uncork();
  }

  pause(): void {
    this.#paused = true;
    this.#http.pause();
  }

  resume(): void {
    if (!this.#paused || this.#ended) return;
    this.#paused = false;
    this.#deliver();
    if (!this.#paused) this.#http.resume();
  }

  end(code: StatusCode, message: string): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#timer);
    const http = this.#http;
    if (http.destroyed || http.closed) return;
    this.#timer = setTimeout(() => this.breakOff(), this.#limit).unref();
    // What comes still is not kept, and without its end the stream would not end either.
    http.resume();
    if (this.#responded) {
      http.once('wantTrailers', () => {
        http.sendTrailers(trailersOf(code, message));
        this.#leave();
      });
      http.end();
      return;
    }
    http.respond({ ...responseHeaders, ...trailersOf(code, message) }, { endStream: true });
    this.#leave();
  }

  breakOff(): void {
    if (!this.#http.destroyed) this.#http.close(constants.NGHTTP2_CANCEL);
  }

  /** Lets a client that would say more know that nobody listens, once the status is on its way: Node waits a turn with it. */
  #leave(): void {
    setImmediate(() => {
      if (!this.#halfClosed && !this.#http.destroyed) this.#http.close(constants.NGHTTP2_NO_ERROR);
    });
  }

  #deliver(): void {
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
      if (error instanceof MessageError) this.end(error.code, error.message);
      else this.end('INTERNAL', `a fault of the control plane: ${error instanceof Error ? error.message : error}`);
    }
  }
}

const nothing = (): void => {};
const deaf: StreamListener = { received: nothing, finished: nothing, closed: nothing };

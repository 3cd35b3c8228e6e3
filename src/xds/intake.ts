import { beyond, type LimitError, type XdsLimits } from './limits.ts';

/** What one stream has of messages that have not come as a whole. */
export interface Holding {
  /** @param bytes that it has now. Means nothing once the stream was refused. */
  holds(bytes: number): void;
}

type Refuse = (error: LimitError) => void;

interface Connection {
  bytes: number;
  /** Those that hold anything. */
  readonly streams: Set<Stream>;
}

interface Stream {
  readonly refuse: Refuse;
  bytes: number;
  over: boolean;
}

/**
 * Bounds the bytes of messages that have not come as a whole, of all streams together (P24): each may have a long one under
 * way, and thousands that never send the rest would take all memory. Beyond the bound, the connection that holds most
 * loses what it holds most of: who has one message under way is not the one that is hit.
 */
export class Intake {
  readonly #limits: Pick<XdsLimits, 'partialMessages'>;
  readonly #limited: Refuse;
  /** Those that hold anything, by what their transports know them by. */
  readonly #connections = new Map<object, Connection>();
  #bytes = 0;

  /** @param limited is told of each stream that is ended for it. */
  constructor(limits: Pick<XdsLimits, 'partialMessages'>, limited: Refuse) {
    this.#limits = limits;
    this.#limited = limited;
  }

  /** Of all streams. */
  get bytes(): number {
    return this.#bytes;
  }

  /** @param refuse ends the stream. One that ends otherwise must say that it holds nothing. */
  stream(connection: object, refuse: Refuse): Holding {
    const stream: Stream = { refuse, bytes: 0, over: false };
    return { holds: bytes => this.#hold(connection, stream, bytes) };
  }

  #hold(key: object, stream: Stream, bytes: number): void {
    if (bytes === stream.bytes || stream.over) return;
    const connection = this.#connections.get(key) ?? { bytes: 0, streams: new Set() };
    this.#connections.set(key, connection);
    this.#bytes += bytes - stream.bytes;
    connection.bytes += bytes - stream.bytes;
    stream.bytes = bytes;
    if (bytes > 0) connection.streams.add(stream);
    else connection.streams.delete(stream);
    if (connection.streams.size === 0) this.#connections.delete(key);
    while (this.#bytes > this.#limits.partialMessages) this.#refuseOne();
  }

  #refuseOne(): void {
    const [key, { streams }] = most(this.#connections, ([, each]) => each.bytes);
    const stream = most(streams, each => each.bytes);
    const what = `${this.#bytes} bytes of requests that have not come as a whole`;
    this.#hold(key, stream, 0);
    stream.over = true;
    const error = beyond(this.#limits, 'partialMessages', what);
    this.#limited(error);
    stream.refuse(error);
  }
}

/** @param all some. */
function most<T>(all: Iterable<T>, size: (each: T) => number): T {
  return [...all].reduce((best, each) => (size(each) > size(best) ? each : best));
}

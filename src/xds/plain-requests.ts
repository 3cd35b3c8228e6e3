import type { Buffer } from 'node:buffer';
import { Interner, numberOf } from '../base/interner.ts';

/** Tag of a length-delimited field; below 16 it is one byte. */
function tagOf(field: number): number {
  return (field << 3) | 2;
}

/** Of a variant's requests: where the version that is acknowledged stands, if there is one, and the nonce. */
export interface PlainShape {
  readonly version: number | undefined;
  readonly nonce: number;
}

/** What a request says beside version and nonce. */
export interface PlainRequest {
  readonly typeUrl: string;
  readonly names: readonly string[];
}

/** The bytes of a request between its version and its nonce. */
export interface Middle {
  readonly from: number;
  readonly to: number;
}

/**
 * Requests of a stream that are said again and again, as acknowledgements are: equal bytes but for the version before them
 * and the nonce behind them. Those bytes mean what they meant before, so they need not be read again.
 */
export class PlainRequests {
  readonly #shape: PlainShape;
  readonly #known: Known[] = [];

  constructor(shape: PlainShape) {
    this.#shape = shape;
  }

  /** The part of a request that can be known; undefined if it does not end with a nonce like ours. */
  middleOf(bytes: Buffer): Middle | undefined {
    const { version, nonce } = this.#shape;
    const to = bytes.length - NONCE;
    if (to < 0 || bytes[to] !== tagOf(nonce) || bytes[to + 1] !== NONCE - HEAD) return undefined;
    const length = bytes[1] ?? 0;
    // A longer one has more than one byte of length.
    const from = version !== undefined && bytes[0] === tagOf(version) && length < 0x80 ? HEAD + length : 0;
    return from <= to ? { from, to } : undefined;
  }

  said(bytes: Buffer, middle: Middle): PlainRequest | undefined {
    for (const known of this.#known) if (isEqual(known.bytes, bytes, middle)) return known.said;
    return undefined;
  }

  /** One for each type of a stream is enough; the oldest goes. */
  remember(bytes: Buffer, middle: Middle, said: PlainRequest): void {
    const { from, to } = middle;
    // A copy, since the request's memory is the transport's; and one for all, since a list of names may be long.
    const copied = (): Known => ({ bytes: Uint8Array.prototype.slice.call(bytes, from, to), said });
    const known = middles.one(`${to - from} ${numberOf(said.names)} ${said.typeUrl}`, copied);
    // The same may be said in other bytes, which nobody does.
    if (!isEqual(known.bytes, bytes, middle)) return;
    this.#known.push(known);
    if (this.#known.length > MOST) this.#known.shift();
  }
}

interface Known {
  readonly bytes: Uint8Array;
  readonly said: PlainRequest;
}

const middles = new Interner<Known>();

function isEqual(known: Uint8Array, bytes: Buffer, { from, to }: Middle): boolean {
  return known.length === to - from && bytes.compare(known, 0, known.length, from, to) === 0;
}

/** Of a field: its tag and its length. */
const HEAD = 2;
/** Of a nonce of ours with its head. */
const NONCE = HEAD + 16;
const MOST = 8;

import { Buffer } from 'node:buffer';
import type { RpcCode } from '../rpc.ts';

/** Why what came is no message, and the status that says so. */
export class MessageError extends Error {
  readonly code: RpcCode;

  constructor(code: RpcCode, message: string) {
    super(message);
    this.code = code;
  }
}

/**
 * Cuts what comes on a stream into messages. A message that comes whole is a part of the piece that it came in, one that
 * comes in pieces is put together in memory that grows with what has come, whatever length it says it has.
 */
export class MessageReader {
  readonly #longest: number;
  /** What came last, and how much of it has been taken. */
  #piece: Buffer = nothing;
  #at = 0;
  /** The head and a part of a message, which is so long and has so much. */
  #partial: Buffer = nothing;
  #have = 0;
  #need = HEAD;

  /** @param longest bytes of a message. */
  constructor(longest: number) {
    this.#longest = longest;
  }

  /** True if what has come ends within a message. */
  get pending(): boolean {
    return this.#have > 0 || this.#at < this.#piece.length;
  }

  /** Bytes of memory that what has come and was not taken takes. */
  get held(): number {
    return this.#partial.length + this.#piece.length - this.#at;
  }

  /** Forgets what has come. */
  clear(): void {
    this.#piece = nothing;
    this.#at = 0;
    this.#partial = nothing;
    this.#have = 0;
    this.#need = HEAD;
  }

  push(piece: Buffer): void {
    this.#piece = this.#at < this.#piece.length ? Buffer.concat([this.#piece.subarray(this.#at), piece]) : piece;
    this.#at = 0;
  }

  /** @returns undefined when more must come first. Throws a MessageError, after which nothing can be read. */
  next(): Buffer | undefined {
    if (this.#have === 0) {
      const whole = this.#whole();
      if (whole) return whole;
    }
    while (this.#at < this.#piece.length && this.#gather()) {
      if (this.#need === HEAD) this.#need = HEAD + this.#lengthAt(this.#partial, 0);
      if (this.#have < this.#need) continue;
      const message = this.#partial.subarray(HEAD, this.#need);
      this.#partial = nothing;
      this.#have = 0;
      this.#need = HEAD;
      return message;
    }
    // It may be a part of much more memory, and nothing may come for long.
    this.#piece = nothing;
    this.#at = 0;
    return undefined;
  }

  /** A message that is in the piece as a whole. */
  #whole(): Buffer | undefined {
    const [piece, at] = [this.#piece, this.#at];
    if (piece.length - at < HEAD) return undefined;
    const end = at + HEAD + this.#lengthAt(piece, at);
    if (end > piece.length) return undefined;
    this.#at = end;
    return piece.subarray(at + HEAD, end);
  }

  /** Takes of the piece what the message needs. @returns whether that is all that it needs for now. */
  #gather(): boolean {
    const taken = Math.min(this.#need - this.#have, this.#piece.length - this.#at);
    if (this.#have + taken > this.#partial.length) {
      const grown = Buffer.allocUnsafe(Math.min(Math.max(this.#need, SMALL), 2 * (this.#have + taken) + SMALL));
      this.#partial.copy(grown, 0, 0, this.#have);
      this.#partial = grown;
    }
    this.#piece.copy(this.#partial, this.#have, this.#at, this.#at + taken);
    this.#at += taken;
    this.#have += taken;
    return this.#have === this.#need;
  }

  #lengthAt(bytes: Buffer, at: number): number {
    if (bytes[at] !== 0) throw new MessageError('INTERNAL', 'a message is marked as compressed, and says not how');
    const length = bytes.readUInt32BE(at + 1);
    if (length <= this.#longest) return length;
    throw new MessageError('RESOURCE_EXHAUSTED', `a message of ${length} bytes: ${this.#longest} are the most`);
  }
}

const HEAD = 5;
const SMALL = 64;
const nothing = Buffer.alloc(0);

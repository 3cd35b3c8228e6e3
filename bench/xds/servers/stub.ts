import { type Prebuilt, readPrebuilt, type TypeName, types, urlOf } from '../fixtures.ts';
import type { Change, ServerArguments } from './protocol.ts';

/**
 * What the stubs of bare transports have in common: prebuilt responses, the same for all streams, and requests of which
 * only is found out whether they acknowledge.
 */

export interface StubStream {
  write(message: Buffer): void;
  readonly has: Set<TypeName>;
}

export class Stub {
  readonly #streams = new Set<StubStream>();
  readonly #messages: ReadonlyMap<string, Buffer>;
  readonly #urls = types.map(type => [type, Buffer.from(urlOf(type))] as const);
  readonly #nonceTag: number;
  readonly #turned = new Set<TypeName>();
  #acknowledged = 0;

  /** @param framed makes of a message what the transport is given to write. */
  constructor({ messages, variant }: ServerArguments, framed: (message: Uint8Array) => Buffer) {
    const all = readPrebuilt(messages);
    this.#messages = new Map(all.map(({ kind, type, message }) => [`${kind} ${type}`, framed(message)]));
    this.#nonceTag = ((variant === 'delta' ? 6 : 5) << 3) | 2;
  }

  opened(stream: StubStream): void {
    this.#streams.add(stream);
  }

  closed(stream: StubStream): void {
    this.#streams.delete(stream);
  }

  received(stream: StubStream, request: Buffer): void {
    if (request[request.length - NONCE - 2] === this.#nonceTag) {
      this.#acknowledged++;
      return;
    }
    for (const [type, url] of this.#urls) {
      if (!request.includes(url)) continue;
      stream.has.add(type);
      stream.write(this.#message('first', type));
    }
  }

  change({ kind, number }: Change, time: bigint): void {
    if (kind === 'endpoint') {
      const message = this.#message('one', 'eds');
      const marker = `${String(time).padStart(19, '0')}.${String(number).padStart(7, '0')}`;
      message.write(marker, message.indexOf('@t') + 2, 'latin1');
      this.#push(message, 'eds');
    } else {
      const type = kind === 'clusters' ? 'cds' : 'rds';
      const turned = this.#turned.delete(type);
      if (!turned) this.#turned.add(type);
      this.#push(this.#message(turned ? 'back' : 'other', type), type);
    }
  }

  status(): Readonly<Record<string, number>> {
    return { acknowledged: this.#acknowledged };
  }

  #push(message: Buffer, type: TypeName): void {
    for (const stream of this.#streams) if (stream.has.has(type)) stream.write(message);
  }

  #message(kind: Prebuilt['kind'], type: TypeName): Buffer {
    const found = this.#messages.get(`${kind} ${type}`);
    if (!found) throw new Error(`there is no response "${kind}" of ${type}`);
    return found;
  }
}

const NONCE = 16;

/** With the head that gRPC puts before a message. */
export function withGrpcHead(message: Uint8Array): Buffer {
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

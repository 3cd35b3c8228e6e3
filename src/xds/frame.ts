import { Buffer } from 'node:buffer';
import { memo1 } from '../base/memo.ts';
import type { EncodedResource } from '../snapshot/snapshot.ts';
import { delimited, textField } from '../snapshot/wire.ts';
import type { ResponseBody } from './body.ts';
import type { Variant } from './events.ts';
import { isLimited } from './heartbeat.ts';
import { NONCE_LENGTH } from './nonce.ts';

/** A response's bytes, shared by every stream that is sent this body; its last bytes are the stream's own nonce. */
export interface Frame {
  readonly length: number;
  /**
   * The whole message with this nonce. The same memory is handed out each time: use the bytes before asking again.
   * Throws when the nonce has another length than all nonces have.
   */
  withNonce(nonce: string): Buffer;
  /**
   * The same behind the head that gRPC puts before a message, in memory that stays as it is: one buffer of the caller's, or,
   * of a long message, what all share and what is the caller's. Throws likewise.
   */
  framed(nonce: string): readonly Buffer[];
}

/** What encoding has cost so far. */
export interface FrameCounts {
  readonly frames: number;
  readonly bytes: number;
}

/** Turns bodies into bytes, each once as long as anyone may be sent it. */
export class FrameEncoder {
  readonly #frames: Readonly<Record<Variant | 'limitedSotw' | 'limitedDelta', (body: ResponseBody) => Frame>>;
  #built = 0;
  #bytes = 0;

  /** @param identifier what clients show as the control plane that they talk to (R4). */
  constructor(identifier: string) {
    const controlPlane = identifier === '' ? [] : [textField(1, identifier)];
    this.#frames = {
      sotw: memo1(body => this.#build(sotwParts(body, delimited(6, ...controlPlane)))),
      delta: memo1(body => this.#build(deltaParts(body, delimited(7, ...controlPlane)))),
      limitedSotw: memo1(body => this.#build(sotwParts(body, delimited(6, ...controlPlane), limitedSotwEntry))),
      limitedDelta: memo1(body => this.#build(deltaParts(body, delimited(7, ...controlPlane), limitedDeltaEntry))),
    };
  }

  get counts(): FrameCounts {
    return { frames: this.#built, bytes: this.#bytes };
  }

  /** @param limited the client knows of times to live (R33). */
  frame(variant: Variant, body: ResponseBody, limited = false): Frame {
    if (limited && isLimited(body)) return this.#frames[variant === 'sotw' ? 'limitedSotw' : 'limitedDelta'](body);
    return this.#frames[variant](body);
  }

  #build(parts: readonly Uint8Array[]): Frame {
    const whole = framed([...parts, textField(nonceField, '-'.repeat(NONCE_LENGTH))]);
    const bytes = whole.subarray(HEAD);
    const nonceAt = bytes.length - NONCE_LENGTH;
    // Of `whole` only what is behind this is ever written to again.
    const shared = whole.subarray(0, HEAD + nonceAt);
    this.#built++;
    this.#bytes += bytes.length;
    return {
      length: bytes.length,
      withNonce(nonce) {
        bytes.write(checked(nonce), nonceAt, 'latin1');
        return bytes;
      },
      framed(nonce) {
        if (shared.length > LONG) return [shared, Buffer.from(checked(nonce), 'latin1')];
        const own = Buffer.allocUnsafe(whole.length);
        own.set(shared);
        own.write(checked(nonce), shared.length, 'latin1');
        return [own];
      },
    };
  }
}

/** Bytes that gRPC puts before a message: whether it is compressed, which none is, and its length. */
const HEAD = 5;
/** Bytes from which on writing twice costs less than copying. */
const LONG = 16 * 1024;

/** A message behind its head. */
export function framed(parts: readonly Uint8Array[]): Buffer {
  const head = Buffer.alloc(HEAD);
  head.writeUInt32BE(
    parts.reduce((sum, each) => sum + each.length, 0),
    1,
  );
  return Buffer.concat([head, ...parts]);
}

function checked(nonce: string): string {
  if (nonce.length === NONCE_LENGTH) return nonce;
  throw new Error(`a nonce has ${NONCE_LENGTH} characters, not ${nonce.length}`);
}

/** The same number in DiscoveryResponse and DeltaDiscoveryResponse, as are those of version, resources and type. */
const nonceField = 5;

type Entry = (resource: EncodedResource, beat: boolean) => Uint8Array;

const sotwEntry: Entry = resource => resource.sotwEntry;
const deltaEntry: Entry = resource => resource.deltaEntry;
// A sign of life is the resource once more: Envoy prolongs no time for one without a body.
const limitedSotwEntry: Entry = ({ limited, sotwEntry: plain }) => limited?.sotwEntry ?? plain;
const limitedDeltaEntry: Entry = ({ limited, deltaEntry: plain }, beat) =>
  (beat ? limited?.deltaBeat : limited?.deltaEntry) ?? plain;

function sotwParts(body: ResponseBody, controlPlane: Uint8Array, entry = sotwEntry): readonly Uint8Array[] {
  const entries = body.resources.map(each => entry(each, body.beat === true));
  return [textField(1, body.version), ...entries, textField(4, body.typeUrl), controlPlane, ...errorParts(7, body)];
}

function deltaParts(body: ResponseBody, controlPlane: Uint8Array, entry = deltaEntry): readonly Uint8Array[] {
  const entries = body.resources.map(each => entry(each, body.beat === true));
  const removed = body.removed.map(name => textField(6, name));
  const head = [textField(1, body.version), ...entries, textField(4, body.typeUrl)];
  return [...head, ...removed, controlPlane, ...errorParts(9, body)];
}

/** `resource_errors` (R35). */
function errorParts(field: number, { errors = [] }: ResponseBody): readonly Uint8Array[] {
  return errors.map(({ name, code, message }) => {
    const status = delimited(2, Uint8Array.of(1 << 3, code), textField(2, message));
    return delimited(field, delimited(1, textField(1, name)), status);
  });
}

import type { Buffer } from 'node:buffer';
import type { CertifiedNames, NodeIdentity } from '../snapshot/board.ts';
import { withCertificate } from './certified-names.ts';
import type { ClientRequest, StreamSettings } from './client.ts';
import type { ClientDriver, EndCode, Outgoing, Outlet, SharedByClients } from './client-driver.ts';
import type { Clients } from './clients.ts';
import { beyond, codeOf, LimitError, type XdsLimits } from './limits.ts';
import type { DeltaRequest, SotwRequest } from './machine.ts';
import { readNode } from './node-identity.ts';
import { type Received, RequestReader } from './request.ts';

/** What a transport does for a stream. */
export interface StreamPort {
  /** Of the connection, such as `10.0.0.1:40312`; undefined if it is unknown. */
  readonly peer: string | undefined;
  /** Whom the client's certificate names; undefined without TLS. */
  readonly certificate: CertifiedNames | undefined;
  /** Writes a response; `done` is called when its bytes have left the process, or never will, in the order of writes. */
  write(outgoing: Outgoing, done: () => void): void;
  end(code: EndCode, message: string): void;
}

/** A stream, as whoever watches it knows it. */
export type TappedStream = Pick<StreamSettings, 'streamId' | 'variant' | 'impliedType'> & Pick<StreamPort, 'peer'>;

/** Is told of every stream by itself, at once. Must not throw. */
export interface StreamTap {
  opened(stream: TappedStream): void;
  /** Left out where nobody listens: it would come with every acknowledgement. */
  readonly requested?: ((stream: TappedStream, request: SotwRequest | DeltaRequest) => void) | undefined;
  closed(stream: TappedStream, reason: string): void;
}

/** Bytes that a stream may have on their way before it must wait for them to leave (R49). */
const MAX_IN_FLIGHT = 64 * 1024;

type SharedByStreams = Pick<SharedByClients, 'pacer' | 'emit' | 'limits'> & { readonly tap?: StreamTap };

/**
 * Runs one stream: bytes in, to its client; responses out, no more than it takes. Whatever goes wrong in it ends this
 * stream only. Knows no transport.
 */
export class StreamDriver implements Outlet {
  readonly #settings: StreamSettings;
  readonly #port: StreamPort;
  readonly #shared: SharedByStreams;
  readonly #clients: Clients;
  readonly #reader: RequestReader;
  /** Writes that have not left, and leave in this order: the oldest, and those behind it, which there mostly are not. */
  #oldest: Outgoing | undefined;
  #behind: Outgoing[] | undefined;
  readonly #left = (): void => this.#leave();
  #client: ClientDriver | undefined;
  #inFlight = 0;
  #blocked = false;
  #answered = false;
  #closed = false;

  constructor(settings: StreamSettings, port: StreamPort, shared: SharedByStreams, clients: Clients) {
    this.#settings = settings;
    this.#port = port;
    this.#shared = shared;
    this.#clients = clients;
    this.#reader = new RequestReader(shared.limits);
    const { streamId: clientId, variant } = settings;
    shared.emit({ kind: 'opened', clientId, variant, peer: port.peer ?? 'unknown' });
    shared.tap?.opened(this.#tapped);
  }

  get streamId(): number {
    return this.#settings.streamId;
  }

  get #tapped(): TappedStream {
    return { ...this.#settings, peer: this.#port.peer };
  }

  /** True once a response was written: a client takes an end without any for a failure of the connection (R47). */
  get answered(): boolean {
    return this.#answered;
  }

  /** A message of the client. */
  received(bytes: Buffer): void {
    if (this.#closed) return;
    try {
      const input = this.#read(bytes);
      if (typeof input === 'string') this.end('INVALID_ARGUMENT', input);
      else {
        this.#shared.tap?.requested?.(this.#tapped, input.request);
        this.#clientOf(input.node)?.step(input);
      }
    } catch (error) {
      if (!(error instanceof LimitError)) throw error;
      const { limit, message } = error;
      this.#shared.emit({ kind: 'limited', clientId: this.#settings.streamId, limit, message });
      this.end(codeOf(limit), message);
    }
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
    while (this.#oldest) this.#leave();
    const { streamId } = this.#settings;
    if (this.#client) this.#clients.leave(this.#client, streamId, reason);
    else this.#shared.emit({ kind: 'closed', clientId: streamId, reason });
    this.#shared.tap?.closed(this.#tapped, reason);
  }

  write(outgoing: Outgoing): void {
    if (this.#closed) return;
    const { length } = outgoing.frame;
    this.#shared.pacer.begin(outgoing, length);
    if (!this.#oldest) this.#oldest = outgoing;
    else if (this.#behind) this.#behind.push(outgoing);
    else this.#behind = [outgoing];
    this.#answered = true;
    this.#inFlight += length;
    if (this.#inFlight > MAX_IN_FLIGHT && !this.#blocked) {
      this.#blocked = true;
      this.#client?.blocked(this.#settings.streamId);
    }
    this.#port.write(outgoing, this.#left);
  }

  /** The oldest write has left, or never will. */
  #leave(): void {
    const outgoing = this.#oldest;
    if (!outgoing) return;
    this.#oldest = this.#behind?.shift();
    if (!this.#oldest) this.#behind = undefined;
    this.#inFlight -= outgoing.frame.length;
    this.#shared.pacer.end(outgoing);
    this.#resume();
  }

  #resume(): void {
    if (!this.#blocked || this.#closed || this.#inFlight > MAX_IN_FLIGHT) return;
    this.#blocked = false;
    this.#client?.ready(this.#settings.streamId);
  }

  /** Who it belongs to, which its first request tells. */
  #clientOf(node: NodeIdentity | undefined): ClientDriver | undefined {
    if (this.#client) return this.#client;
    if (!node) {
      this.end('INVALID_ARGUMENT', 'the first request of a stream must have a node');
      return undefined;
    }
    const { streamId } = this.#settings;
    this.#client = this.#clients.join(this.#settings, node, this.#port.peer, this);
    if (this.#client.id !== streamId) this.#shared.emit({ kind: 'joined', clientId: streamId, to: this.#client.id });
    return this.#client;
  }

  /** @returns what is wrong with the message, if it cannot be used. */
  #read(bytes: Buffer): ClientRequest | string {
    const { streamId, variant } = this.#settings;
    const { limits } = this.#shared;
    if (bytes.length > limits.message) throw beyond(limits, 'message', `a request of ${bytes.length} bytes`);
    try {
      if (variant === 'sotw') {
        const request = this.#reader.sotw(bytes);
        const node = identity(request, limits, this.#port.certificate);
        return typeof node === 'string' ? node : { kind: 'sotw', streamId, request, node };
      }
      const request = this.#reader.delta(bytes);
      const node = identity(request, limits, this.#port.certificate);
      return typeof node === 'string' ? node : { kind: 'delta', streamId, request, node };
    } catch (error) {
      if (error instanceof LimitError) throw error;
      return `the message is no ${variant === 'sotw' ? 'DiscoveryRequest' : 'DeltaDiscoveryRequest'}: ${
        error instanceof Error ? error.message : String(error)
      }`;
    }
  }
}

function identity(
  { node }: Received<object>,
  limits: XdsLimits,
  certificate: CertifiedNames | undefined,
): NodeIdentity | string | undefined {
  if (!node) return undefined;
  const reading = readNode(node, limits);
  return reading.kind === 'node' ? withCertificate(reading.node, certificate) : reading.why;
}

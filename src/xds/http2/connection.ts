import { constants, type ServerHttp2Session } from 'node:http2';
import type { TLSSocket } from 'node:tls';
import { type Caller, type TransportSettings, warned } from '../rpc.ts';
import { namesOf } from '../tls.ts';

/** Bytes that the other side may have on its way to us on all streams of a connection together. */
const connectionWindow = 1024 * 1024;

/**
 * Pings and changes of settings that a connection may bring in so many milliseconds. Envoy and gRPC send a few in a
 * minute, and each is answered.
 */
const commotion = { limit: 1000, time: 10_000 };

type Keepalive = Pick<TransportSettings, 'keepaliveTime' | 'keepaliveTimeout'>;

/** A connection: who is on it, and that it is alive (P8) and quiet (P24). */
export class Connection implements Caller {
  readonly peer: string | undefined;
  readonly certificate: Caller['certificate'];
  readonly #session: ServerHttp2Session;
  readonly #keepalive: Keepalive;
  #timer: NodeJS.Timeout;
  #noise = 0;
  #calm: NodeJS.Timeout | undefined;

  constructor(session: ServerHttp2Session, keepalive: Keepalive) {
    const socket = session.socket as TLSSocket;
    const { remoteAddress, remotePort, authorized } = socket;
    this.peer = remoteAddress === undefined ? undefined : `${remoteAddress}:${remotePort}`;
    // Undefined without TLS.
    this.certificate = (authorized as boolean | undefined) ? namesOf(socket) : undefined;
    this.#session = session;
    this.#keepalive = keepalive;
    session.setLocalWindowSize(connectionWindow);
    session.on('ping', () => this.#heard());
    session.on('remoteSettings', () => this.#heard());
    session.once('close', () => {
      clearTimeout(this.#timer);
      clearTimeout(this.#calm);
    });
    this.#timer = this.#later();
  }

  #later(): NodeJS.Timeout {
    const ping = (): void =>
      warned(
        () => this.#ping(),
        () => this.#session.destroy(),
      );
    return setTimeout(ping, this.#keepalive.keepaliveTime).unref();
  }

  #ping(): void {
    const session = this.#session;
    if (session.destroyed) return;
    this.#timer = setTimeout(() => session.destroy(), this.#keepalive.keepaliveTimeout).unref();
    const sent = session.ping(error => {
      clearTimeout(this.#timer);
      if (!error && !session.destroyed) this.#timer = this.#later();
    });
    if (!sent) session.destroy();
  }

  #heard(): void {
    this.#noise++;
    this.#calm ??= setTimeout(() => {
      this.#noise = 0;
      this.#calm = undefined;
    }, commotion.time).unref();
    if (this.#noise !== commotion.limit) return;
    // Not while it is being read from.
    setImmediate(() => {
      if (!this.#session.destroyed) this.#session.destroy(undefined, constants.NGHTTP2_ENHANCE_YOUR_CALM);
    });
  }
}

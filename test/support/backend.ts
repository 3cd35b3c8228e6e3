import {
  createServer,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import {
  constants,
  createServer as createHttp2Server,
  type Http2Server,
  type Http2ServerRequest,
  type Http2ServerResponse,
} from 'node:http2';
import type { Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';
import { freePort } from './ports.ts';

/** A request as the application saw it. */
export interface Seen {
  /** Name of the backend. */
  readonly backend: string;
  readonly protocol: '1.1' | '2.0';
  readonly method: string;
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  /** Milliseconds of {@link performance.now}. */
  readonly at: number;
}

/** What a backend does with a request; nothing named: 200 at once, with what it saw as JSON. */
export interface Behaviour {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Milliseconds before the answer. */
  readonly delay?: number;
  /** The answer waits for this. */
  readonly after?: Promise<unknown>;
  /** No answer, ever. */
  readonly hang?: boolean;
  /** The connection is cut instead of an answer. */
  readonly reset?: boolean;
  /** The stream is refused as not begun (HTTP/2 only). */
  readonly refuse?: boolean;
}

/** An application on loopback, in this process. */
export interface Backend extends AsyncDisposable {
  readonly name: string;
  /** `127.0.0.1:20001` or `unix:/…`, as a policy writes it. */
  readonly address: string;
  readonly port: number;
  /** All requests since the start, or the last `forget`; health checks (`/health`) apart. */
  readonly seen: readonly Seen[];
  readonly checks: readonly Seen[];
  /** Requests that wait for their answer. */
  readonly active: number;
  /** Open connections. */
  readonly connections: number;
  /** Connections since the start. */
  readonly opened: number;
  /** What it does with requests; `/health` has a behaviour of its own. */
  behave(behaviour: Behaviour | ((seen: Seen) => Behaviour)): void;
  behaveOnChecks(behaviour: Behaviour | ((seen: Seen) => Behaviour)): void;
  forget(): void;
  /** Dies: closes its socket and cuts all connections. New ones are refused until `revive`. */
  die(): Promise<void>;
  revive(): Promise<void>;
}

export interface BackendOptions {
  readonly name: string;
  readonly protocol?: 'http' | 'http2';
  /** IP address to listen on, or `unix:/PATH`. */
  readonly on?: string;
  readonly port?: number;
}

/** Starts an application that answers, fails or hangs as it is told. */
export async function startBackend(options: BackendOptions): Promise<Backend> {
  const backend = new HttpBackend(options, options.port ?? (await freePort()));
  await backend.revive();
  return backend;
}

const { NGHTTP2_INTERNAL_ERROR: INTERNAL_ERROR, NGHTTP2_REFUSED_STREAM: REFUSED_STREAM } = constants;

type Rule = (seen: Seen) => Behaviour;
type Incoming = IncomingMessage | Http2ServerRequest;
type Outgoing = ServerResponse | Http2ServerResponse;

class HttpBackend implements Backend {
  readonly name: string;
  readonly port: number;
  readonly address: string;
  seen: Seen[] = [];
  checks: Seen[] = [];
  active = 0;
  opened = 0;
  readonly #options: BackendOptions;
  readonly #sockets = new Set<Socket>();
  #server: Server | Http2Server | undefined;
  #rule: Rule = () => ({});
  #checkRule: Rule = () => ({});

  constructor(options: BackendOptions, port: number) {
    this.#options = options;
    this.name = options.name;
    this.port = port;
    const { on = '127.0.0.1' } = options;
    this.address = on.startsWith('unix:') ? on : `${on}:${port}`;
  }

  get connections(): number {
    return this.#sockets.size;
  }

  behave(behaviour: Behaviour | Rule): void {
    this.#rule = typeof behaviour === 'function' ? behaviour : () => behaviour;
  }

  behaveOnChecks(behaviour: Behaviour | Rule): void {
    this.#checkRule = typeof behaviour === 'function' ? behaviour : () => behaviour;
  }

  forget(): void {
    this.seen = [];
    this.checks = [];
  }

  async revive(): Promise<void> {
    const handle = (request: Incoming, response: Outgoing) => void this.#answer(request, response);
    const server = this.#options.protocol === 'http2' ? createHttp2Server(handle) : createServer(handle);
    // Whoever calls ends idle connections first; otherwise one could be ended under a request on its way.
    if ('keepAliveTimeout' in server) server.keepAliveTimeout = 120_000;
    server.on('connection', (socket: Socket) => {
      this.opened += 1;
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
      socket.on('error', () => {});
    });
    // Connections that are cut are part of the tests.
    server.on('sessionError', () => {});
    const { on = '127.0.0.1' } = this.#options;
    const place = on.startsWith('unix:') ? { path: on.slice('unix:'.length) } : { host: on, port: this.port };
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(place, resolve);
    });
    this.#server = server;
  }

  async die(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (!server) return;
    const closed = new Promise(resolve => server.close(resolve));
    for (const socket of this.#sockets) socket.resetAndDestroy();
    await closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.die();
  }

  async #answer(request: Incoming, response: Outgoing): Promise<void> {
    const { method = '', url = '', headers } = request;
    const protocol = request.httpVersion === '2.0' ? '2.0' : '1.1';
    const seen: Seen = { backend: this.name, protocol, method, url, headers, at: performance.now() };
    const check = url === '/health';
    (check ? this.checks : this.seen).push(seen);
    const behaviour = (check ? this.#checkRule : this.#rule)(seen);
    request.resume();
    if (!check) this.active += 1;
    response.once('close', () => {
      if (!check) this.active -= 1;
    });
    await behaviour.after;
    if (behaviour.delay !== undefined) await pause(behaviour.delay);
    if (behaviour.hang) return;
    if (behaviour.reset || behaviour.refuse) {
      if ('stream' in response) response.stream.close(behaviour.refuse ? REFUSED_STREAM : INTERNAL_ERROR);
      else request.socket.resetAndDestroy();
      return;
    }
    response.statusCode = behaviour.status ?? 200;
    const type = behaviour.body === undefined ? 'application/json' : 'text/plain';
    const own = { 'content-type': type, 'x-backend': this.name, ...behaviour.headers };
    for (const [name, value] of Object.entries(own)) response.setHeader(name, value);
    response.end(behaviour.body ?? JSON.stringify(seen));
  }
}

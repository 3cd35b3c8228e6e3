import { randomInt } from 'node:crypto';
import { createServer, type Server as NetServer, type Socket } from 'node:net';
import type { Server, ServerCredentials } from '@grpc/grpc-js';
import type { ServerTls } from '../base/server-tls.ts';
import type { Board } from '../snapshot/board.ts';
import { Admission } from './admission.ts';
import { AnswerStreams } from './answer-streams.ts';
import type { SharedByClients } from './client-driver.ts';
import type { RejectionSettings } from './client-state.ts';
import { ClientStatusAnswers, type ClientViews, clientStatusDiscovery } from './client-status.ts';
import { Clients } from './clients.ts';
import { discoveryServices, type ServiceRow } from './discovery-services.ts';
import type { Variant, XdsEvent } from './events.ts';
import { Fetches } from './fetch.ts';
import { FrameEncoder } from './frame.ts';
import { addServices, grpcTransport } from './grpc-js.ts';
import { Health, healthChecking } from './health.ts';
import { http2Transport } from './http2/transport.ts';
import { Intake } from './intake.ts';
import { defaultLimits, LimitError, type XdsLimits } from './limits.ts';
import { abort, listenError } from './listen.ts';
import { LoadReports, loadReporting } from './load-reports.ts';
import type { OrderSettings } from './order-state.ts';
import { Pacer } from './pacer.ts';
import { reflection, reflectionAnswers } from './reflection.ts';
import type { Answer, RpcService, RpcStream, Serve, StreamListener, Transport, TransportName } from './rpc.ts';
import { StreamDriver, type StreamTap } from './stream-driver.ts';
import { Throttle, tooFast } from './throttle.ts';
import { secureListener } from './tls.ts';

export interface XdsServiceSettings {
  /** What speaks HTTP/2 and gRPC for a server of our own. */
  readonly transport: TransportName;
  readonly host: string;
  /** 0 picks a free one. */
  readonly port: number;
  /** What Envoy shows as its control plane (R4). */
  readonly identifier: string;
  /** What clients may ask of it. */
  readonly limits: XdsLimits;
  /** Milliseconds between pings on a silent connection, and until one without answer is given up (P8). */
  readonly keepaliveTime: number;
  readonly keepaliveTimeout: number;
  readonly order: OrderSettings;
  /** How contents that a client rejects are found and kept from it; undefined: they are not. */
  readonly rejection: RejectionSettings | undefined;
}

/** Where a server of our own listens; what is left out is as in the settings. */
interface Listening extends OtherServices, Partial<Pick<XdsServiceSettings, 'host' | 'port'>> {
  /** Of grpc-js, for that transport. Without these and without `tls`, connections are in plain text. */
  readonly credentials?: ServerCredentials;
  /** Its clients need certificates. Not together with `credentials`. */
  readonly tls?: ServerTls;
}

/** What is served beside discovery; all of it unless it says false. */
export interface OtherServices {
  readonly clientStatus?: boolean;
  readonly health?: boolean;
  readonly loadReports?: boolean;
  readonly reflection?: boolean;
}

export const defaultXdsSettings = {
  transport: 'grpc-js',
  host: '127.0.0.1',
  port: 18000,
  identifier: 'switchyard',
  limits: defaultLimits,
  keepaliveTime: 15_000,
  keepaliveTimeout: 10_000,
  order: { gateLimit: 5_000, linger: 5_000, lingerLimit: 60_000, grace: 200, reopening: 10_000 },
  rejection: { pause: 10_000, retryAfter: 60_000, retryLimit: 15 * 60_000 },
} satisfies XdsServiceSettings;

/** Bytes of large responses on their way, of all streams, and the milliseconds that one counts. */
const pace = { limit: 16 * 1024 * 1024, patience: 250 };
/** Connections that may wait to be accepted: a whole fleet comes back at once. */
const BACKLOG = 4096;

/** The xDS server over gRPC: its services, listener and connections. */
export class XdsService {
  readonly #board: Board;
  readonly #settings: XdsServiceSettings;
  readonly #shared: SharedByClients & { readonly tap?: StreamTap };
  readonly #clients: Clients;
  readonly #streams = new Set<StreamDriver>();
  readonly #sockets = new Set<Socket>();
  readonly #salt = randomInt(0x1000000);
  readonly #loadReports = new LoadReports();
  readonly #fetches: Fetches;
  readonly #views: ClientViews | undefined;
  readonly #healths: Health[] = [];
  readonly #answerStreams = new AnswerStreams();
  readonly #admission: Admission;
  readonly #throttle: Throttle;
  #transport: Transport | undefined;
  #listener: NetServer | undefined;
  #streamIds = 0;
  #closing = false;

  /**
   * @param emit takes every event of every stream, at once and without throwing.
   * @param views what has been made of the events; without it the status of clients is not served.
   * @param tap is told of what passes on each stream.
   */
  constructor(
    board: Board,
    settings: XdsServiceSettings,
    emit: (event: XdsEvent) => void,
    views?: ClientViews,
    tap?: StreamTap,
  ) {
    this.#board = board;
    this.#settings = settings;
    this.#views = views;
    this.#shared = {
      settings: { order: settings.order, rejection: settings.rejection },
      limits: settings.limits,
      random: Math.random,
      frames: new FrameEncoder(settings.identifier),
      pacer: new Pacer(pace),
      emit,
      ...(tap && { tap }),
    };
    this.#clients = new Clients(board, this.#shared);
    this.#fetches = new Fetches(board, this.#shared.frames, settings.limits, error => this.#limited(error));
    this.#admission = new Admission(settings.limits);
    this.#throttle = new Throttle(settings.limits);
  }

  /** Adds the services to a server. Throws when it has one of them already. Whoever made the server ends it. */
  register(server: Server, others: OtherServices = {}): void {
    addServices(server, this.#services(others));
  }

  #services(others: OtherServices): readonly RpcService[] {
    const views = others.clientStatus === false ? undefined : this.#views;
    const loadReports = others.loadReports !== false;
    const health = others.health !== false;
    const reflected = others.reflection === false ? [] : reflection;
    const served = [
      ...discoveryServices.map(each => each.service),
      ...(loadReports ? [loadReporting] : []),
      ...(views ? [clientStatusDiscovery] : []),
      ...(health ? [healthChecking] : []),
      ...reflected,
    ];
    return [
      ...discoveryServices.map(row => this.#discovery(row)),
      ...(loadReports ? [this.#loadReporting()] : []),
      ...(views ? [this.#clientStatus(views)] : []),
      ...(health ? [this.#healthChecking(served)] : []),
      ...reflected.map(name => this.#reflection(name, served)),
    ];
  }

  /** What encoding has cost: one frame for all streams that are sent the same. */
  get frames(): FrameEncoder {
    return this.#shared.frames;
  }

  /** Steps of clients that had to be found: one for all that are in the same state and are told the same. */
  get steps(): number {
    return this.#clients.steps;
  }

  get streams(): number {
    return this.#streams.size;
  }

  get connections(): number {
    return this.#sockets.size;
  }

  /** Sends a node once more what it has rejected, whatever came of it before. @returns whether it is connected. */
  retry(nodeId: string): boolean {
    const clients = this.#clients.ofNode(nodeId);
    for (const client of clients) client.step({ kind: 'retry' });
    return clients.length > 0;
  }

  /** Listens with a server of its own. @returns the port. Rejects with what to do when the address cannot be had. */
  async listen({ credentials, tls, ...listening }: Listening = {}): Promise<number> {
    const settings = { ...this.#settings, ...listening };
    const { host, port } = settings;
    const transport = this.#made(this.#services(listening), settings, credentials);
    this.#transport = transport;
    const inject = (socket: Socket): void => this.#inject(socket, transport);
    const listener = tls
      ? secureListener(tls, inject).on('connection', (socket: Socket) => void this.#hold(socket))
      : createServer({ noDelay: true }, socket => this.#hold(socket) && inject(socket));
    this.#listener = listener;
    await new Promise<void>((resolve, reject) => {
      listener.once('error', error => reject(listenError(error, host, port)));
      listener.listen({ host, port, backlog: BACKLOG }, resolve);
    });
    const address = listener.address();
    return typeof address === 'object' && address ? address.port : port;
  }

  #made(services: readonly RpcService[], settings: XdsServiceSettings, credentials?: ServerCredentials): Transport {
    const bounded = { ...settings, intake: new Intake(settings.limits, error => this.#limited(error)) };
    if (settings.transport === 'grpc-js') return grpcTransport(services, bounded, credentials);
    if (credentials) throw new Error('credentials of grpc-js are for its transport only');
    return http2Transport(services, bounded);
  }

  /**
   * Ends all streams as OK, those without any answer when they have had one (R47) or the signal says to wait no longer,
   * and then the connections. Resolves when everything has ended.
   */
  async close(signal: AbortSignal): Promise<void> {
    this.#closing = true;
    for (const health of this.#healths) health.closing();
    const listener = this.#listener;
    const closed = listener && new Promise<void>(resolve => listener.close(() => resolve()));
    await this.#endStreams(signal);
    this.#clients.close();
    this.#loadReports.close();
    this.#answerStreams.close();
    for (const health of this.#healths) health.close();
    // Says GOAWAY, and lets the ends of streams reach their clients; those then close the connections.
    this.#transport?.shutdown();
    const late = abort(AbortSignal.any([signal, AbortSignal.timeout(closeLimit)]));
    await Promise.race([closed, late]);
    this.#transport?.destroy();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  async #endStreams(signal: AbortSignal): Promise<void> {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(closeLimit)]);
    for (;;) {
      const waiting = [...this.#streams].filter(stream => !stream.answered);
      for (const stream of this.#streams) {
        if (stream.answered || limit.aborted) stream.end('OK', 'the control plane is closing');
      }
      if (waiting.length === 0 || limit.aborted) return;
      await new Promise<void>(resolve => setTimeout(resolve, closePoll));
    }
  }

  /** Counts a connection, before its handshake where there is one. @returns whether it may be. */
  #hold(socket: Socket): boolean {
    // Without it, a reset connection would end the process.
    socket.on('error', () => socket.destroy());
    const left = this.#admission.connection(socket.remoteAddress ?? '');
    if (left instanceof LimitError) {
      this.#limited(left);
      socket.destroy();
      return false;
    }
    socket.once('close', left);
    socket.once('close', () => this.#sockets.delete(socket));
    this.#sockets.add(socket);
    return true;
  }

  /** Hands on a connection, which with TLS stands on one that is held. */
  #inject(socket: Socket, transport: Transport): void {
    socket.on('error', () => socket.destroy());
    socket.setKeepAlive(true, this.#settings.keepaliveTime);
    transport.inject(socket);
  }

  /** Counts streams of whatever kind, and ends those that are too many. */
  #counted(serve: Serve): Serve {
    return stream => {
      const left = this.#admission.stream(stream.peer);
      if (left instanceof LimitError) {
        this.#limited(left);
        stream.end('RESOURCE_EXHAUSTED', left.message);
        return undefined;
      }
      let listener: StreamListener | undefined;
      try {
        listener = serve(stream);
      } finally {
        if (!listener) left();
      }
      if (!listener) return undefined;
      const { received, finished, closed } = listener;
      const over = (reason: string): void => {
        left();
        closed(reason);
      };
      return { received, finished, closed: over };
    };
  }

  #limited({ limit, message }: LimitError, clientId = 0): void {
    this.#shared.emit({ kind: 'limited', clientId, limit, message });
  }

  #discovery({ service: name, impliedType, methods, fetch }: ServiceRow): RpcService {
    const streams = mapped(methods, variant => this.#counted(stream => this.#serve(stream, variant, impliedType)));
    if (fetch === undefined || impliedType === undefined) return { name, streams, unary: {} };
    const answer: Answer = (request, { certificate }) => this.#fetches.answer(impliedType, request, certificate);
    return { name, streams, unary: { [fetch]: answer } };
  }

  #loadReporting(): RpcService {
    const serve = this.#counted(stream => this.#loadReports.serve(stream));
    return { name: loadReporting, streams: { StreamLoadStats: serve }, unary: {} };
  }

  #healthChecking(served: readonly string[]): RpcService {
    const health = new Health(this.#board, served);
    this.#healths.push(health);
    const watch = this.#counted(stream => health.watch(stream));
    return { name: healthChecking, streams: { Watch: watch }, unary: { Check: request => health.check(request) } };
  }

  #clientStatus(views: ClientViews): RpcService {
    const answers = new ClientStatusAnswers(this.#board, views);
    const serve = this.#counted(stream =>
      this.#answerStreams.serve(stream, request => answers.answer(request, stream.certificate)),
    );
    return {
      name: clientStatusDiscovery,
      streams: { StreamClientStatus: serve },
      unary: { FetchClientStatus: (request, { certificate }) => answers.answer(request, certificate) },
    };
  }

  #reflection(name: string, served: readonly string[]): RpcService {
    const serve = this.#counted(stream => this.#answerStreams.serve(stream, reflectionAnswers(served)));
    return { name, streams: { ServerReflectionInfo: serve }, unary: {} };
  }

  #serve(port: RpcStream, variant: Variant, impliedType: string | undefined): StreamListener {
    const settings = { streamId: ++this.#streamIds, variant, impliedType, nonceSalt: this.#salt };
    const stream = new StreamDriver(settings, port, this.#shared, this.#clients);
    const bucket = this.#throttle.bucket(port, () => this.#limited(tooFast(this.#settings.limits), settings.streamId));
    this.#streams.add(stream);
    if (this.#closing) stream.end('UNAVAILABLE', 'the control plane is closing');
    return {
      received: bytes => {
        bucket.take();
        stream.received(bytes);
      },
      finished: () => stream.end('OK', 'the client ended the stream'),
      closed: reason => {
        bucket.end();
        this.#streams.delete(stream);
        stream.close(reason);
      },
    };
  }
}

function mapped<From, To>(record: Readonly<Record<string, From>>, to: (from: From) => To): Record<string, To> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, to(value)]));
}

/** Milliseconds that closing waits for streams, and then for connections; and between looks at the streams. */
const [closeLimit, closePoll] = [2_000, 20];

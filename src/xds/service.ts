import type { Buffer } from 'node:buffer';
import { randomInt } from 'node:crypto';
import { createServer, type Server as NetServer, type Socket } from 'node:net';
import {
  type ConnectionInjector,
  Server,
  ServerCredentials,
  type ServerDuplexStream,
  type ServerWritableStream,
  type ServiceDefinition,
  type status,
} from '@grpc/grpc-js';
import { serviceDefinition } from '../../proto/services.ts';
import type { ServerTls } from '../base/server-tls.ts';
import type { Board, CertifiedNames } from '../snapshot/board.ts';
import { Admission } from './admission.ts';
import { AnswerStreams } from './answer-streams.ts';
import {
  abort,
  certificateOf,
  type EndableCall,
  endCall,
  guarded,
  listenError,
  pacedUnary,
  peerOf,
  type UnaryHandler,
  unary,
  uncompressedOnly,
} from './calls.ts';
import type { Outgoing, SharedByClients } from './client-driver.ts';
import type { RejectionSettings } from './client-state.ts';
import { ClientStatusAnswers, type ClientViews, clientStatusDiscovery, type PacedAnswer } from './client-status.ts';
import { Clients } from './clients.ts';
import { discoveryServices, type ServiceRow } from './discovery-services.ts';
import type { Variant, XdsEvent } from './events.ts';
import { Fetches } from './fetch.ts';
import { FrameEncoder } from './frame.ts';
import { Health, healthChecking } from './health.ts';
import { defaultLimits, LimitError, type XdsLimits } from './limits.ts';
import { LoadReports, loadReporting } from './load-reports.ts';
import type { OrderSettings } from './order-state.ts';
import { Pacer } from './pacer.ts';
import { reflection, reflectionAnswers } from './reflection.ts';
import { StreamDriver, type StreamTap } from './stream-driver.ts';
import { Throttle, tooFast } from './throttle.ts';
import { secureListener } from './tls.ts';

export interface XdsServiceSettings {
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
  /** Without these and without `tls`, connections are in plain text. */
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
  host: '127.0.0.1',
  port: 18000,
  identifier: 'switchyard',
  limits: defaultLimits,
  keepaliveTime: 15_000,
  keepaliveTimeout: 10_000,
  order: { gateLimit: 5_000, linger: 5_000, lingerLimit: 60_000, grace: 200, reopening: 10_000 },
  rejection: { pause: 10_000, retryAfter: 60_000, retryLimit: 15 * 60_000 },
} satisfies XdsServiceSettings;

type Call = ServerDuplexStream<Buffer, Outgoing>;

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
  #grpc: Server | undefined;
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
    for (const row of discoveryServices) this.#addService(server, row);
    if (loadReports) this.#addLoadReports(server);
    if (views) this.#addClientStatus(server, views);
    if (health) this.#addHealth(server, served);
    for (const each of reflected) this.#addReflection(server, each, served);
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
    const { host, port, limits, keepaliveTime, keepaliveTimeout } = { ...this.#settings, ...listening };
    const grpc = new Server({
      // Somewhat more, so that we can say what is wrong.
      'grpc.max_receive_message_length': Math.ceil(limits.message * 1.25),
      'grpc.max_concurrent_streams': limits.connectionStreams,
      interceptors: [uncompressedOnly],
      'grpc.max_send_message_length': -1,
      'grpc.keepalive_time_ms': keepaliveTime,
      'grpc.keepalive_timeout_ms': keepaliveTimeout,
    });
    this.#grpc = grpc;
    this.register(grpc, listening);
    const injector = grpc.createConnectionInjector(credentials ?? ServerCredentials.createInsecure());
    const inject = (socket: Socket): void => this.#inject(socket, injector);
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
    this.#grpc?.tryShutdown(() => {});
    const late = abort(AbortSignal.any([signal, AbortSignal.timeout(closeLimit)]));
    await Promise.race([closed, late]);
    this.#grpc?.forceShutdown();
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
  #inject(socket: Socket, injector: ConnectionInjector): void {
    socket.on('error', () => socket.destroy());
    socket.setKeepAlive(true, this.#settings.keepaliveTime);
    injector.injectConnection(socket);
  }

  /** Counts a stream. @returns how it ends; undefined if it is one too many, and has been ended. */
  #admit(call: EndableCall & Pick<Call, 'getPeer'>): (() => void) | undefined {
    const left = this.#admission.stream(peerOf(call));
    if (!(left instanceof LimitError)) return left;
    this.#limited(left);
    endCall(call, 'RESOURCE_EXHAUSTED', left.message);
    return undefined;
  }

  /** The same of a stream that is not otherwise watched. @returns whether it may be. */
  #counted(call: ServerWritableStream<Buffer, Buffer> | ServerDuplexStream<Buffer, Buffer>): boolean {
    const left = this.#admit(call);
    for (const event of ['close', 'error', 'cancelled']) if (left) call.on(event, left);
    return left !== undefined;
  }

  #limited({ limit, message }: LimitError, clientId = 0): void {
    this.#shared.emit({ kind: 'limited', clientId, limit, message });
  }

  #addService(server: Server, { service, impliedType, methods, fetch }: ServiceRow): void {
    const bytes = serviceDefinition(service);
    const definition: Record<string, ServiceDefinition[string]> = {};
    const handlers: Record<string, ((call: Call) => void) | UnaryHandler<Outgoing>> = {};
    const add = (method: string, handler: (typeof handlers)[string]): void => {
      const found = bytes[method];
      if (!found) throw new Error(`${service} has no method ${method}`);
      // Sent at once after this returns, so all can share the frame's memory.
      const responseSerialize = ({ frame, nonce }: Outgoing): Buffer => frame.withNonce(nonce);
      definition[method] = { ...found, responseSerialize };
      handlers[method] = handler;
    };
    for (const [method, variant] of Object.entries(methods)) {
      add(method, (call: Call) => this.#serve(call, variant, impliedType));
    }
    if (fetch !== undefined && impliedType !== undefined) {
      const fetches = this.#fetches;
      add(
        fetch,
        unary((request, certificate) => fetches.answer(impliedType, request, certificate)),
      );
    }
    server.addService(definition, handlers);
  }

  #addLoadReports(server: Server): void {
    server.addService(serviceDefinition(loadReporting), {
      StreamLoadStats: (call: ServerDuplexStream<Buffer, Buffer>) =>
        this.#counted(call) && this.#loadReports.serve(call),
    });
  }

  #addHealth(server: Server, served: readonly string[]): void {
    const health = new Health(this.#board, served);
    this.#healths.push(health);
    server.addService(serviceDefinition(healthChecking), {
      Check: unary(request => health.check(request)),
      Watch: (call: ServerWritableStream<Buffer, Buffer>) => this.#counted(call) && health.watch(call),
    });
  }

  #addClientStatus(server: Server, views: ClientViews): void {
    const answers = new ClientStatusAnswers(this.#board, views);
    const answer = (request: Buffer, certificate: CertifiedNames | undefined): Promise<PacedAnswer> =>
      answers.answer(request, certificate);
    server.addService(serviceDefinition(clientStatusDiscovery), {
      FetchClientStatus: pacedUnary(answer),
      StreamClientStatus: (call: ServerDuplexStream<Buffer, Buffer>) =>
        this.#counted(call) &&
        this.#answerStreams.serve(
          call,
          request => answer(request, certificateOf(call)),
          ({ code, why }) => endCall(call, code, why),
        ),
    });
  }

  #addReflection(server: Server, service: string, served: readonly string[]): void {
    server.addService(serviceDefinition(service), {
      ServerReflectionInfo: (call: ServerDuplexStream<Buffer, Buffer>) =>
        this.#counted(call) &&
        this.#answerStreams.serve(call, guarded(reflectionAnswers(served)), ({ code, why }) =>
          endCall(call, code, why),
        ),
    });
  }

  #serve(call: Call, variant: Variant, impliedType: string | undefined): void {
    const settings = { streamId: ++this.#streamIds, variant, impliedType, nonceSalt: this.#salt };
    const left = this.#admit(call);
    if (!left) return;
    const port = {
      peer: peerOf(call),
      certificate: certificateOf(call),
      write: (outgoing: Outgoing, done: () => void) => void call.write(outgoing, done),
      end: (code: keyof typeof status, message: string) => endCall(call, code, message),
    };
    const stream = new StreamDriver(settings, port, this.#shared, this.#clients);
    const bucket = this.#throttle.bucket(call, () => this.#limited(tooFast(this.#settings.limits), settings.streamId));
    const close = (reason: string): void => {
      left();
      bucket.end();
      this.#streams.delete(stream);
      stream.close(reason);
    };
    call.on('data', (bytes: Buffer) => {
      bucket.take();
      stream.received(bytes);
    });
    call.on('end', () => stream.end('OK', 'the client ended the stream'));
    call.on('error', error => close(error.message));
    call.on('cancelled', () => close('the connection ended'));
    call.on('close', () => close('the stream ended'));
    this.#streams.add(stream);
    if (this.#closing) stream.end('UNAVAILABLE', 'the control plane is closing');
  }
}

/** Milliseconds that closing waits for streams, and then for connections; and between looks at the streams. */
const [closeLimit, closePoll] = [2_000, 20];

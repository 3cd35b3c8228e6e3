import { Buffer } from 'node:buffer';
import type { Board } from '../snapshot/board.ts';
import type { Unary } from './fetch.ts';
import type { RpcStream, StreamListener } from './rpc.ts';
import { eachField } from './wire.ts';

/** The standard health service of gRPC, for load balancers before several servers and for supervisors. */
export const healthChecking = 'grpc.health.v1.Health';

/** Values of `HealthCheckResponse.ServingStatus`. */
const SERVING = 1;
const NOT_SERVING = 2;
const SERVICE_UNKNOWN = 3;

/** SERVING from the first publication on (P19) until the server begins to close. */
export class Health {
  readonly #board: Board;
  readonly #services: ReadonlySet<string>;
  readonly #watches = new Set<() => void>();
  readonly #streams = new Set<RpcStream>();
  readonly #unsubscribe: () => void;
  #closing = false;

  /** @param services full names that may be asked for, beside the empty one that stands for the server. */
  constructor(board: Board, services: readonly string[]) {
    this.#board = board;
    this.#services = new Set(['', ...services]);
    this.#unsubscribe = board.subscribe(() => this.#tell());
  }

  check(request: Uint8Array): Unary<Buffer> {
    const service = serviceIn(request);
    if (service === undefined) return { kind: 'refused', code: 'INVALID_ARGUMENT', why: 'no HealthCheckRequest' };
    const status = this.#status(service);
    if (status === SERVICE_UNKNOWN) return { kind: 'refused', code: 'NOT_FOUND', why: `no service called ${service}` };
    return { kind: 'answer', message: reply(status) };
  }

  /** Tells the status that the request asks for, and whenever it changes, until the server closes. */
  watch(stream: RpcStream): StreamListener {
    let tell: (() => void) | undefined;
    return {
      received: request => {
        tell ??= this.#watch(stream, request);
      },
      finished: () => {},
      closed: () => {
        this.#streams.delete(stream);
        if (tell) this.#watches.delete(tell);
      },
    };
  }

  /** @returns what tells it. */
  #watch(stream: RpcStream, request: Uint8Array): () => void {
    const service = serviceIn(request);
    if (service === undefined || this.#closing) {
      stream.write(reply(service === undefined ? SERVICE_UNKNOWN : NOT_SERVING));
      stream.end('OK', '');
      return () => {};
    }
    let told: number | undefined;
    const tell = (): void => {
      const status = this.#status(service);
      if (status !== told) stream.write(reply(status));
      told = status;
    };
    this.#watches.add(tell);
    this.#streams.add(stream);
    tell();
    return tell;
  }

  /** From now on NOT_SERVING. */
  closing(): void {
    this.#closing = true;
    this.#tell();
  }

  /** Ends the watches. */
  close(): void {
    this.#unsubscribe();
    for (const stream of this.#streams) stream.end('OK', '');
    this.#streams.clear();
    this.#watches.clear();
  }

  #status(service: string): number {
    if (!this.#services.has(service)) return SERVICE_UNKNOWN;
    return this.#board.current && !this.#closing ? SERVING : NOT_SERVING;
  }

  #tell(): void {
    for (const tell of [...this.#watches]) tell();
  }
}

function reply(status: number): Buffer {
  return Buffer.from([1 << 3, status]);
}

/** `HealthCheckRequest.service`; undefined if the bytes are none. */
function serviceIn(bytes: Uint8Array): string | undefined {
  let service = '';
  try {
    eachField(bytes, (field, reader) => {
      if (field !== 1) return false;
      service = reader.string();
      return true;
    });
    return service;
  } catch {
    return undefined;
  }
}

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { freePort } from '../../test/support/ports.ts';

/** What a server is: how many requests it works on at a time, and for how long on each. */
export interface ServerModel {
  readonly name: string;
  /** Further requests wait in a queue. */
  readonly slots: number;
  /** Milliseconds of work. */
  readonly work: number;
  /** Items that its cache holds; what is not there takes ten times the work. Absent: it has no cache. */
  readonly cache?: number;
}

/** A server on loopback that takes time as its model says. A request for `/…/open` is answered by `release` only. */
export class ModelServer implements AsyncDisposable {
  readonly model: ServerModel;
  readonly address: string;
  readonly #port: number;
  readonly #waiting: (() => void)[] = [];
  readonly #open = new Set<ServerResponse>();
  /** Oldest use first. */
  readonly #cached = new Set<string>();
  #busy = 0;
  #server: Server | undefined;

  private constructor(model: ServerModel, port: number) {
    this.model = model;
    this.#port = port;
    this.address = `127.0.0.1:${port}`;
  }

  static async start(model: ServerModel): Promise<ModelServer> {
    const server = new ModelServer(model, await freePort());
    await server.listen();
    return server;
  }

  /** Streams that are open. */
  get open(): number {
    return this.#open.size;
  }

  /** Forgets what it has cached. */
  cool(): void {
    this.#cached.clear();
  }

  release(): void {
    for (const response of this.#open) response.end();
  }

  async listen(): Promise<void> {
    const made = createServer({ keepAliveTimeout: 600_000 }, (request, response) => this.#answer(request, response));
    await new Promise<void>(resolve => made.listen(this.#port, '127.0.0.1', resolve));
    this.#server = made;
  }

  /** Its streams end; nothing answers until `listen`. */
  async die(): Promise<void> {
    const closed = new Promise(resolve => this.#server?.close(resolve));
    this.#server?.closeAllConnections();
    this.#open.clear();
    await closed;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.die();
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    response.setHeader('x-backend', this.model.name);
    if (request.url?.endsWith('/open')) {
      this.#open.add(response);
      response.once('close', () => this.#open.delete(response));
      return;
    }
    const begin = () => {
      this.#busy += 1;
      const hit = this.#has(String(request.headers['x-item'] ?? ''));
      response.setHeader('x-hit', String(hit));
      setTimeout(() => this.#finish(response), this.model.work * (hit ? 1 : 10));
    };
    if (this.#busy < this.model.slots) begin();
    else this.#waiting.push(begin);
  }

  #finish(response: ServerResponse): void {
    response.end();
    this.#busy -= 1;
    this.#waiting.shift()?.();
  }

  #has(item: string): boolean {
    const { cache } = this.model;
    if (cache === undefined) return true;
    const hit = this.#cached.delete(item);
    this.#cached.add(item);
    const [oldest] = this.#cached;
    if (this.#cached.size > cache && oldest !== undefined) this.#cached.delete(oldest);
    return hit;
  }
}

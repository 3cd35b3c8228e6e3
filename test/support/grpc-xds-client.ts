import { Worker } from 'node:worker_threads';

/** What the thread is asked and replies. */
export interface Asked {
  readonly id: number;
  readonly target: string;
  readonly path: string;
}

export interface Replied {
  readonly id: number;
  readonly answer: string;
}

/**
 * A gRPC client of grpc-js that resolves `xds:///…` targets, in a thread of its own: it reads its bootstrap once in a
 * process, and has timers that outlive it.
 */
export class GrpcXdsClient implements AsyncDisposable {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, { resolve(answer: string): void; reject(error: Error): void }>();
  #calls = 0;

  /** @param server where the xDS server listens. */
  constructor(server: string, node: string) {
    const workerData = {
      xds_servers: [{ server_uri: server, channel_creds: [{ type: 'insecure' }], server_features: ['xds_v3'] }],
      node: { id: node, locality: {} },
    };
    this.#worker = new Worker(new URL('./grpc-xds-worker.ts', import.meta.url), { workerData });
    this.#worker.on('message', ({ id, answer }: Replied) => {
      this.#waiting.get(id)?.resolve(answer);
      this.#waiting.delete(id);
    });
    this.#worker.on('error', error => {
      for (const each of this.#waiting.values()) each.reject(error);
    });
  }

  /** Name of the backend that answers, or the words of the error. */
  call(target: string, path: string): Promise<string> {
    const id = ++this.#calls;
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve, reject });
      this.#worker.postMessage({ id, target, path } satisfies Asked);
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#worker.terminate();
  }
}

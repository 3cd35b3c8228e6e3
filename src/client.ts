import type { AnswerOf, Operation } from './admin/api/operation.ts';
import { type Asking, requestOf } from './admin/api/request.ts';
import type { ErrorReply } from './admin/api.ts';
import type { Send } from './cli/host.ts';

/**
 * A client of the admin API, typed by the declarations that the server reads requests by.
 *
 * @example
 * ```ts
 * import { AdminClient, resources } from 'switchyard/client';
 *
 * const client = new AdminClient({ url: 'http://127.0.0.1:18080', token });
 * const { body } = await client.call(resources.services.read, { params: { name: 'catalog' } });
 * ```
 */
export * from './admin/api.ts';

export interface AdminClientOptions {
  /** `http://127.0.0.1:18080`, `https://cp.internal:18080` or, in Node only, `unix:/run/switchyard.sock`. */
  readonly url: string;
  /** PEM, in Node only: authorities of the server's certificate in place of those that are known anyway. */
  readonly ca?: string;
  /** PEM, in Node only: the caller's own certificate and key. */
  readonly cert?: string;
  readonly key?: string;
  readonly token: string;
  /** Who makes changes. */
  readonly author?: string;
  /** Milliseconds for one call; 90 s unless said, which is longer than the server waits for acknowledgements. */
  readonly timeout?: number;
}

/** The API refused: what it said. */
export class AdminRefusal extends Error {
  readonly status: number;
  readonly problem: ErrorReply;
  constructor(status: number, problem: ErrorReply) {
    super(problem.detail);
    this.name = 'AdminRefusal';
    this.status = status;
    this.problem = problem;
  }
}

/** Calls a server. */
export class AdminClient {
  readonly #options: AdminClientOptions;

  constructor(options: AdminClientOptions) {
    this.#options = options;
  }

  /** @throws AdminRefusal for errors of the API, and fetch's own errors. */
  async call<O extends Operation>(operation: O, asking: Asking<O>, signal?: AbortSignal): Promise<AnswerOf<O>> {
    const { token, author, timeout = 90_000 } = this.#options;
    const { path, headers, ...request } = requestOf(operation, asking);
    const limit = AbortSignal.timeout(timeout);
    const response = await (await this.#reach())(path, {
      ...request,
      headers: {
        authorization: `Bearer ${token}`,
        ...(author === undefined ? {} : { 'x-switchyard-author': author }),
        ...headers,
      },
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
    });
    const text = await response.text();
    const body = text === '' ? undefined : (JSON.parse(text) as unknown);
    if (response.status >= 400) throw new AdminRefusal(response.status, body as ErrorReply);
    return { status: response.status, body } as AnswerOf<O>;
  }

  /** What only Node has is loaded only where it is needed. */
  async #reach(): Promise<Send> {
    const { url, ca, cert, key } = this.#options;
    const trust = {
      ...(ca !== undefined && { ca }),
      ...(cert !== undefined && { cert }),
      ...(key !== undefined && { key }),
    };
    if (!url.startsWith('unix:') && Object.keys(trust).length === 0)
      return (path, init) => fetch(`${url}${path}`, init);
    return (await import('./reach.ts')).reach({ url, ...trust });
  }
}

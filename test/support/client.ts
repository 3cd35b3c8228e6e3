import { Agent, type IncomingHttpHeaders, request } from 'node:http';
import type { Seen } from './backend.ts';
import type { Counts } from './statistics.ts';

/** An answer to a request of ours. */
export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** Name of the backend that answered; `-` when it was Envoy itself. */
  readonly by: string;
  /** What the backend saw. @throws when no backend answered. */
  seen(): Seen;
}

export interface Ask {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  /** The Host header. */
  readonly host?: string;
  readonly body?: string;
  /** IP address to call from; connections are not shared between such addresses. */
  readonly from?: string;
  /** IP address to call. */
  readonly to?: string;
  /** Milliseconds until we give up. */
  readonly patience?: number;
  /** A connection of its own, closed afterwards. */
  readonly fresh?: boolean;
  readonly signal?: AbortSignal;
}

const agent = new Agent({ keepAlive: true });

/** One HTTP/1.1 request on loopback. Rejects when the connection fails or no answer comes. */
export function ask(port: number, path = '/', options: Ask = {}): Promise<Answer> {
  const { method = 'GET', headers, host, body, from, to = '127.0.0.1', patience = 15_000, fresh, signal } = options;
  return new Promise((resolve, reject) => {
    const call = request(
      {
        host: to,
        port,
        path,
        method,
        headers: { ...(host === undefined ? {} : { host }), ...mutable(headers) },
        agent: fresh ? false : agent,
        ...(from === undefined ? {} : { localAddress: from }),
        ...(signal === undefined ? {} : { signal }),
      },
      response => {
        const chunks: Buffer[] = [];
        response.on('data', (chunk: Buffer) => chunks.push(chunk));
        response.on('error', reject);
        response.on('end', () => {
          clearTimeout(timer);
          resolve(answer(response.statusCode ?? 0, response.headers, Buffer.concat(chunks).toString()));
        });
      },
    );
    const timer = setTimeout(() => call.destroy(new Error(`no answer in ${patience} ms`)), patience);
    call.on('error', error => {
      clearTimeout(timer);
      reject(error);
    });
    call.end(body);
  });
}

function mutable(headers: Ask['headers'] = {}): Record<string, string | string[]> {
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => [name, typeof value === 'string' ? value : [...value]]),
  );
}

function answer(status: number, headers: IncomingHttpHeaders, text: string): Answer {
  const by = headers['x-backend'];
  return {
    status,
    headers,
    text,
    by: typeof by === 'string' ? by : '-',
    seen: () => JSON.parse(text) as Seen,
  };
}

/** How an answer counts in {@link askMany}: by the backend, or by the status where Envoy answered itself. */
const byBackend = (each: Answer) => (each.by === '-' ? String(each.status) : each.by);

/** Many requests, some at a time; how often each backend (or `key`) answered. Rejects with the first that fails. */
export async function askMany(
  count: number,
  one: (index: number) => Promise<Answer>,
  { parallel = 8, key = byBackend }: { readonly parallel?: number; readonly key?: (each: Answer) => string } = {},
): Promise<Counts> {
  const counts = new Map<string, number>();
  let begun = 0;
  const worker = async () => {
    while (begun < count) {
      const index = begun;
      begun += 1;
      const value = key(await one(index));
      counts.set(value, (counts.get(value) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: Math.min(parallel, count) }, worker));
  return counts;
}

import { createHash } from 'node:crypto';
import type { Context, MiddlewareHandler } from 'hono';
import { ApiError } from './problem-json.ts';

interface KeptAnswer {
  readonly request: string;
  readonly at: number;
  /** Undefined when the request was not carried out: it may be sent again. */
  readonly answer: Promise<Answered | undefined>;
  bytes: number;
}

interface Answered {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What is remembered at most; the oldest goes first. Times in milliseconds. */
const limits = { answers: 1000, bytes: 16 * 1024 * 1024, age: 24 * 60 * 60 * 1000, key: 200 };

/**
 * Writes with an `Idempotency-Key`: the same request with the same key is carried out once, and answered the same again,
 * also while the first is under way. Kept in memory, within bounds; requests that were refused are not remembered.
 */
export function idempotent(now: () => number = Date.now): MiddlewareHandler {
  const kept = new Map<string, KeptAnswer>();
  return async (context, next) => {
    const key = context.req.header('idempotency-key');
    if (key === undefined || context.req.method === 'GET') return next();
    if (key === '' || key.length > limits.key) {
      throw new ApiError(400, 'Invalid header', `Idempotency-Key must have 1 to ${limits.key} characters.`);
    }
    const caller = digest(context.req.header('authorization') ?? '', key);
    const request = digest(context.req.method, context.req.url, await context.req.text());
    const known = kept.get(caller);
    if (known && now() - known.at < limits.age) {
      if (known.request !== request) {
        throw new ApiError(409, 'Key used before', 'The Idempotency-Key was used with another request.', {
          hint: 'use a new key for each thing that is to be done once',
        });
      }
      const answer = await known.answer;
      if (answer) return replay(context, answer);
    }
    const { promise, resolve } = Promise.withResolvers<Answered | undefined>();
    const entry: KeptAnswer = { request, at: now(), answer: promise, bytes: 0 };
    kept.delete(caller);
    kept.set(caller, entry);
    let answered: Answered | undefined;
    try {
      await next();
      // What makes tokens does not say that it understands the header: its answer holds a secret.
      const understood = context.get('operation')?.headers?.['idempotency-key'] !== undefined;
      if (understood && context.res.status < 300) answered = await readAnswer(context);
    } finally {
      resolve(answered);
      if (answered) entry.bytes = answered.body.length;
      else if (kept.get(caller) === entry) kept.delete(caller);
      evict(kept);
    }
  };
}

function replay(context: Context, { status, headers, body }: Answered): Response {
  return context.body(body, status as 200, { ...headers, 'idempotency-replayed': 'true' });
}

async function readAnswer(context: Context): Promise<Answered> {
  const { status, headers } = context.res;
  const kept = ['content-type', 'etag', 'location'].flatMap(name => {
    const value = headers.get(name);
    return value === null ? [] : [[name, value] as const];
  });
  return { status, headers: Object.fromEntries(kept), body: await context.res.clone().text() };
}

function evict(kept: Map<string, KeptAnswer>): void {
  let bytes = 0;
  for (const each of kept.values()) bytes += each.bytes;
  for (const [key, each] of kept) {
    if (kept.size <= limits.answers && bytes <= limits.bytes) return;
    kept.delete(key);
    bytes -= each.bytes;
  }
}

/** Tokens and bodies are not kept, only what tells them apart. */
const digest = (...parts: readonly string[]): string =>
  createHash('sha256').update(JSON.stringify(parts)).digest('base64');

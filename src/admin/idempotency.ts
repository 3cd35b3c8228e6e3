import { createHash } from 'node:crypto';
import type { Context, MiddlewareHandler } from 'hono';
import type { KeptAnswer, Store } from '../store/store.ts';
import { ApiError } from './problem-json.ts';

interface Entry {
  readonly request: string;
  readonly at: number;
  /** Undefined when the request was not carried out: it may be sent again. */
  readonly answer: Promise<Answered | undefined>;
  bytes: number;
}

type Answered = Pick<KeptAnswer, 'status' | 'headers' | 'body'>;

export interface IdempotencyOptions {
  /** Milliseconds since the epoch. */
  readonly now?: (() => number) | undefined;
  /** Keeps answers over restarts. Absent: they are forgotten then. */
  readonly store?: Pick<Store, 'answers' | 'keepAnswer'> | undefined;
  /** Told when an answer could not be kept. */
  readonly report: (error: unknown) => void;
}

/** What is remembered at most; the oldest goes first. Times in milliseconds. */
const limits = { answers: 1000, bytes: 16 * 1024 * 1024, age: 24 * 60 * 60 * 1000, key: 200 };

/**
 * Writes with an `Idempotency-Key`: the same request with the same key is carried out once, and answered the same again,
 * also while the first is under way and after a restart. Kept within bounds, before they are answered (P3); requests that
 * were refused are not remembered.
 */
export function idempotent({ now = Date.now, store, report }: IdempotencyOptions): MiddlewareHandler {
  const kept = entriesOf(store?.answers() ?? []);
  /** Keys of answers that the store has and that are kept no longer. */
  let over = evict(kept);
  const keep = (key: string, { request, at }: Entry, answered: Answered): void => {
    if (!store) return;
    try {
      store.keepAnswer({ key, request, at, ...answered }, over);
      over = [];
    } catch (error) {
      // It was carried out and is known until a restart: that is more than an error would say.
      report(error);
    }
  };
  return async (context, next) => {
    const given = context.req.header('idempotency-key');
    if (given === undefined || context.req.method === 'GET') return next();
    if (given === '' || given.length > limits.key) {
      throw new ApiError(400, 'Invalid header', `Idempotency-Key must have 1 to ${limits.key} characters.`);
    }
    const key = digest(context.req.header('authorization') ?? '', given);
    const { pathname, search } = new URL(context.req.url);
    const body = new Uint8Array(await context.req.arrayBuffer());
    const request = digest(context.req.method, pathname + search, body);
    const live = (): Entry | undefined => {
      const known = kept.get(key);
      return known && now() - known.at < limits.age ? known : undefined;
    };
    // Of those that have waited for one which was refused, the first is carried out, and the others wait for that.
    for (let known = live(); known; known = live()) {
      if (known.request !== request) throw usedBefore();
      const answer = await known.answer;
      if (answer) return replay(context, answer);
    }
    const { promise, resolve } = Promise.withResolvers<Answered | undefined>();
    const entry: Entry = { request, at: now(), answer: promise, bytes: 0 };
    kept.delete(key);
    kept.set(key, entry);
    let answered: Answered | undefined;
    try {
      await next();
      // What makes tokens does not say that it understands the header: its answer holds a secret.
      const understood = context.get('operation')?.headers?.['idempotency-key'] !== undefined;
      if (understood && context.res.status < 300) answered = await readAnswer(context);
    } finally {
      if (answered) entry.bytes = answered.body.length;
      else if (kept.get(key) === entry) kept.delete(key);
      over = [...over, ...evict(kept)];
      if (answered) keep(key, entry, answered);
      resolve(answered);
    }
  };
}

/** In the order of their age. */
function entriesOf(answers: readonly KeptAnswer[]): Map<string, Entry> {
  const sorted = answers.toSorted((a, b) => a.at - b.at);
  return new Map(
    sorted.map(({ key, request, at, ...answered }) => {
      return [key, { request, at, answer: Promise.resolve(answered), bytes: answered.body.length }];
    }),
  );
}

function usedBefore(): ApiError {
  return new ApiError(409, 'Key used before', 'The Idempotency-Key was used with another request.', {
    hint: 'use a new key for each thing that is to be done once',
  });
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

/** @returns keys of those that are kept no longer. */
function evict(kept: Map<string, Entry>): readonly string[] {
  let bytes = 0;
  for (const each of kept.values()) bytes += each.bytes;
  const gone: string[] = [];
  for (const [key, each] of kept) {
    if (kept.size <= limits.answers && bytes <= limits.bytes) break;
    kept.delete(key);
    bytes -= each.bytes;
    gone.push(key);
  }
  return gone;
}

/** Tokens and bodies are not kept, only what tells them apart. */
const digest = (first: string, second: string, body = new Uint8Array()): string =>
  createHash('sha256')
    .update(JSON.stringify([first, second]))
    .update(body)
    .digest('base64');

import type { Context } from 'hono';
import { z } from 'zod';
import { didYouMean } from '../base/suggest.ts';
import {
  type AnswerOf,
  type BodyOf,
  isWriting,
  type Operation,
  type ParamsOf,
  type QueryOf,
  roleOf,
} from './api/operation.ts';
import { type Api, documented } from './document.ts';
import { readBody } from './input.ts';
import { ApiError } from './problem-json.ts';

export type { Api };

/** A request that was understood. */
export interface Asked<O extends Operation> {
  readonly context: Context;
  readonly params: ParamsOf<O>;
  readonly query: QueryOf<O>;
  readonly body: BodyOf<O>;
}

/** What a handler gives: an answer as it is declared, or, where that is not JSON, the response itself. */
type Given<O extends Operation> = (AnswerOf<O> & { readonly headers?: Headers }) | Response;

type Headers = Readonly<Record<string, string>>;

/**
 * Answers an operation, and puts it into the document. The handler is called with what the request says, read by the
 * schemas of the declaration; what they do not take is refused before. Errors are thrown as {@link ApiError}.
 */
export function serve<O extends Operation>(
  api: Api,
  operation: O,
  handle: (asked: Asked<O>) => Given<O> | Promise<Given<O>>,
): void {
  api.openAPIRegistry.registerPath(documented(operation));
  api.on([operation.method.toUpperCase()], [routedPath(operation)], async context => {
    context.set('operation', operation);
    passGate(context, operation);
    const query = readQuery(context, operation) as QueryOf<O>;
    refuseDryRun(context, operation);
    context.set('dryRun', (query as { readonly dryRun?: boolean }).dryRun === true);
    const body = (operation.body && (await readBody(context, operation.body))) as BodyOf<O>;
    const given = await handle({ context, params: context.req.param() as ParamsOf<O>, query, body });
    if (given instanceof Response) return given;
    return context.json(given.body as object, given.status as 200, given.headers);
  });
}

/** `/proxies/{id}/retry` → `/proxies/:id/retry`. */
function routedPath({ path, slashes }: Operation): string {
  const routed = path.replaceAll(/\{(\w+)\}/g, ':$1');
  return slashes ? `${routed}{.+}` : routed;
}

/** @throws ApiError 400 that names the parameter and what it says. */
function readQuery(context: Context, { query }: Operation): unknown {
  if (!query) return {};
  const given = context.req.query();
  const result = z.object(query).safeParse(given);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const name = String(issue?.path[0]);
  const text = given[name];
  const choices = issue?.code === 'invalid_value' ? issue.values.filter(each => each !== '').map(String) : [];
  const what = text === undefined ? `${name} is missing.` : `${name}="${text}" ${issue?.message}.`;
  throw new ApiError(400, 'Invalid query', what, {
    hint: choices.length === 0 ? undefined : (didYouMean(text ?? '', choices) ?? `one of ${choices.join(', ')}`),
  });
}

/** A handler that stands before authentication serves nobody, unless all are meant. @throws ApiError 403 */
function passGate(context: Context, operation: Operation): void {
  const gate = context.get('gate');
  if (gate) gate(operation);
  else if (roleOf(operation) !== 'none') throw new Error(`${operation.id} is served without authentication`);
}

/** What is not understood must not be done in earnest. @throws ApiError 400 */
function refuseDryRun(context: Context, operation: Operation): void {
  if (!isWriting(operation) || context.req.query('dryRun') === undefined || 'dryRun' in (operation.query ?? {})) return;
  throw new ApiError(400, 'Invalid query', 'This cannot be rehearsed: it does not change what proxies hold.', {
    hint: 'nothing was done; leave out dryRun to do it',
  });
}

/** An answer in JSON. */
export function answer<const Status extends number, const Body>(status: Status, body: Body, headers: Headers = {}) {
  return { status, body, headers } as const;
}

import type { Context } from 'hono';
import type { z } from 'zod';
import type { WriteOptions } from '../control/control.ts';
import { ApiError } from './problem-json.ts';

/** The body, checked. @throws ApiError 400, 415 or 422 that says what is wrong with it. */
export async function readBody<S extends z.ZodType>(context: Context, schema: S): Promise<z.output<S>> {
  const type = context.req.header('content-type') ?? '';
  if (!/^application\/(json|merge-patch\+json)\s*(;|$)/i.test(type)) {
    throw new ApiError(415, 'Unsupported media type', 'The body must be application/json.');
  }
  const encoding = context.req.header('content-encoding') ?? 'identity';
  if (encoding.toLowerCase() !== 'identity') {
    throw new ApiError(415, 'Unsupported media type', 'The body must not be compressed.');
  }
  let value: unknown;
  try {
    value = JSON.parse(await context.req.text());
  } catch (error) {
    throw new ApiError(400, 'Invalid JSON', `The body is not JSON: ${(error as Error).message}`);
  }
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const details = result.error.issues.map(issue => `${issue.path.join('.') || 'body'}: ${issue.message}`);
  throw new ApiError(422, 'Invalid body', details.join('; '));
}

/** What is to happen although everything is frozen. */
export function readLevers({ query }: { readonly query: { readonly duringFreeze?: boolean } }): WriteOptions {
  return query.duringFreeze ? { duringFreeze: true } : {};
}

const longestName = 200;

/**
 * Who makes the change: the token's name, for the first admin what the header `x-switchyard-author` says; and `?reason=`.
 */
export function readAuthorship({
  context,
  query,
}: {
  readonly context: Context;
  readonly query: { readonly reason?: string };
}): { readonly by: string; readonly reason?: string } {
  const caller = context.get('caller');
  const claimed = context.req.header('x-switchyard-author') ?? 'admin API';
  const by = caller.id === '' ? claimed.slice(0, longestName) : caller.name;
  return { by, ...(query.reason === undefined ? {} : { reason: query.reason }) };
}

import type { Context } from 'hono';
import type { z } from 'zod';
import { parseDuration } from '../base/units.ts';
import { ApiError } from './problem-json.ts';

/** The body, checked. @throws ApiError 400, 415 or 422 that says what is wrong with it. */
export async function readBody<S extends z.ZodType>(context: Context, schema: S): Promise<z.output<S>> {
  const type = context.req.header('content-type') ?? '';
  if (!/^application\/(json|merge-patch\+json)\s*(;|$)/i.test(type)) {
    throw new ApiError(415, 'Unsupported media type', 'The body must be application/json.');
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

const longestWait = 60_000;

/** `?wait=acked&timeout=5s` → milliseconds to wait; undefined when not asked for. @throws ApiError 400. */
export function readWait(context: Context): number | undefined {
  const wait = context.req.query('wait');
  const timeoutText = context.req.query('timeout');
  if (wait === undefined) return undefined;
  if (wait !== 'acked')
    throw new ApiError(400, 'Invalid query', `wait="${wait}" is unknown.`, { hint: 'use wait=acked' });
  const timeout = timeoutText === undefined ? 5000 : parseDuration(timeoutText);
  if (timeout === undefined || timeout > longestWait) {
    throw new ApiError(400, 'Invalid query', `timeout="${timeoutText}" is not a duration up to 60s.`, {
      hint: 'e.g. 5s',
    });
  }
  return timeout;
}

/** `?force`, `?force=true` or `?force=false`. @throws ApiError 400. */
export function readFlag(context: Context, name: string): boolean {
  const text = context.req.query(name);
  if (text === undefined || text === 'false') return false;
  if (text === '' || text === 'true') return true;
  throw new ApiError(400, 'Invalid query', `${name}="${text}" is neither true nor false.`);
}

const longestName = 200;

/** Who makes the change, by the header `x-switchyard-author`; and `?reason=`. */
export function readAuthorship(context: Context): { readonly by: string; readonly reason?: string } {
  const by = (context.req.header('x-switchyard-author') ?? 'admin API').slice(0, longestName);
  const reason = context.req.query('reason')?.slice(0, longestName);
  return reason === undefined ? { by } : { by, reason };
}

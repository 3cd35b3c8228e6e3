import type { MiddlewareHandler } from 'hono';
import { isWrite } from './access.ts';
import type { AdminDependencies } from './dependencies.ts';
import { peerOf } from './peer.ts';

const methods = new Set(['GET', 'HEAD', 'PUT', 'POST', 'PATCH', 'DELETE', 'OPTIONS']);

/** Measures every request, and says in the log what became of it: of writes always, of others when asked for details. */
export function measured({ log, meters }: Pick<AdminDependencies, 'log' | 'meters'>): MiddlewareHandler {
  return async (context, next) => {
    const began = performance.now();
    await next();
    const { method, path } = context.req;
    const { status, headers } = context.res;
    const ms = performance.now() - began;
    const stream = headers.get('content-type')?.startsWith('text/event-stream') ?? false;
    // Callers may invent methods, and each would be a series of its own.
    const known = methods.has(method) ? method : 'other';
    if (!stream) meters.requests.observe({ method: known, status: String(status) }, ms / 1000);
    const who = context.get('caller')?.name;
    const about = {
      request: context.get('requestId'),
      method,
      path,
      status,
      ms: Math.round(ms),
      from: peerOf(context),
      who,
    };
    log[isWrite(context) ? 'info' : 'debug'](about, 'admin request');
  };
}

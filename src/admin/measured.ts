import type { MiddlewareHandler } from 'hono';
import { isWrite } from './access.ts';
import type { AdminDependencies, TraceRequest } from './dependencies.ts';
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

/** Requests that are asked for again and again, to no effect. */
const regular = new Set(['/healthz', '/readyz', '/metrics']);

/** Puts every request into a trace: that of the caller, if it says one. */
export function traced(trace: TraceRequest): MiddlewareHandler {
  return async (context, next) => {
    if (regular.has(context.req.path)) return next();
    const method = methods.has(context.req.method) ? context.req.method : 'other';
    const about = { method, traceparent: context.req.header('traceparent'), request: context.get('requestId') };
    await trace(about, async () => {
      await next();
      return { route: context.get('operation')?.path, status: context.res.status };
    });
  };
}

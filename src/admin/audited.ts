import type { Context, MiddlewareHandler } from 'hono';
import type { AuditContent, AuditLog, AuditResult } from '../access/audit-log.ts';
import { RateLimit } from '../access/rate-limit.ts';
import { isWrite } from './access.ts';
import type { AdminDependencies } from './dependencies.ts';
import { peerOf } from './peer.ts';

/** What of a query is written down; of other parameters only that they were there. */
const shown = new Set([
  'force',
  'wait',
  'timeout',
  'takeOver',
  'allowShrink',
  'duringFreeze',
  'fleet',
  'service',
  'limit',
]);

/** Entries about what was not done: of one caller or peer, and of all. Beyond it they are counted. */
const rates = { one: { burst: 50, perSecond: 1 }, all: { burst: 500, perSecond: 10 } };

/**
 * Writes down every write and every refusal when it has been answered, so that its result is known. Whoever is refused
 * again and again does not thereby push out what others have done: beyond a rate, refusals are counted.
 */
export function audited(audit: AuditLog, { control }: Pick<AdminDependencies, 'control'>): MiddlewareHandler {
  const one = new RateLimit(rates.one);
  const all = new RateLimit(rates.all);
  let untold = 0;
  return async (context, next) => {
    await next();
    const { status } = context.res;
    const result = resultOf(context, status);
    if (result === undefined) return;
    const caller = context.get('caller');
    const now = performance.now();
    if (result !== 'done' && (one.take(caller?.name ?? peerOf(context), now) || all.take('', now)) > 0) {
      untold += 1;
      return;
    }
    audit.add({
      ...whoOf(context),
      from: peerOf(context),
      what: `${context.req.method} ${context.req.path}${queryOf(context)}`,
      result,
      status,
      ...detailOf(context),
      ...(control.accepted ? { revision: control.accepted.revision.number } : {}),
      request: context.get('requestId'),
      ...(untold > 0 ? { untold } : {}),
    });
    untold = 0;
  };
}

/** Undefined: it is not written down. */
function resultOf(context: Context, status: number): AuditResult | undefined {
  if (context.get('refusal') !== undefined) return context.get('caller') ? 'refused' : 'unauthenticated';
  if (!isWrite(context) || context.get('dryRun')) return undefined;
  if (status < 400) return 'done';
  return status < 500 ? 'refused' : 'failed';
}

function whoOf(context: Context): Pick<AuditContent, 'who' | 'role' | 'claims'> {
  const caller = context.get('caller');
  const claims = context.req.header('x-switchyard-author');
  return {
    who: caller?.name ?? '',
    ...(caller ? { role: caller.role } : {}),
    // Whoever bears no good token may say what he likes; nothing of it is kept.
    ...(caller && claims !== undefined ? { claims } : {}),
  };
}

function queryOf(context: Context): string {
  const given = Object.entries(context.req.query()).filter(([name]) => name !== 'reason');
  const parts = given.map(([name, value]) =>
    shown.has(name) ? `${name}=${encodeURIComponent(value)}` : encodeURIComponent(name),
  );
  return parts.length === 0 ? '' : `?${parts.join('&')}`;
}

function detailOf(context: Context): Pick<AuditContent, 'detail' | 'reason'> {
  const reason = context.get('caller') && context.req.query('reason');
  const detail = context.get('refusal') ?? context.error?.message;
  return { ...(detail === undefined ? {} : { detail }), ...(reason ? { reason } : {}) };
}

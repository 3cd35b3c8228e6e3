import type { Context, MiddlewareHandler } from 'hono';
import { atLeast, type Caller, mayFleet, type ScopeKind } from '../access/caller.ts';
import { RateLimit } from '../access/rate-limit.ts';
import { holderOf, type Subject } from '../control/effect.ts';
import { fleetOf } from '../fleet/proxy.ts';
import { isWriting, type Operation, roleOf } from './api/operation.ts';
import type { AdminDependencies } from './dependencies.ts';
import { peerOf } from './peer.ts';
import { ApiError } from './problem-json.ts';
import type { RefusalReason, Refusals } from './refusals.ts';

declare module 'hono' {
  interface ContextVariableMap {
    /** Set once the token is known to be good. */
    caller: Caller;
    /** Why the request was refused, for metrics. */
    refusal: RefusalReason;
    requestId: string;
    /** What is asked for, once that is known. */
    operation: Operation;
    /** Nothing is to be changed. */
    dryRun: boolean;
    /** Lets pass what the caller may do. @throws ApiError 403. */
    gate: (operation: Operation) => void;
  }
}

/** What one caller may ask, and how often somebody may be wrong. In tokens of one request. */
export const usualRates = {
  caller: { burst: 2000, perSecond: 400 },
  wrongOfPeer: { burst: 50, perSecond: 1 },
  wrongOfAll: { burst: 200, perSecond: 10 },
};

/**
 * Lets requests with a good token pass (P28: also on loopback), as often as its bearer may ask. Whoever is wrong again and
 * again is answered 429; a good token is let in all the same, so that nobody can shut others out.
 */
export function authenticated(dependencies: AdminDependencies, rates = usualRates): MiddlewareHandler {
  const { tokens, refusals } = dependencies;
  const ofCaller = new RateLimit(rates.caller);
  const ofPeer = new RateLimit(rates.wrongOfPeer);
  const ofAll = new RateLimit(rates.wrongOfAll);
  return async (context, next) => {
    const given = /^Bearer +(\S+)$/i.exec(context.req.header('authorization') ?? '')?.[1];
    const verdict = given === undefined ? undefined : tokens.verify(given);
    const now = performance.now();
    if (verdict?.kind !== 'good') {
      const wait = ofPeer.take(peerOf(context), now) || ofAll.take('', now);
      if (wait > 0) throw tooMany(context, refusals, 'wrong_too_often', wait);
      refusals.add(context, given === undefined ? 'no_token' : verdict?.kind === 'expired' ? 'expired' : 'wrong_token');
      throw notAuthorised(context, given === undefined ? undefined : verdict?.kind);
    }
    const wait = ofCaller.take(verdict.caller.id, now);
    context.set('caller', verdict.caller);
    if (wait > 0) throw tooMany(context, refusals, 'too_often', wait);
    context.set('gate', operation => authorise(context, operation, dependencies));
    await next();
  };
}

function notAuthorised(context: Context, kind: 'expired' | 'unknown' | undefined | 'good'): ApiError {
  context.header('www-authenticate', 'Bearer realm="switchyard"');
  const detail =
    kind === undefined
      ? 'The request bears no token.'
      : kind === 'expired'
        ? 'The token has expired.'
        : 'The token is wrong.';
  return new ApiError(401, 'Not authorised', detail, {
    hint:
      'Send "Authorization: Bearer TOKEN"; the first one stands in the file admin-token of the server\'s data directory, ' +
      'and "switchyard token create" makes others.',
  });
}

function tooMany(context: Context, refusals: Refusals, reason: RefusalReason, wait: number): ApiError {
  const seconds = Math.ceil(wait / 1000);
  context.header('retry-after', String(seconds));
  refusals.add(context, reason);
  return new ApiError(429, 'Too many requests', 'There were too many requests of late.', {
    hint: `try again in ${seconds} s`,
  });
}

/** Whether a request can change something. */
export function isWrite(context: Context): boolean {
  const operation = context.get('operation');
  if (operation) return isWriting(operation);
  return !['GET', 'HEAD', 'OPTIONS'].includes(context.req.method);
}

/** @throws ApiError 403 for what the role or the scope of the caller's token does not allow. */
function authorise(context: Context, operation: Operation, dependencies: AdminDependencies): void {
  const caller = context.get('caller');
  const needed = roleOf(operation);
  const refuse = (reason: 'role' | 'scope', detail: string, hint: string): never => {
    dependencies.refusals.add(context, reason);
    throw new ApiError(403, 'Not allowed', detail, { hint });
  };
  if (needed !== 'none' && !atLeast(caller.role, needed)) {
    const hint = `"switchyard token create NAME --role ${needed}" makes one that may`;
    refuse('role', `This needs the role ${needed}, and the token "${caller.name}" is of a ${caller.role}.`, hint);
  }
  const why = isWrite(context) ? outOfScope(context, caller, dependencies) : hiddenFleet(context, caller, operation);
  if (why !== undefined) refuse('scope', `${why}; the token "${caller.name}" is not made for it.`, scopeText(caller));
}

function scopeText({ fleets, kinds }: Caller): string {
  const parts = [
    ...(fleets ? [`the fleets ${fleets.join(', ')}`] : []),
    ...(kinds ? [`the kinds ${kinds.join(', ')}`] : []),
  ];
  return `it is confined to ${parts.join(' and ')}`;
}

function partsOf({ req }: Context): readonly string[] {
  return req.path
    .replace(/^\/api\/v1\//, '')
    .split('/')
    .map(decoded);
}

/** A fleet of which a caller may not read. */
function hiddenFleet(context: Context, caller: Caller, { ofAllFleets }: Operation): string | undefined {
  if (ofAllFleets && caller.fleets) return 'That is of all fleets, and takes a token made without --fleet';
  const [first, name = ''] = partsOf(context);
  if (first !== 'fleets' || name === '' || mayFleet(caller, name)) return undefined;
  return `That is of fleet "${name}"`;
}

/** What of a write a caller's token is not made for. What is not known to be inside is outside. */
function outOfScope(context: Context, caller: Caller, dependencies: AdminDependencies): string | undefined {
  if (caller.fleets === undefined && caller.kinds === undefined) return undefined;
  const parts = partsOf(context);
  const kind = kindOf(parts);
  if (caller.kinds && (kind === undefined || !caller.kinds.includes(kind))) {
    return kind === undefined ? 'That is of no kind that a token can be made for' : `That is of the kind ${kind}`;
  }
  if (!caller.fleets) return undefined;
  const touched = fleetsTouched(parts, dependencies);
  if (touched === undefined) return 'That is of all fleets';
  if (touched.length === 0) return 'No fleet holds that';
  const foreign = touched.find(key => !mayFleet(caller, key));
  return foreign === undefined ? undefined : `That changes what fleet "${foreign}" holds`;
}

function kindOf([first]: readonly string[]): ScopeKind | undefined {
  if (first === 'proxies' || first === 'quarantines') return 'fleets';
  return first === 'services' || first === 'routes' || first === 'gateways' || first === 'fleets' ? first : undefined;
}

/** Keys of the fleets that an operational change touches; undefined for what concerns all, as the declared policy does. */
function fleetsTouched(parts: readonly string[], dependencies: AdminDependencies): readonly string[] | undefined {
  const [first, name = '', third, rule = ''] = parts;
  if (first === 'quarantines') return [name];
  if (first === 'proxies') return proxyFleets(name, dependencies);
  const subject = subjectOf(first, name, third, rule);
  if (!subject) return undefined;
  return dependencies.control.accepted?.fleets.filter(holderOf(subject)).map(each => each.key) ?? [];
}

function proxyFleets(id: string, { fleet }: AdminDependencies): readonly string[] {
  return fleet.proxies().flatMap(each => (each.node.id === id ? [fleetOf(each) ?? ''] : []));
}

function subjectOf(
  first: string | undefined,
  name: string,
  third: string | undefined,
  rule: string,
): Subject | undefined {
  if (first === 'services' && (third === 'endpoints' || third === 'weights'))
    return { kind: 'endpoint', service: name };
  if (first === 'services' && third === 'maintenance') return { kind: 'maintenance', of: 'service', name };
  if (first === 'routes' && third === 'maintenance') return { kind: 'maintenance', of: 'route', name };
  if (first === 'routes' && third === 'rules') return { kind: 'shift', route: name, rule };
  return undefined;
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

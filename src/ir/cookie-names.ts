import type { Rule } from '../policy/route.ts';
import { sortedUnique } from './order.ts';

/** With one cookie for all, each request that a split sends to another version would end the session with the last one. */
export function sessionCookieName(name: string, version: string | undefined): string {
  return version === undefined ? name : `${name}-${version}`;
}

/**
 * The cookie by which the callers of a rule stay with its destinations: named in the rule, or by the service, so that
 * rules for the same service agree. Undefined without such a cookie, or where several services leave it without a name.
 */
export function stickyCookieName({ sticky, to = [] }: Rule): string | undefined {
  if (!sticky?.cookie) return undefined;
  if (sticky.cookie.name !== undefined) return sticky.cookie.name;
  const [only, ...others] = sortedUnique(to.map(({ service }) => service));
  return only === undefined || others.length > 0 ? undefined : `${only}-version`;
}

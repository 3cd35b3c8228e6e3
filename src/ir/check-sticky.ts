import { isDeepStrictEqual } from 'node:util';
import { type PolicyPath, type Problem, problem } from '../base/problem.ts';
import { destinationKey } from '../policy/destination.ts';
import type { Policy } from '../policy/kinds.ts';
import type { Route, Rule } from '../policy/route.ts';
import { pathsOverlap } from './check-sessions.ts';
import { sessionCookieName, stickyCookieName } from './cookie-names.ts';
import { servicesNamedBehind } from './fallback.ts';
import { lookup, sortedUnique } from './order.ts';
import { reachedBy } from './rules.ts';

/** What is wrong with `sticky` in one rule. */
export function checkSticky(policy: Policy, rule: Rule, path: PolicyPath): readonly Problem[] {
  const { sticky, responseHeaders } = rule;
  if (!sticky) return [];
  if (sticky.hashBy) return checkHash(policy, rule, sticky.hashBy, path);
  if (sticky.cookie && stickyCookieName(rule) === undefined) {
    const message = 'The rule splits between several services, none of which can give the cookie its name.';
    const hint = 'name it: sticky: { cookie: { name: shop-version } }';
    return [problem('route.sticky_unnamed', [...path, 'sticky'], message, hint)];
  }
  const header = sticky.header?.name ?? 'set-cookie';
  const change = changeOf(responseHeaders, header, sticky.header ? ['set', 'add'] : ['set']);
  if (!change) return [];
  const message = `This changes the header "${header}", by which callers are told where to stay.`;
  const hint = sticky.header ? 'leave that header alone, or name another in sticky' : 'use responseHeaders.add';
  return [problem('route.sticky_conflict', [...path, 'responseHeaders', ...change], message, hint)];
}

type HashBy = NonNullable<NonNullable<Rule['sticky']>['hashBy']>;

/**
 * Hashes are divided into one part for each destination. Of two parts only the boundary moves; with a third between them
 * a part moves as a whole. And a route has one hash, for the choice of the destination and that of an endpoint.
 */
function checkHash(policy: Policy, { to = [] }: Rule, hashBy: HashBy, path: PolicyPath): readonly Problem[] {
  if (to.length > 2) {
    const message = `A hash keeps callers between two destinations only; here are ${to.length}, and a change of weights would move callers of those in between.`;
    const hint = 'take sticky: cookie, or sticky: { header: … }, which hold for any number';
    return [problem('route.sticky_hash_destinations', [...path, 'to'], message, hint)];
  }
  return servicesNamedBehind(policy, to).flatMap(name => {
    const loadBalancing = lookup(policy.services, name)?.loadBalancing;
    if (!loadBalancing || !('hashBy' in loadBalancing)) return [];
    if (isDeepStrictEqual(identity(loadBalancing.hashBy), identity(hashBy))) return [];
    const message = `The service "${name}" chooses endpoints by another hash than this rule its destinations, and a request has only one.`;
    const hint = `give services.${name}.loadBalancing.hashBy the same parts, each but the last with terminal: true and cookies without ttl; or take sticky: cookie`;
    return [problem('route.sticky_hash_conflict', [...path, 'sticky', 'hashBy'], message, hint)];
  });
}

/** What a hash is made of, without what makes no difference; parts of `sticky` always end the search. */
function identity(hashBy: readonly (HashBy[number] & { readonly terminal?: boolean })[]): readonly unknown[] {
  return hashBy.map(({ header, cookie, query, sourceIp, terminal = true }, index) => ({
    header,
    cookie: cookie && Object.fromEntries(Object.entries(cookie).filter(([key]) => key === 'name' || key === 'ttl')),
    query,
    sourceIp,
    terminal: terminal || index === hashBy.length - 1,
  }));
}

/** Where the changes to headers hold one of the header. */
function changeOf(changes: Rule['responseHeaders'], header: string, kinds: readonly ('set' | 'add')[]) {
  const kind = kinds.find(each => Object.hasOwn(changes?.[each] ?? {}, header));
  if (kind) return [kind, header];
  const removed = changes?.remove.indexOf(header) ?? -1;
  return removed < 0 ? undefined : ['remove', removed];
}

/** A cookie or header by which the callers of a rule are kept. */
interface Kept {
  readonly name: string;
  readonly kind: 'cookie' | 'header';
  /** Of a cookie. */
  readonly path: string;
  /** What the answers of two rules may differ in without harm to each other. */
  readonly meaning: string;
  /** Whose it is, for a message. */
  readonly whose: string;
}

/** Rules of a route by whose answers callers forget what those of others told them. */
export function checkStickyClashes(policy: Policy, route: Route, path: PolicyPath): readonly Problem[] {
  const sessions = route.rules.flatMap(rule => sessionsOf(policy, rule));
  const seen: Kept[] = [];
  return route.rules.flatMap((rule, index) => {
    const own = stickyOf(rule, index);
    if (!own) return [];
    const clash = [...seen, ...sessions].find(other => clashes(own, other));
    seen.push(own);
    if (!clash) return [];
    const message = `The ${own.kind} "${own.name}" is that of ${clash.whose} too, which means something else by it: each makes callers forget the other's.`;
    const hint = `give this rule a ${own.kind} of its own, or both the same destinations`;
    return [problem('route.sticky_clash', [...path, 'rules', index, 'sticky'], message, hint)];
  });
}

function clashes(one: Kept, other: Kept): boolean {
  return (
    one.kind === other.kind &&
    one.name === other.name &&
    one.meaning !== other.meaning &&
    pathsOverlap(one.path, other.path)
  );
}

function stickyOf(rule: Rule, index: number): Kept | undefined {
  const { sticky, to = [] } = rule;
  const name = sticky?.header?.name ?? stickyCookieName(rule);
  if (!sticky || name === undefined) return undefined;
  return {
    name,
    kind: sticky.header ? 'header' : 'cookie',
    path: sticky.cookie?.path ?? '/',
    meaning: sortedUnique(to.map(destinationKey)).join(' '),
    whose: rule.name === undefined ? `rule number ${index + 1}` : `the rule "${rule.name}"`,
  };
}

function sessionsOf(policy: Policy, rule: Rule): readonly Kept[] {
  return reachedBy(policy, rule.to ?? []).flatMap(({ destination, service }): readonly Kept[] => {
    const { cookie, header } = service.sessions ?? {};
    const shared = { meaning: 'an endpoint', whose: `the sessions of "${destination.service}"` };
    if (header) return [{ ...shared, kind: 'header', name: header.name, path: '/' }];
    if (!cookie) return [];
    return [
      { ...shared, kind: 'cookie', name: sessionCookieName(cookie.name, destination.version), path: cookie.path },
    ];
  });
}

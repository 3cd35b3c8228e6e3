import type { HeaderValueOption } from '../../proto/gen/envoy.config.core.v3.ts';
import { compareText } from '../base/compare.ts';
import { stickyCookieName } from '../ir/cookie-names.ts';
import type { RuleIr, WeightedClusterIr } from '../ir/ir.ts';
import type { Rule } from '../policy/route.ts';
import type { Conditions } from './route-match.ts';
import { sharesOf } from './shares.ts';
import { cookieMatcher, headerMatcher } from './text-match.ts';

/** A part of a rule's requests, and the destinations that it is for. */
export interface Share {
  readonly conditions: Conditions;
  readonly to: readonly WeightedClusterIr[];
  /** How the answer of a destination tells the caller where to stay; absent where there is nothing to tell. */
  readonly mark?: (to: WeightedClusterIr) => HeaderValueOption;
  /** The hash of a request chooses among the destinations, in their order; absent: chance does. */
  readonly hashed?: true;
}

/** Where the name of a destination travels. */
interface Bearer {
  names(destination: string): Conditions;
  namesOtherThan(destination: string): Conditions;
  mark(to: WeightedClusterIr): HeaderValueOption;
}

/**
 * A rule's requests in shares, of which the first that fits counts. Without `sticky` there is one for all.
 *
 * A destination holds its callers while it has a weight. While there is only one with a weight, there is nothing to
 * choose: nobody is bound to it, so that the next split begins with everyone; but who was elsewhere is, or the
 * destination that was taken back would find all of its callers again.
 */
export function shares({ rule, action }: RuleIr): readonly Share[] {
  const to = action.kind === 'forward' ? action.to : [];
  if (rule.sticky?.hashBy && to.length > 1) return [hashedShare(to)];
  const all = { conditions: {}, to };
  const bearer = bearerOf(rule);
  if (!bearer) return [all];
  const { mark } = bearer;
  const offered = to.filter(({ weight }) => weight > 0);
  const [only, ...others] = offered;
  if (!only) return [all];
  if (others.length === 0) return [{ conditions: bearer.namesOtherThan(only.destination), to: [only], mark }, all];
  return [...offered.map(each => ({ conditions: bearer.names(each.destination), to: [each] })), { ...all, mark }];
}

/** Envoy divides a hash by the sum of all weights. If the sum changed with a weight, every caller would be drawn anew. */
const hashTotal = 10_000;

/**
 * One share, whose destinations have one order whatever the policy's, and weights of one sum: the first has the hashes
 * from 0 to its weight, and the second the rest, so that only the callers between an old weight and a new one move.
 */
function hashedShare(to: readonly WeightedClusterIr[]): Share {
  const ordered = to.toSorted((a, b) => compareText(a.destination, b.destination));
  const shares = sharesOf(
    ordered.map(each => each.weight),
    hashTotal,
  );
  return { conditions: {}, to: ordered.map((each, index) => ({ ...each, weight: shares[index] ?? 0 })), hashed: true };
}

function bearerOf(rule: Rule): Bearer | undefined {
  if (rule.sticky?.header) return inHeader(rule.sticky.header.name);
  if (!rule.sticky?.cookie) return undefined;
  const name = stickyCookieName(rule);
  if (name === undefined) throw new Error('a rule with several services and no name for its cookie must be refused');
  return inCookie(name, rule.sticky.cookie);
}

function inHeader(name: string): Bearer {
  const equals = (exact: string, not = false) => headerMatcher(name, { exact, not });
  return {
    names: destination => ({ headers: [equals(destination)] }),
    namesOtherThan: destination => ({
      headers: [headerMatcher(name, { present: true, not: false }), equals(destination, true)],
    }),
    mark: ({ destination }) => ({
      header: { key: name, value: unlessFailed(destination) },
      append_action: 'OVERWRITE_IF_EXISTS_OR_ADD',
    }),
  };
}

const siteWords = { lax: 'Lax', strict: 'Strict', none: 'None' } as const;

type StickyCookie = NonNullable<NonNullable<Rule['sticky']>['cookie']>;

function inCookie(name: string, { ttl, path, secure, sameSite }: StickyCookie): Bearer {
  const equals = (exact: string, not = false) => cookieMatcher(name, { exact, not });
  const age = ttl > 0 ? `; Max-Age=${Math.floor(ttl / 1000)}` : '';
  const attributes = `; Path=${path}${age}; HttpOnly; SameSite=${siteWords[sameSite]}${secure ? '; Secure' : ''}`;
  return {
    names: destination => ({ cookies: [equals(destination)] }),
    namesOtherThan: destination => ({
      cookies: [cookieMatcher(name, { present: true, not: false }), equals(destination, true)],
    }),
    mark: ({ destination }) => ({
      header: { key: 'set-cookie', value: unlessFailed(`${name}=${destination}${attributes}`) },
      append_action: 'APPEND_IF_EXISTS_OR_ADD',
    }),
  };
}

/**
 * The value of a header, which is left out where it is empty: an answer that failed, Envoy's own among them, must not
 * bind a caller to a destination that is broken. The schema keeps what would end the text, or the expression, out of it.
 */
function unlessFailed(text: string): string {
  return `%CEL(response.code < 500 ? "${text}" : "")%`;
}

import { any } from '../../proto/codec.ts';
import type { HeaderMatcher, RouteMatch } from '../../proto/gen/envoy.config.route.v3.ts';
import { sortedEntries, sortedUnique } from '../ir/order.ts';
import type { Match, PathMatch } from '../policy/match.ts';
import { queryConditions } from './query-match.ts';
import { fittingGroups, regexMatcher } from './regex.ts';
import { cookieMatcher, headerMatcher } from './text-match.ts';

/** Everything of a match but its path: what versions of an API, which change only the path, leave alone. */
export type Conditions = Pick<RouteMatch, 'headers' | 'query_parameters' | 'cookies'>;

/**
 * The conditions of a match beside its path and its API version. Records are gone through by sorted key, so that equal
 * policies give equal bytes. Mostly one; several, of which one must hold, when a match names more methods than fit into
 * one expression.
 */
export function conditions(match: Match): readonly Conditions[] {
  const query = sortedEntries(match.query).map(([name, text]) => queryConditions(name, text));
  const headers = [
    ...sortedEntries(match.headers).map(([name, text]) => headerMatcher(name, text)),
    ...query.flatMap(one => one.headers),
  ];
  const rest = {
    query_parameters: query.flatMap(one => one.parameters),
    cookies: sortedEntries(match.cookies).map(([name, text]) => cookieMatcher(name, text)),
  };
  if (!match.methods) return [{ ...rest, headers }];
  return methodMatchers(match.methods).map(method => ({ ...rest, headers: [method, ...headers] }));
}

/** The path of a match, by the specifier of Envoy that means the same. */
export function pathSpecifier(path: PathMatch | undefined): RouteMatch {
  if (!path) return { prefix: '/' };
  const letters = path.ignoreCase ? { case_sensitive: false } : {};
  if (path.exact !== undefined) return { path: path.exact, ...letters };
  if (path.prefix !== undefined) return { ...prefixSpecifier(path.prefix), ...letters };
  if (path.regex !== undefined) return { safe_regex: regexMatcher(path.regex) };
  return {
    path_match_policy: {
      name: 'envoy.path.match.uri_template.uri_template_matcher',
      typed_config: any('envoy.extensions.path.match.uri_template.v3.UriTemplateMatchConfig', {
        path_template: path.template,
      }),
    },
  };
}

/** One matcher: where the path is, and every condition. Empty lists are left out. */
export function routeMatch(path: RouteMatch, ...lists: readonly Conditions[]): RouteMatch {
  return { ...path, ...joined(...lists) };
}

/** All conditions of all lists. Empty lists are left out. */
export function joined(...lists: readonly Conditions[]): Conditions {
  const headers = lists.flatMap(list => list.headers ?? []);
  const parameters = lists.flatMap(list => list.query_parameters ?? []);
  const cookies = lists.flatMap(list => list.cookies ?? []);
  return {
    ...(headers.length > 0 ? { headers } : {}),
    ...(parameters.length > 0 ? { query_parameters: parameters } : {}),
    ...(cookies.length > 0 ? { cookies } : {}),
  };
}

/** Prefixes end at a segment's end; Envoy's own specifier for that refuses a trailing slash, which needs none. */
function prefixSpecifier(prefix: string): RouteMatch {
  return prefix.endsWith('/') ? { prefix } : { path_separated_prefix: prefix };
}

function methodMatchers(methods: readonly string[]): readonly HeaderMatcher[] {
  return fittingGroups(sortedUnique(methods)).map(group => {
    const [only = '', ...others] = group;
    const text = others.length === 0 ? { exact: only } : { safe_regex: regexMatcher(group.join('|')) };
    return { name: ':method', string_match: text };
  });
}

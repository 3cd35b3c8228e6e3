import type { RouteAction } from '../../proto/gen/envoy.config.route.v3.ts';
import { quoted } from '../base/regex.ts';
import type { PathMatch } from '../policy/match.ts';
import type { Rewrite } from '../policy/route.ts';
import { quotedReplacement, regexMatcher } from './regex.ts';

/** At most one of the two; both empty: the path stays. The fields are those of a redirect, too. */
export type PathRewrite = Pick<RouteAction, 'prefix_rewrite' | 'regex_rewrite'>;

/** Replaces what the path match has matched: the prefix, or the whole path of the other kinds. */
export function pathRewrite(path: PathMatch | undefined, rewrite: Pick<Rewrite, 'prefix' | 'regex'>): PathRewrite {
  const { prefix, regex } = rewrite;
  if (regex) return { regex_rewrite: { pattern: regexMatcher(regex.pattern), substitution: regex.replacement } };
  if (prefix === undefined) return {};
  if (path && path.prefix === undefined) return { prefix_rewrite: prefix };
  return replacePrefix(path?.prefix ?? '/', prefix, path?.ignoreCase);
}

/**
 * Replaces a matched prefix so that exactly one slash stands between the replacement and what follows: `/api` → `/`
 * makes `/api/x` to `/x`, where Envoy's plain prefix rewrite would make `//x`.
 */
export function replacePrefix(prefix: string, replacement: string, ignoreCase = false): PathRewrite {
  if (prefix === replacement) return {};
  if (prefix.endsWith('/')) return { prefix_rewrite: withSlash(replacement) };
  if (replacement === '/') return replaceStart(`${ignoreCase ? '(?i)' : ''}${quoted(prefix)}`, '/');
  return { prefix_rewrite: withoutSlash(replacement) };
}

/** Replaces what an expression finds at the path's start, where a path segment ends. */
export function replaceStart(expression: string, replacement: string): PathRewrite {
  const slashes = replacement.endsWith('/') ? '/*' : '';
  return {
    regex_rewrite: {
      pattern: regexMatcher(`^${expression}${slashes}`),
      substitution: quotedReplacement(replacement),
    },
  };
}

/** What `prefix` → `replacement` makes of one path that begins with the prefix. The same as Envoy does by {@link replacePrefix}. */
export function replacedPrefix(path: string, prefix: string, replacement: string): string {
  const rest = path.slice(prefix.length).replace(/^\/+/, '');
  const bare = path.length === prefix.length && !prefix.endsWith('/');
  if (bare || rest === '') return prefix.endsWith('/') ? withSlash(replacement) : replacement;
  return withSlash(replacement) + rest;
}

const withSlash = (path: string) => (path.endsWith('/') ? path : `${path}/`);
const withoutSlash = (path: string) => (path.length > 1 ? path.replace(/\/+$/, '') : path);

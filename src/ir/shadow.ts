import { isDeepStrictEqual } from 'node:util';
import type { ApiVersioning } from '../policy/api-versioning.ts';
import type { Match, PathMatch, TextMatch } from '../policy/match.ts';

/** A match, and the versioning that the services which the rule sends to agree on. */
export interface VersionedMatch {
  readonly match: Match;
  readonly versioning: ApiVersioning | undefined;
}

/**
 * True only if every request that `narrow` matches is matched by `wide` too. Sound, not complete: where the answer
 * would need reasoning about expressions, or about several rules together, it is false.
 */
export function covers(wide: VersionedMatch, narrow: VersionedMatch): boolean {
  const { match: a } = wide;
  const { match: b } = narrow;
  return (
    coversVersion(wide, narrow) &&
    coversPath(a.path, b.path) &&
    (a.methods === undefined || (b.methods?.every(method => a.methods?.includes(method)) ?? false)) &&
    coversTexts(a.headers, b.headers) &&
    coversTexts(a.query, b.query) &&
    coversTexts(a.cookies, b.cookies)
  );
}

/**
 * A rule without `apiVersion` takes callers of every version, but leaves those of unknown ones to later rules where the
 * service says `ignore`. Where the version is a segment of the path, paths of rules are not what callers send, and can
 * be compared only between rules of one versioning.
 */
function coversVersion(wide: VersionedMatch, narrow: VersionedMatch): boolean {
  const sameVersioning = wide.versioning === narrow.versioning || isDeepStrictEqual(wide.versioning, narrow.versioning);
  if (sameVersioning && wide.match.apiVersion === narrow.match.apiVersion) return true;
  if (wide.match.apiVersion !== undefined) return false;
  if (sameVersioning) return true;
  if (wide.versioning?.in.path || wide.versioning?.unknown === 'ignore') return false;
  return !narrow.versioning?.in.path || isEveryPath(wide.match.path);
}

function isEveryPath(path: PathMatch | undefined): boolean {
  return path === undefined || path.prefix === '/';
}

function coversPath(a: PathMatch | undefined, b: PathMatch | undefined): boolean {
  if (isEveryPath(a) || a === undefined) return true;
  if (b === undefined) return false;
  if (a.exact === undefined && a.prefix === undefined) return isDeepStrictEqual(a, b);
  if (b.ignoreCase && !a.ignoreCase) return false;
  const fold = (text: string) => (a.ignoreCase ? text.toLowerCase() : text);
  if (a.exact !== undefined) return b.exact !== undefined && fold(a.exact) === fold(b.exact);
  if (a.prefix === undefined) return false;
  const stem = fold(a.prefix.endsWith('/') ? a.prefix : `${a.prefix}/`);
  if (b.template !== undefined) return fold(literalStart(b.template)).startsWith(stem);
  const text = b.exact ?? b.prefix;
  return text !== undefined && (fold(text) === fold(a.prefix) || fold(text).startsWith(stem));
}

/** `/users/` of `/users/{id}/orders`. */
function literalStart(template: string): string {
  const [literal = ''] = template.split(/[{*]/);
  return literal.slice(0, literal.lastIndexOf('/') + 1);
}

function coversTexts(a: Readonly<Record<string, TextMatch>>, b: Readonly<Record<string, TextMatch>>): boolean {
  return Object.entries(a).every(([name, wide]) => {
    const narrow = Object.hasOwn(b, name) ? b[name] : undefined;
    return narrow !== undefined && coversText(wide, narrow);
  });
}

function coversText(a: TextMatch, b: TextMatch): boolean {
  if (isDeepStrictEqual(a, b)) return true;
  if (a.not || b.not || b.present === false) return false;
  const text = b.exact ?? b.prefix ?? b.suffix ?? b.contains;
  if (a.present === true) return text !== undefined && text !== '';
  if (a.prefix !== undefined) return (b.exact ?? b.prefix)?.startsWith(a.prefix) ?? false;
  if (a.suffix !== undefined) return (b.exact ?? b.suffix)?.endsWith(a.suffix) ?? false;
  if (a.contains === undefined) return false;
  return text?.includes(a.contains) ?? false;
}

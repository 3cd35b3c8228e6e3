import { quoted } from '../base/regex.ts';
import type { ApiVersioning } from '../policy/api-versioning.ts';
import type { PathMatch } from '../policy/match.ts';
import { lookup, sortedEntries, sortedUnique } from './order.ts';

/**
 * API versions that stand in the path. A rule's path is written without the version's segment; callers send it right
 * after the path that the service declares as `after`.
 */

/** Where the segment stands, seen from a rule's path. */
export type SegmentPlace =
  /** Within it or at its end: callers send `after`, the segment, `rest`. */
  | { readonly kind: 'inside'; readonly rest: string }
  /** Below it: the rule's prefix covers `after` with all its versions. */
  | { readonly kind: 'above' }
  /** Elsewhere: no request that the rule's path matches names a version. */
  | { readonly kind: 'outside' }
  /** A regular expression or a template from which it cannot be told. */
  | { readonly kind: 'unclear' };

/** `/api` for `/api`; empty for `/`, the root, so that a segment can be put behind it. */
export function segmentBase(after: string): string {
  return after === '/' ? '' : after;
}

/** @param after the path that the version's segment follows, as declared. */
export function segmentPlace(path: PathMatch | undefined, after: string): SegmentPlace {
  const base = segmentBase(after);
  if (path?.regex !== undefined) return placeInRegex(path.regex, base);
  if (path?.template !== undefined) return placeInTemplate(path.template, base);
  const fold = (text: string) => (path?.ignoreCase ? text.toLowerCase() : text);
  const text = path?.exact ?? path?.prefix ?? '/';
  if (isAtOrBelow(fold(text), fold(base))) {
    const rest = text.slice(base.length);
    return { kind: 'inside', rest: base === '' && rest === '/' && path?.exact === undefined ? '' : rest };
  }
  const covers = path?.exact === undefined && isAtOrBelow(fold(base), fold(text.replace(/\/$/, '')));
  return { kind: covers ? 'above' : 'outside' };
}

/** Whether a path is this one or one below it. */
export function isAtOrBelow(path: string, base: string): boolean {
  return path === base || path.startsWith(`${base}/`);
}

function placeInTemplate(template: string, base: string): SegmentPlace {
  if (isAtOrBelow(template, base)) return { kind: 'inside', rest: template.slice(base.length) };
  const literal = template.slice(0, Math.max(template.search(/[{*]|$/), 0));
  return literalPlace(literal, literal === template, base);
}

function placeInRegex(regex: string, base: string): SegmentPlace {
  if (base === '') return { kind: 'inside', rest: regex };
  if (hasAlternatives(regex)) return { kind: 'unclear' };
  for (const start of [quoted(base), base]) {
    const rest = regex.startsWith(start) ? regex.slice(start.length) : undefined;
    if (rest !== undefined && /^($|\/(?![*+?{])|\((?:\?:)?\/)/.test(rest)) return { kind: 'inside', rest };
  }
  const [literal = ''] = /^[/\w-]*/.exec(regex) ?? [];
  const certain = /^[*+?{]/.test(regex.slice(literal.length)) ? literal.slice(0, -1) : literal;
  return literalPlace(certain, certain === regex, base);
}

/** When the part of a pattern that is certain already leads elsewhere, the rest of it does not matter. */
function literalPlace(literal: string, whole: boolean, base: string): SegmentPlace {
  const leadsThere = `${base}/`.startsWith(literal) || isAtOrBelow(literal, base);
  return { kind: leadsThere && !whole ? 'unclear' : 'outside' };
}

/** Whether `a|b` stands outside of all groups. */
function hasAlternatives(regex: string): boolean {
  const bare = regex.replace(/\\./g, '').replace(/\[\^?\]?[^\]]*\]/g, '');
  let depth = 0;
  for (const letter of bare) {
    if (letter === '(') depth++;
    if (letter === ')') depth--;
    if (letter === '|' && depth === 0) return true;
  }
  return false;
}

/**
 * What segments look like that may be versions, as RE2 expressions: the declared names with any number in place of
 * theirs. `v1` and `v2` give `v[0-9]+`; a name without digits gives none, since anything looks like `stable`.
 */
export function versionShapes({ versions }: ApiVersioning): readonly string[] {
  const numbered = Object.keys(versions).filter(name => /\d/.test(name));
  return sortedUnique(numbered.map(name => quoted(name).replace(/\d+/g, '[0-9]+')));
}

/** The expression of a rule's whole path with a segment that fits `segment` in its place. Not for templates. */
export function segmentExpression(
  path: PathMatch | undefined,
  place: SegmentPlace,
  after: string,
  segment: string,
): string {
  const base = segmentBase(after);
  const start = `${anchor(path)}${quoted(base)}/${segment}`;
  const rest = place.kind === 'inside' ? place.rest : '';
  if (path?.regex !== undefined) return `${start}(?:${rest})`;
  if (path?.exact !== undefined) return base === '' && rest === '/' ? `${start}/?` : `${start}${quoted(rest)}`;
  return `${start}${quoted(rest)}${rest.endsWith('/') ? '.*' : '(?:/.*)?'}`;
}

/** The expression of `:path`, its query included, for any request whose segment fits `segment`. */
export function segmentBoundary(path: PathMatch | undefined, after: string, segment: string): string {
  return `${anchor(path)}${quoted(segmentBase(after))}/${segment}(?:[/?].*)?`;
}

/** RE2 takes literal text right after `^` out of the program, so that it does not count towards Envoy's limit. */
function anchor(path: PathMatch | undefined): string {
  return path?.ignoreCase ? '^(?i)' : '^';
}

/** Every expression that a rule's path and a service's versions make together; each must fit Envoy's limit. */
export function segmentExpressions(path: PathMatch | undefined, versioning: ApiVersioning): readonly string[] {
  const after = versioning.in.path?.after;
  if (after === undefined) return [];
  const place = segmentPlace(path, after);
  if (place.kind === 'outside' || place.kind === 'unclear') return [];
  const names = [...Object.keys(versioning.versions), ...Object.keys(versioning.aliases)].map(quoted);
  const segments = [...versionShapes(versioning), ...(path?.regex === undefined ? [] : names)];
  return segments.flatMap(segment => [
    segmentBoundary(path, after, segment),
    ...(path?.template === undefined ? [segmentExpression(path, place, after, segment)] : []),
  ]);
}

/** Whether a segment is a declared name, or looks like a version that does not exist. */
export function isVersionSegment(segment: string, versioning: ApiVersioning): boolean {
  const looksLikeOne = versionShapes(versioning).some(shape => new RegExp(`^${shape}$`).test(segment));
  return looksLikeOne || versionOf(segment, versioning) !== undefined;
}

/** The version that a name means, as itself or as an alias; undefined when there is none. */
export function versionOf(name: string, { versions, aliases }: ApiVersioning): string | undefined {
  if (Object.hasOwn(versions, name)) return name;
  const target = lookup(aliases, name);
  return target !== undefined && Object.hasOwn(versions, target) ? target : undefined;
}

/** A version's own name, then its aliases. */
export function namesOf(version: string, versioning: ApiVersioning): readonly string[] {
  const aliases = sortedEntries(versioning.aliases).map(([alias]) => alias);
  return [version, ...aliases.filter(alias => alias !== version && versionOf(alias, versioning) === version)];
}

/** The first segment that follows `after` in a rule's own path, where it is certain: `items` of `/items/{id}`. */
export function followingSegment(path: PathMatch | undefined, place: SegmentPlace): string | undefined {
  if (place.kind !== 'inside' || path?.regex !== undefined) return undefined;
  const [, segment = ''] = place.rest.split('/');
  const open = path?.template !== undefined && /[{*]/.test(segment);
  return segment === '' || open ? undefined : segment;
}

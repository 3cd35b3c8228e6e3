import type { HeaderMatcher, RouteMatch } from '../../proto/gen/envoy.config.route.v3.ts';
import { quoted } from '../base/regex.ts';
import {
  followingSegment,
  isAtOrBelow,
  isVersionSegment,
  type SegmentPlace,
  segmentBase,
  segmentBoundary,
  segmentExpression,
  segmentPlace,
  versionShapes,
} from '../ir/version-segment.ts';
import type { ApiVersioning, ApiVersionPlace } from '../policy/api-versioning.ts';
import type { PathMatch } from '../policy/match.ts';
import type { Rule } from '../policy/route.ts';
import type { Form, VersionForms } from './api-version-forms.ts';
import { type PathRewrite, replacedPrefix, replacePrefix, replaceStart } from './path-rewrite.ts';
import { fittingGroups, regexMatcher } from './regex.ts';
import { pathSpecifier } from './route-match.ts';
import { notPath } from './text-match.ts';

interface PathContext {
  readonly rule: Rule;
  readonly path: PathMatch | undefined;
  readonly place: SegmentPlace;
  readonly after: string;
  readonly strip: boolean;
}

/** Versions as a path segment. A rule whose path lies elsewhere is met only by requests that name none. */
export function versionsInPath(
  rule: Rule,
  versioning: ApiVersioning,
  { after, strip }: NonNullable<ApiVersionPlace['path']>,
  names: readonly string[],
): VersionForms {
  const path = rule.match.path;
  const place = segmentPlace(path, after);
  const here: Form = { path: pathSpecifier(path), conditions: {} };
  if (place.kind === 'outside' || place.kind === 'unclear') {
    return { named: () => [], unnamed: [here], unknown: () => [] };
  }
  const context: PathContext = { rule, path, place, after, strip };
  const shapes = versionShapes(versioning);
  const shaped = new RegExp(`^(?:${shapes.join('|')})$`);
  const isShaped = (name: string) => shapes.length > 0 && shaped.test(name);
  const existing = noSegments(context, names.filter(isShaped));
  return {
    named: name => namedForms(context, name),
    unnamed: unnamedForms(context, versioning, [
      ...shapes.map(shape => noSegment(context, shape)),
      ...noSegments(
        context,
        names.filter(name => !isShaped(name)),
      ),
    ]),
    unknown: others => shapes.map(shape => shapedForm(context, shape, others ? [] : existing)),
  };
}

/** The rule's own path, when what follows `after` is no version: known from the path, or asked of the request. */
function unnamedForms(
  { path, place, after }: PathContext,
  versioning: ApiVersioning,
  noVersion: readonly HeaderMatcher[],
): readonly Form[] {
  const segment = followingSegment(path, place);
  if (segment !== undefined && isVersionSegment(segment, versioning)) return [];
  const endsThere = path?.exact !== undefined && isAtOrBelow(path.exact, segmentBase(after));
  const certain = segment !== undefined || endsThere;
  return [{ path: pathSpecifier(path), conditions: certain ? {} : { headers: noVersion } }];
}

function namedForms(context: PathContext, name: string): readonly Form[] {
  const { path, place, after } = context;
  const start = `${segmentBase(after)}/${name}`;
  const rest = place.kind === 'inside' ? place.rest : '';
  const letters = { ignoreCase: path?.ignoreCase ?? false };
  const form = (specifier: RouteMatch, whole: string, headers: readonly HeaderMatcher[] = []): Form => ({
    path: specifier,
    conditions: { headers },
    rewrite: rewriteOf(context, { start: quoted(start), whole, segment: name }),
  });
  if (path?.regex !== undefined) {
    const segment = quoted(name);
    const specifier = { safe_regex: regexMatcher(segmentExpression(path, place, after, segment)) };
    const boundary = regexMatcher(segmentBoundary(path, after, segment));
    return [form(specifier, start, [{ name: ':path', string_match: { safe_regex: boundary } }])];
  }
  if (path?.template !== undefined) return [form(pathSpecifier({ template: start + rest, ...letters }), start)];
  if (path?.exact === undefined) return [form(pathSpecifier({ prefix: start + rest, ...letters }), start + rest)];
  const exacts = rest === '/' && after === '/' ? [start, `${start}/`] : [start + rest];
  return exacts.map(exact => form(pathSpecifier({ exact, ...letters }), exact));
}

/** Requests whose segment has the shape of a version, without those in `but`. */
function shapedForm(context: PathContext, shape: string, but: readonly HeaderMatcher[]): Form {
  const { path, place, after } = context;
  const boundary = regexMatcher(segmentBoundary(path, after, shape));
  const fits: HeaderMatcher = { name: ':path', string_match: { safe_regex: boundary } };
  const start = `${quoted(segmentBase(after))}/${shape}`;
  const rest = place.kind === 'inside' ? place.rest : '';
  const rewrite = rewriteOf(context, { start, whole: undefined, segment: undefined });
  if (path?.template !== undefined) {
    const specifier = pathSpecifier({ template: `${segmentBase(after)}/*${rest}`, ignoreCase: false });
    return { path: specifier, conditions: { headers: [fits, ...but] }, rewrite };
  }
  const specifier = { safe_regex: regexMatcher(segmentExpression(path, place, after, shape)) };
  const headers = path?.regex === undefined ? but : [fits, ...but];
  return { path: specifier, conditions: { headers }, rewrite };
}

/** None of these names stands in the segment's place. */
function noSegments(context: PathContext, names: readonly string[]): readonly HeaderMatcher[] {
  return fittingGroups(names.map(quoted)).map(group =>
    noSegment(context, group.length === 1 ? group.join() : `(?:${group.join('|')})`),
  );
}

function noSegment({ path, after }: PathContext, segment: string): HeaderMatcher {
  return notPath({ safe_regex: regexMatcher(segmentBoundary(path, after, segment)) });
}

interface Matched {
  /** Expression of the path up to the end of the segment. */
  readonly start: string;
  /** The literal text that the specifier matches; undefined when it is an expression. */
  readonly whole: string | undefined;
  /** The segment; undefined when it is an expression. */
  readonly segment: string | undefined;
}

/**
 * The rewrite of a path with a segment. With `strip` the segment goes; otherwise it stays where it is, unless the rule's
 * own rewrite replaces the path that it follows. Undefined leaves it to the rule: nothing to strip, or a regular
 * expression of the user's, which sees the path as it came.
 */
function rewriteOf(context: PathContext, matched: Matched): PathRewrite | undefined {
  const { rule, path, place, strip, after } = context;
  const base = segmentBase(after);
  const own = rule.rewrite?.prefix;
  if (rule.rewrite?.regex || (!strip && own === undefined)) return undefined;
  if (path?.regex !== undefined || path?.template !== undefined) {
    return own === undefined ? replaceStart(matched.start, base || '/') : { prefix_rewrite: own };
  }
  const prefix = path?.exact ?? path?.prefix ?? '/';
  const plain = place.kind === 'inside' ? prefix : base || '/';
  const target = own === undefined ? plain : replacedPrefix(plain, prefix, own);
  if (matched.whole === undefined) {
    const rest = place.kind === 'inside' ? quoted(place.rest) : '';
    return replaceStart(`${path?.ignoreCase ? '(?i)' : ''}${matched.start}${rest}`, target);
  }
  const kept =
    !strip && isAtOrBelow(target, base) ? `${base}/${matched.segment ?? ''}${target.slice(base.length)}` : target;
  return path?.exact === undefined ? replacePrefix(matched.whole, kept, path?.ignoreCase) : { prefix_rewrite: kept };
}

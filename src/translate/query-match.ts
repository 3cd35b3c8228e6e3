import type { HeaderMatcher, QueryParameterMatcher } from '../../proto/gen/envoy.config.route.v3.ts';
import type { StringMatcher } from '../../proto/gen/envoy.type.matcher.v3.ts';
import { quoted } from '../base/regex.ts';
import type { TextMatch } from '../policy/match.ts';
import { regexMatcher } from './regex.ts';
import { asksForPresence, notPath, stringMatcher } from './text-match.ts';

/** Conditions on one query parameter; all must hold. */
export interface QueryConditions {
  readonly parameters: readonly QueryParameterMatcher[];
  readonly headers: readonly HeaderMatcher[];
}

/**
 * Envoy compares the first parameter of the name, as it was sent: percent-encoded text stays encoded.
 *
 * Its matchers of parameters cannot be inverted. `not` is therefore made of inverted matchers of the whole `:path`, and
 * holds when no parameter of the name, not only the first, has such a value.
 */
export function queryConditions(name: string, match: TextMatch): QueryConditions {
  const text = stringMatcher(match);
  if (!text) return { parameters: [{ name, present_match: asksForPresence(match) }], headers: [] };
  if (!match.not) return { parameters: [{ name, string_match: text }], headers: [] };
  return { parameters: [], headers: occurrences(name, match).map(notPath) };
}

/** What `:path` looks like when some parameter of the name has such a value; one of these fits then. */
function occurrences(name: string, match: TextMatch): readonly StringMatcher[] {
  const starts = [`?${name}`, `&${name}`];
  const { exact, prefix } = match;
  if (exact !== undefined) {
    const forms = exact === '' ? ['', '='] : [`=${exact}`];
    const whole = starts.flatMap(start => forms.map(form => `${start}${form}`));
    return whole.flatMap(text => [{ contains: `${text}&` }, { suffix: text }]);
  }
  if (prefix !== undefined) return starts.map(start => ({ contains: `${start}=${prefix}` }));
  return [{ safe_regex: regexMatcher(`.*[?&]${quoted(name)}=${valueExpression(match)}(?:&.*)?`) }];
}

/** Of `suffix` and `contains`; the schema refuses `regex` here, since it could look beyond its parameter. */
function valueExpression(match: TextMatch): string {
  if (match.suffix !== undefined) return `[^&]*${quoted(match.suffix)}`;
  return `[^&]*${quoted(match.contains ?? '')}[^&]*`;
}

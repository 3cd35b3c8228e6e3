import type { CookieMatcher, HeaderMatcher } from '../../proto/gen/envoy.config.route.v3.ts';
import type { StringMatcher } from '../../proto/gen/envoy.type.matcher.v3.ts';
import type { TextMatch } from '../policy/match.ts';
import { regexMatcher } from './regex.ts';

/** The matcher of a text that is there; undefined when `present` is what is asked. */
export function stringMatcher(match: TextMatch): StringMatcher | undefined {
  if (match.exact !== undefined) return { exact: match.exact };
  if (match.prefix !== undefined) return { prefix: match.prefix };
  if (match.suffix !== undefined) return { suffix: match.suffix };
  if (match.contains !== undefined) return { contains: match.contains };
  if (match.regex !== undefined) return { safe_regex: regexMatcher(match.regex) };
  return undefined;
}

/** Whether a match without a text asks for something to be there. */
export function asksForPresence(match: TextMatch): boolean {
  return (match.present ?? true) !== match.not;
}

/** Each line of a header that is sent several times is compared by itself. */
export function headerMatcher(name: string, match: TextMatch): HeaderMatcher {
  const text = stringMatcher(match);
  if (!text) return { name, present_match: asksForPresence(match) };
  return match.not ? notHeader(name, text) : { name, string_match: text };
}

/** Envoy's inverted matchers do not match an absent header unless it counts as an empty one. */
export function notHeader(name: string, text: StringMatcher): HeaderMatcher {
  return { name, string_match: text, invert_match: true, treat_missing_header_as_empty: true };
}

/** As {@link notHeader}, for the path with its query, which no request lacks. */
export function notPath(text: StringMatcher): HeaderMatcher {
  return { name: ':path', string_match: text, invert_match: true };
}

/** Envoy compares the first cookie of the name, without the quotes around its value. */
export function cookieMatcher(name: string, match: TextMatch): CookieMatcher {
  const text = stringMatcher(match);
  const invert = text ? match.not : !asksForPresence(match);
  return {
    name,
    string_match: text ?? { safe_regex: regexMatcher('.*') },
    ...(invert ? { invert_match: true } : {}),
  };
}

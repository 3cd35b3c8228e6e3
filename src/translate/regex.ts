import type { RegexMatcher } from '../../proto/gen/envoy.type.matcher.v3.ts';

/**
 * Characters of literal text that an expression of ours may hold. Envoy refuses expressions whose RE2 program is larger
 * than 100; a literal character costs 1, and what stands around it in our expressions less than 30.
 */
export const literalBudget = 70;

/** The expression that matches exactly this text. */
export function quoted(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&');
}

/** The text as the replacement of a regular expression, where `\1` would mean a group. */
export function quotedReplacement(text: string): string {
  return text.replaceAll('\\', '\\\\');
}

export function regexMatcher(regex: string): RegexMatcher {
  return { regex };
}

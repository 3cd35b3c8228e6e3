import type { RegexMatcher } from '../../proto/gen/envoy.type.matcher.v3.ts';

/**
 * Characters of literal text that an expression of ours may hold. Envoy refuses expressions whose RE2 program is larger
 * than 100; a literal character costs 1, and what stands around it in our expressions less than 30.
 */
const literalBudget = 70;

/** The text as the replacement of a regular expression, where `\1` would mean a group. */
export function quotedReplacement(text: string): string {
  return text.replaceAll('\\', '\\\\');
}

/** Texts in groups, each of which fits as alternatives into one expression. */
export function fittingGroups(texts: readonly string[]): readonly (readonly string[])[] {
  const groups: string[][] = [];
  for (const text of texts) {
    const group = groups.at(-1);
    if (group && [...group, text].join('|').length <= literalBudget) group.push(text);
    else groups.push([text]);
  }
  return groups;
}

export function regexMatcher(regex: string): RegexMatcher {
  return { regex };
}

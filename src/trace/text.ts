import { RE2JS } from 're2js';
import type { StringMatcher } from '../../proto/gen/envoy.type.matcher.v3.ts';
import { remember } from '../base/remember.ts';

/** Whether Envoy's matcher takes the text. Expressions match the whole of it. */
export function textMatches(matcher: StringMatcher, value: string): boolean {
  const { exact, prefix, suffix, contains, safe_regex: regex } = matcher;
  const fold = (text: string) => (matcher.ignore_case ? text.toLowerCase() : text);
  if (exact !== undefined) return fold(value) === fold(exact);
  if (prefix !== undefined) return fold(value).startsWith(fold(prefix));
  if (suffix !== undefined) return fold(value).endsWith(fold(suffix));
  if (contains !== undefined) return fold(value).includes(fold(contains));
  if (regex) return wholeMatch(regex.regex ?? '', value);
  throw new Error('a text is compared in a way that is not ours');
}

/** What the matcher asks for, in words: `begin with "be"`. */
export function textWords(matcher: StringMatcher): string {
  const { exact, prefix, suffix, contains, safe_regex: regex } = matcher;
  const letters = matcher.ignore_case ? ', in letters of any case' : '';
  if (exact !== undefined) return `be ${JSON.stringify(exact)}${letters}`;
  if (prefix !== undefined) return `begin with ${JSON.stringify(prefix)}${letters}`;
  if (suffix !== undefined) return `end with ${JSON.stringify(suffix)}${letters}`;
  if (contains !== undefined) return `contain ${JSON.stringify(contains)}${letters}`;
  return `match the expression ${regex?.regex ?? ''}`;
}

/** RE2 as Envoy has it, in JavaScript; never JavaScript's own engine (P25). */
export function wholeMatch(expression: string, text: string): boolean {
  return compiled(expression).matches(text);
}

/** Replaces every place that the expression finds; `\\1` is its first group. */
export function replaceMatches(expression: string, text: string, substitution: string): string {
  return compiled(expression)
    .matcher(text)
    .replaceAll((...found: readonly string[]) =>
      substitution.replace(/\\(\\|\d)/g, (_, what: string) => (what === '\\' ? what : (found[Number(what)] ?? ''))),
    );
}

const expressions = new Map<string, RE2JS>();
const mostExpressions = 1000;

function compiled(expression: string): RE2JS {
  const program = expressions.get(expression) ?? RE2JS.compile(expression);
  remember(expressions, expression, program, mostExpressions);
  return program;
}

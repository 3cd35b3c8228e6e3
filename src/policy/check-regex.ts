import { RE2JS, RE2JSException, RE2JSSyntaxException } from 're2js';
import type { ProblemCode } from '../base/problem.ts';
import { quote } from './document.ts';
import { programSize, type RuneProgram } from './re2/program-size.ts';

/** Programs beyond this are not counted exactly. */
const enough = 300;

/** Envoy's limit where its runtime sets no other `re2.max_program_size.error_level`. A program of this size is taken. */
export const maxProgramSize = 100;

export interface RegexMistake {
  readonly code: ProblemCode;
  readonly message: string;
  readonly hint: string;
}

/**
 * Says what is wrong with a regular expression for Envoy, which matches by RE2 and refuses one whose program is larger
 * than {@link maxProgramSize}: in matches of path, header, query and cookie and in rewrites alike, so that the whole
 * update would be rejected. Checked with an RE2 in JavaScript, never by JavaScript's own engine (P25).
 *
 * Envoy compares bytes: it reads a pattern as Latin-1, so that a letter beyond ASCII is a sequence of two to four
 * bytes. That is right in a literal, and never what is meant in a class or before a repetition: those are refused.
 */
export function checkRegex(pattern: string): RegexMistake | undefined {
  const beyond = beyondAscii(pattern);
  if (beyond) return beyond;
  const bytes = Buffer.from(pattern).toString('latin1');
  let program: RuneProgram;
  try {
    program = RE2JS.compile(bytes).re2().prog;
  } catch (error) {
    if (!(error instanceof RE2JSException)) throw error;
    return syntaxMistake(pattern, error);
  }
  if (program.inst.some(({ runes, op }) => op >= 8 && op <= 11 && (runes[0] ?? 0) > 0xff)) {
    const hint = 'write such letters themselves; classes like \\p{Greek} hold no byte';
    return invalid(pattern, 'has a part that can never match, since Envoy compares bytes', hint);
  }
  const size = sizeIn(program, bytes);
  if (size <= maxProgramSize) return undefined;
  const about = size > enough ? `more than ${enough}` : `${size}`;
  return {
    code: 'schema.regex_too_complex',
    message: `${quote(pattern)} compiles to ${about} instructions; Envoy takes ${maxProgramSize}`,
    hint: 'count less ({1,3} copies what it repeats), use a prefix, or spread the alternatives over several rules',
  };
}

/** The size of a valid pattern's program, as Envoy counts it. */
export function sizeOf(pattern: string): number {
  const bytes = Buffer.from(pattern).toString('latin1');
  return sizeIn(RE2JS.compile(bytes).re2().prog, bytes);
}

function sizeIn(program: RuneProgram, bytes: string): number {
  const counts = literalsAfterAnchor(bytes);
  return Math.max(...counts.map(count => programSize(program, count, enough)));
}

function invalid(pattern: string, what: string, hint: string): RegexMistake {
  return { code: 'schema.invalid_regex', message: `${quote(pattern)} ${what}`, hint };
}

function syntaxMistake(pattern: string, error: RE2JSException): RegexMistake {
  const text =
    error instanceof RE2JSSyntaxException ? `${error.getDescription()}: ${error.getPattern() ?? ''}` : error.message;
  const words = Buffer.from(text, 'latin1').toString();
  return invalid(pattern, `is not an RE2 expression: ${words.slice(0, 120)}`, remedy(pattern));
}

function remedy(pattern: string): string {
  if (/\(\?<?[=!]/.test(pattern))
    return 'RE2 knows no look-ahead and look-behind: put what must not match into a rule before this one';
  if (/\\[1-9]|\\k</.test(pattern)) return 'RE2 knows no back-references';
  if (/\(\?>|[*+?}]\+/.test(pattern))
    return 'RE2 knows no possessive or atomic groups, and needs none: leave the + or ?> out';
  return 'see the syntax of RE2; a special character that is meant as itself needs a \\ before it';
}

/** Where letters beyond ASCII would not mean what is written. */
function beyondAscii(pattern: string): RegexMistake | undefined {
  for (const [token] of pattern.matchAll(/\\.|\[\^?\]?(?:\\.|\[:[^\]]*:\]|[^\]\\])*\]?|./gsu)) {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: the range of ASCII
    if (token.startsWith('[') && /[^\x00-\x7f]/.test(token)) {
      return invalid(
        pattern,
        `has letters beyond ASCII in the class ${token}, and Envoy compares bytes`,
        'write alternatives: (?:é|è)',
      );
    }
  }
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the range of ASCII
  const repeated = /[^\x00-\x7f](?=[*+?{])/u.exec(pattern)?.[0];
  if (repeated === undefined) return undefined;
  return invalid(
    pattern,
    `repeats ${quote(repeated)}, and Envoy compares bytes`,
    `write it in parentheses: (?:${repeated})`,
  );
}

/**
 * How many characters stand as themselves right after the anchors that a pattern begins with. Two answers where a group
 * follows of which that cannot be told; the larger program counts then.
 */
function literalsAfterAnchor(pattern: string): readonly number[] {
  const [lead] = /^(?:\(\?[imsU]+\))*(?:\^|\\A)+/.exec(pattern) ?? [];
  if (lead === undefined) return [0];
  if (withoutGroups(pattern).includes('|')) return [0, Number.POSITIVE_INFINITY];
  const literal = /([^\\.+*?()|[\]{}^$]|\\[^\w]|\[[^\\\]^[]\])([*+?{]?)/y;
  literal.lastIndex = lead.length;
  let count = 0;
  let end = lead.length;
  for (let match = literal.exec(pattern); match && match[2] === ''; match = literal.exec(pattern)) {
    count += 1;
    end = literal.lastIndex;
  }
  return pattern.startsWith('(?', end) ? [count, Number.POSITIVE_INFINITY] : [count];
}

/** A pattern without its groups, classes and escapes: what is left stands at its top. */
function withoutGroups(pattern: string): string {
  let depth = 0;
  let top = '';
  for (const [token] of pattern.matchAll(/\\.|\[\^?\]?(?:\\.|[^\]\\])*\]?|./gs)) {
    if (token === '(') depth += 1;
    else if (token === ')') depth -= 1;
    else if (depth === 0 && token.length === 1) top += token;
  }
  return top;
}

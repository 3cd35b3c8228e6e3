import { oneLine } from '../base/one-line.ts';
import type { PolicyPath, Problem } from '../base/problem.ts';
import { inline } from '../policy/describe.ts';
import type { PolicyInput } from '../policy/kinds.ts';
import type { Statement } from './statement.ts';

/** What an import makes. */
export interface Imported {
  readonly policy: PolicyInput;
  /** What was left out or taken in part, and what could not be read. */
  readonly problems: readonly Problem[];
  /** What says how the imported program itself runs. */
  readonly aside: readonly Statement[];
}

/** Longest mapping or list that stands on one line, in characters. */
const shortest = 100;

/** The policy as YAML for people, with a comment near each place that something was left out of, or taken in part. */
export function importedText(program: string, schemaFile: string, { policy, problems, aside }: Imported): string {
  const comments = commentsOf(policy, problems);
  const set = asideText(program, aside);
  const top = comments.at([]);
  return [
    `# yaml-language-server: $schema=${schemaFile}`,
    `# Switchyard policy, imported from ${program}. Check it with "switchyard validate".`,
    ...(set === undefined ? [] : [set]),
    ...top.map(each => `# ${each}`),
    ...mapping(policy, [], '', comments),
    '',
  ].join('\n');
}

/** What is said of what the imported program itself needed. */
export function asideText(program: string, aside: readonly Statement[]): string | undefined {
  if (aside.length === 0) return undefined;
  const named = aside.map(({ file, line, name }) => `${oneLine(file)}:${line} ${oneLine(name)}`);
  const some = named.length > 40 ? [...named.slice(0, 40), `and ${named.length - 40} more`] : named;
  return `# Set aside, since it says how ${program} itself runs, logs or buffers: ${some.join(', ')}.`;
}

function remark({ source, message, hint }: Problem): string {
  const at = source ? `${source.file}:${source.line}: ` : '';
  return oneLine(`${at}${message}${hint === undefined ? '' : `; ${hint}`}`);
}

/** The part of the path that is there. */
function nearest(policy: object, path: PolicyPath): PolicyPath {
  let value: unknown = policy;
  const found: (string | number)[] = [];
  for (const part of path) {
    value = typeof value === 'object' && value !== null ? (value as Record<string | number, unknown>)[part] : undefined;
    if (value === undefined) break;
    found.push(part);
  }
  return found;
}

/** What is said near places of the policy. */
interface Comments {
  at(path: PolicyPath): readonly string[];
  /** Whether there is any for a part of what stands at a path. */
  below(path: PolicyPath): boolean;
}

/** More are told on standard error alone. */
const mostComments = 500;

function commentsOf(policy: object, problems: readonly Problem[]): Comments {
  const at = new Map<string, string[]>();
  const below = new Set<string>();
  const add = (path: PolicyPath, text: string) => {
    const key = JSON.stringify(path);
    const known = at.get(key);
    if (known) known.push(text);
    else at.set(key, [text]);
    for (let depth = 0; depth < path.length; depth += 1) below.add(JSON.stringify(path.slice(0, depth)));
  };
  for (const each of problems.slice(0, mostComments)) add(nearest(policy, each.path), remark(each));
  const more = problems.length - mostComments;
  if (more > 0) add([], `${more} more directives were left out or taken in part, which "switchyard import" told.`);
  return { at: path => at.get(JSON.stringify(path)) ?? [], below: path => below.has(JSON.stringify(path)) };
}

function mapping(value: object, path: PolicyPath, indent: string, comments: Comments): readonly string[] {
  return Object.entries(value).flatMap(([key, inner]) => {
    if (inner === undefined) return [];
    const at = [...path, key];
    const said = comments.at(at).map(each => `${indent}# ${each}`);
    return [...said, ...entry(`${indent}${inline(key)}:`, inner, at, indent, comments)];
  });
}

function entry(head: string, value: unknown, path: PolicyPath, indent: string, comments: Comments): readonly string[] {
  const short = inline(value);
  const deep = typeof value === 'object' && value !== null && short !== '{}' && short !== '[]';
  const folded = path.length > 2 && head.length + short.length < shortest && !comments.below(path);
  if (!deep || folded) return [`${head} ${short}`];
  if (Array.isArray(value))
    return [head, ...value.flatMap((each, index) => item(each, [...path, index], indent, comments))];
  return [head, ...mapping(value, path, `${indent}  `, comments)];
}

function item(value: unknown, path: PolicyPath, indent: string, comments: Comments): readonly string[] {
  const inner = `${indent}  `;
  const said = comments.at(path).map(each => `${inner}# ${each}`);
  const short = inline(value);
  if (
    typeof value !== 'object' ||
    value === null ||
    (inner.length + short.length < shortest && !comments.below(path))
  ) {
    return [...said, `${inner}- ${short}`];
  }
  const [first = '', ...others] = mapping(value, path, `${inner}  `, comments);
  if (first.trimStart().startsWith('#')) return [...said, `${inner}-`, first, ...others];
  return [...said, `${inner}- ${first.trimStart()}`, ...others];
}

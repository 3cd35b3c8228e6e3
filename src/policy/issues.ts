import type { z } from 'zod';
import { type PolicyPath, type ProblemCode, problemCodes } from '../base/problem.ts';
import { nearest } from '../base/suggest.ts';
import { describe, example, expected } from './describe.ts';
import { type Mistake, quote } from './document.ts';
import { formats } from './field.ts';
import { keyHint } from './key-hint.ts';
import { isNamePattern, suggestName } from './names.ts';
import { type AnySchema, choicesOf, type Step, stepsTo, textSchemas } from './schema-walk.ts';

type Issue = z.core.$ZodIssue;

/** What is wrong with one value, in words for those who wrote it. Paths are relative to the value. */
export function mistakesOf(schema: AnySchema, value: unknown, issues: readonly Issue[]): readonly Mistake[] {
  return withoutEchoes(issues.flatMap(issue => fromIssue({ schema, value }, issue, issue.path))).map(each =>
    veiled(each, value),
  );
}

/** Below these keys stands what others may not know: tokens for an endpoint, the header that gets past a maintenance page. */
const confidential = new Set(['headers', 'requestHeaders', 'responseHeaders', 'metadata', 'send']);

/** Mistakes are logged and shown to many (P29): such a value is not quoted in them. */
function veiled(mistake: Mistake, value: unknown): Mistake {
  // Of headers to remove only names are said.
  if (!mistake.path.some(key => confidential.has(String(key))) || mistake.path.includes('remove')) return mistake;
  const found = mistake.path.reduce<unknown>((inner, key) => (inner as Record<string, unknown> | null)?.[key], value);
  if (typeof found !== 'string' || found === '') return mistake;
  // A short one, without quotes, may as well be a word of the message.
  const forms = [quote(found), JSON.stringify(found), ...(found.length < 8 ? [] : [found])];
  const hide = (text: string) => forms.reduce((left, form) => left.replaceAll(form, 'the value'), text);
  const { message, hint } = mistake;
  return { ...mistake, message: hide(message), hint: hint && hide(hint) };
}

/** A misspelt key makes the right one missing and "exactly one of" untrue: the misspelling says it all. */
function withoutEchoes(mistakes: readonly Mistake[]): readonly Mistake[] {
  const explained = new Set<string>();
  for (const { code, path, hint } of mistakes) {
    const meant = code === 'schema.unknown_key' ? /^did you mean "(.*)"\?$/.exec(hint ?? '')?.[1] : undefined;
    if (meant === undefined) continue;
    const parent = path.slice(0, -1);
    explained.add(JSON.stringify(parent)).add(JSON.stringify([...parent, meant]));
  }
  return mistakes.filter(({ code, path, message }) => {
    const echo = code === 'schema.missing' || message.startsWith('needs ');
    return !(echo && explained.has(JSON.stringify(path)));
  });
}

interface Context {
  readonly schema: AnySchema;
  readonly value: unknown;
}

function fromIssue(context: Context, issue: Issue, at: readonly PropertyKey[]): readonly Mistake[] {
  const path = at.filter(part => typeof part !== 'symbol');
  const steps = stepsTo(context.schema, context.value, path);
  const here = steps.length > path.length ? lastOf(steps, path) : undefined;
  const mistake = (code: ProblemCode, message: string, hint?: string): readonly Mistake[] => [
    { code, path, message, hint },
  ];
  const missing =
    here?.value === undefined && path.length > 0 && issue.code !== 'custom' && issue.code !== 'unrecognized_keys';
  if (missing)
    return mistake(
      'schema.missing',
      `${quote(String(path.at(-1)))} is missing`,
      choicesHint(here) ?? example(here?.schemas ?? []),
    );
  switch (issue.code) {
    case 'unrecognized_keys':
      return issue.keys.map(key => ({
        code: 'schema.unknown_key',
        path: [...path, key],
        message: `there is no key ${quote(key)} here`,
        hint: keyHint(steps, key),
      }));
    case 'invalid_key':
      return issue.issues.flatMap(inner => wrongKey(path, inner));
    case 'invalid_union':
      return fromUnion(context, issue, path, here);
    case 'invalid_type':
      return mistake('schema.invalid_type', `${expected(issue.expected)}, is ${describe(here?.value)}`, typeHint(here));
    case 'invalid_value':
      return mistake('schema.invalid_value', noneOf(here?.value, issue.values), choiceHint(here?.value, issue.values));
    case 'too_small':
    case 'too_big':
      return mistake('schema.invalid_value', sizeMessage(issue, here?.value), example(here?.schemas ?? []));
    case 'invalid_format':
      return formatMistake(issue, path, here);
    case 'custom':
      return customMistake(issue, path, here);
    default:
      return mistake('schema.invalid_value', lower(issue.message), example(here?.schemas ?? []));
  }
}

/** The last step; an item of a list may be explained by the example of the list. */
function lastOf(steps: readonly Step[], path: PolicyPath): Step | undefined {
  const last = steps.at(-1);
  const list = typeof path.at(-1) === 'number' ? steps.at(-2) : undefined;
  return last && list ? { ...last, schemas: [...last.schemas, ...list.schemas] } : last;
}

function fromUnion(
  context: Context,
  issue: Extract<Issue, { code: 'invalid_union' }>,
  path: PolicyPath,
  here: Step | undefined,
): readonly Mistake[] {
  const value = here?.value;
  if (issue.errors.length === 0) {
    const options = 'options' in issue && Array.isArray(issue.options) ? issue.options : [];
    return [{ code: 'schema.invalid_value', path, message: noneOf(value, options), hint: choiceHint(value, options) }];
  }
  const literals = here?.schemas.flatMap(schema => choicesOf(schema) ?? []) ?? [];
  const branches = issue.errors.filter(errors => !errors.some(error => error.path.length === 0 && wrongKind(error)));
  const [best] = [...branches].sort((a, b) => a.length - b.length);
  if (best) return best.flatMap(error => fromIssue(context, error, [...path, ...error.path]));
  const words = [
    ...new Set(
      issue.errors
        .flat()
        .flatMap(error => (error.code === 'invalid_value' ? error.values.map(String) : [expectedOf(error)])),
    ),
  ].filter(word => word !== '');
  const message =
    typeof value === 'string' || literals.length > 0
      ? noneOf(value, words)
      : `must be ${words.join(' or ')}, is ${describe(value)}`;
  return [
    {
      code: typeof value === 'string' ? 'schema.invalid_value' : 'schema.invalid_type',
      path,
      message,
      hint: choiceHint(value, words) ?? textHint(here) ?? example(here?.schemas ?? []),
    },
  ];
}

const wrongKind = (error: Issue) => error.code === 'invalid_type' || error.code === 'invalid_value';
const expectedOf = (error: Issue) =>
  error.code === 'invalid_type' ? expected(error.expected).replace(/^must be /, '') : '';

function wrongKey(path: PolicyPath, issue: Issue): readonly Mistake[] {
  const key = String(path.at(-1));
  const message = `the key ${quote(key)} ${sentence(issue)}`;
  return [{ code: 'schema.invalid_name', path, message, hint: nameHint(key, issue) }];
}

function formatMistake(
  issue: Extract<Issue, { code: 'invalid_format' }>,
  path: PolicyPath,
  here: Step | undefined,
): readonly Mistake[] {
  const text = typeof here?.value === 'string' ? here.value : '';
  const code = isNamePattern(issue.pattern) ? 'schema.invalid_name' : 'schema.invalid_value';
  const hint = nameHint(text, issue) ?? example(here?.schemas ?? []);
  return [{ code, path, message: `${quote(text)} ${sentence(issue)}`, hint }];
}

function nameHint(text: string, issue: Issue): string | undefined {
  if (issue.code !== 'invalid_format' || !isNamePattern(issue.pattern)) return undefined;
  const suggestion = suggestName(text);
  return suggestion === undefined ? undefined : `for example ${quote(suggestion)}`;
}

function customMistake(
  issue: Extract<Issue, { code: 'custom' }>,
  path: PolicyPath,
  here: Step | undefined,
): readonly Mistake[] {
  const { problem, hint } = issue.params ?? {};
  const code =
    typeof problem === 'string' && Object.hasOwn(problemCodes, problem)
      ? (problem as ProblemCode)
      : 'schema.invalid_value';
  const about =
    typeof here?.value === 'string' && /^(is|must|cannot|may) /.test(issue.message) ? `${quote(here.value)} ` : '';
  return [
    {
      code,
      path,
      message: `${about}${issue.message}`,
      hint:
        typeof hint === 'string'
          ? hint
          : code === 'schema.invalid_value' && about === ''
            ? undefined
            : example(here?.schemas ?? []),
    },
  ];
}

function noneOf(value: unknown, options: readonly unknown[]): string {
  const list = options.map(String).join(', ');
  return options.length === 1
    ? `must be ${list}, is ${describe(value)}`
    : `must be one of ${list}; is ${describe(value)}`;
}

function choiceHint(value: unknown, options: readonly unknown[]): string | undefined {
  if (typeof value !== 'string') return undefined;
  const found = nearest(value, options.map(String));
  return found === undefined ? undefined : `did you mean ${quote(found)}?`;
}

/** `one of http, tcp`: of what a missing key may be. */
function choicesHint(here: Step | undefined): string | undefined {
  const choices = here?.schemas.flatMap(schema => choicesOf(schema) ?? []) ?? [];
  return choices.length > 1 ? `one of ${choices.join(', ')}` : undefined;
}

function typeHint(here: Step | undefined): string | undefined {
  if (here?.value === null) return 'give it a value, or remove the key';
  return textHint(here) ?? example(here?.schemas ?? []);
}

/** For a number or a yes where a text belongs: what YAML took it for is seldom what was meant. */
function textHint(here: Step | undefined): string | undefined {
  const value = here?.value;
  if (typeof value !== 'number' && typeof value !== 'boolean') return undefined;
  const texts = here?.schemas.slice(0, 1).flatMap(textSchemas) ?? [];
  const format = texts.map(text => formats.get(text)?.name).find(name => name !== undefined);
  if (texts.length === 0) return undefined;
  if (format === undefined) return `put it in quotes: "${value}"`;
  if (typeof value === 'boolean' || value < 0) return undefined;
  if (format === 'duration') return `give it a unit: ${value}s or ${value}ms`;
  return format === 'percentage' ? `write ${value}%` : undefined;
}

function sizeMessage(issue: Extract<Issue, { code: 'too_small' | 'too_big' }>, value: unknown): string {
  const small = issue.code === 'too_small';
  const bound = small ? issue.minimum : issue.maximum;
  const word = small
    ? issue.inclusive === false
      ? 'more than'
      : 'at least'
    : issue.inclusive === false
      ? 'less than'
      : 'at most';
  if (issue.origin === 'string') {
    return bound === 1 && small
      ? 'must not be empty'
      : `must have ${word} ${bound} characters, has ${typeof value === 'string' ? value.length : 0}`;
  }
  if (issue.origin === 'array') {
    return bound === 1 && small
      ? 'must not be an empty list'
      : `must have ${word} ${bound} items, has ${Array.isArray(value) ? value.length : 0}`;
  }
  return `must be ${word} ${bound}, is ${describe(value)}`;
}

function sentence(issue: Issue): string {
  if (issue.code === 'invalid_format' && issue.format === 'starts_with' && 'prefix' in issue)
    return `must begin with ${quote(String(issue.prefix))}`;
  if (issue.code === 'too_small' && issue.origin === 'string') return 'must not be empty';
  if (issue.code === 'too_big' && issue.origin === 'string') return `must have at most ${issue.maximum} characters`;
  return lower(issue.message);
}

function lower(message: string): string {
  return `${message[0]?.toLowerCase() ?? ''}${message.slice(1)}`;
}

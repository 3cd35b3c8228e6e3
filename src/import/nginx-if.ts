import { isPath, literally, notImported, type RuleDraft } from './draft.ts';
import { returned } from './nginx-answer.ts';
import { headersOf, responseOf } from './nginx-headers.ts';
import { type Making, type Match, when } from './nginx-making.ts';
import { hasVariable, Scope, sourceOf } from './nginx-values.ts';
import type { Regexes } from './regexes.ts';
import type { Statement } from './statement.ts';

interface Refusals {
  readonly rules: readonly RuleDraft[];
  /** All is answered by them: what a policy cannot ask for closes what it guarded. */
  readonly closed: boolean;
}

/** What `if` answers before anything else is looked at. */
export function answersOfIf(making: Making, scope: Scope, match: Match): Refusals {
  const { notes, regexes } = making.draft;
  const end = scope.statements.findIndex(each => each.name === 'return');
  const before = end < 0 ? scope.statements : scope.statements.slice(0, end);
  const rules: RuleDraft[] = [];
  for (const at of before) {
    const answer = at.name === 'if' ? at.body?.find(each => each.name === 'return') : undefined;
    if (!answer) continue;
    const asked = conditionOf(at, regexes);
    if (asked && !(asked.path && match.path)) {
      notes.take(at);
      const within = new Scope(at.body ?? [], scope);
      const said = returned(making, within);
      rules.push({ match: { ...match, ...asked }, ...said, ...responseOf(headersOf(making, within)) });
    } else if (/^[45]\d\d$/.test(answer.args[0] ?? '')) {
      notes.leftWhole(at, making.path, 'a policy cannot ask for that, so what it guards is answered 501');
      return { rules: [...rules, { ...when(match), respond: notImported(`${at.file}:${at.line}`) }], closed: true };
    }
  }
  return { rules, closed: false };
}

interface Asked {
  readonly variable: string;
  readonly how: string;
  readonly text: string;
}

/** `($name)`, `($name != "text")`: parentheses stand at words or alone. */
function wordsOf({ args: [first = '', ...more] }: Statement): Asked | undefined {
  const opened = [...(first === '(' ? [] : [first.replace(/^\(/, '')]), ...more];
  const last = opened.at(-1) ?? '';
  const [variable = '', how, text, ...rest] = [
    ...opened.slice(0, -1),
    ...(last === ')' ? [] : [last.replace(/\)$/, '')]),
  ];
  if (rest.length > 0 || (how !== undefined && text === undefined)) return undefined;
  return { variable, how: how ?? '', text: text ?? '' };
}

type Text = NonNullable<NonNullable<Match['headers']>[string]>;

/** What a condition comes to; undefined: a policy cannot ask for it, or not for all that nginx takes it to mean. */
function conditionOf(at: Statement, regexes: Regexes): Match | undefined {
  const asked = wordsOf(at);
  if (!asked) return undefined;
  const { variable, how, text } = asked;
  if (variable === '$request_method') return methodsOf(asked);
  if (/^\$(document_)?uri$/.test(variable)) return pathOf(asked, regexes);
  if (variable === '$host') {
    if (how !== '=' && how !== '!=') return undefined;
    const regex = `(?i)${literally(text)}(:[0-9]+)?`;
    return hasVariable(text) || text === ''
      ? undefined
      : { headers: { ':authority': turned({ regex }, how === '!=') } };
  }
  const source = sourceOf(variable);
  const value = source && textOf(asked, regexes);
  if (!source || !value || 'sourceIp' in source) return undefined;
  if ('header' in source) return { headers: { [source.header]: value } };
  // nginx finds these by any case of their names: another case must not get by.
  if (typeof value === 'string' || !('not' in value) || !value.not) return undefined;
  if ('cookie' in source) return { cookies: { [source.cookie.name]: value } };
  return 'exact' in value ? { query: { [source.query]: value } } : undefined;
}

const turned = (text: Exclude<Text, string>, not: boolean): Text => (not ? { ...text, not } : text);

function textOf({ how, text }: Asked, regexes: Regexes): Text | undefined {
  if (how === '') return { regex: '0.+|[^0].*' };
  if (how === '=' || how === '!=') {
    if (hasVariable(text)) return undefined;
    return text === '' ? turned({ regex: '.+' }, how === '=') : turned({ exact: text }, how === '!=');
  }
  if (!/^!?~\*?$/.test(how)) return undefined;
  const found = regexes.whole(text, how.endsWith('*'));
  if ('why' in found || fitsNothing(found.regex)) return undefined;
  return turned({ regex: found.regex }, how.startsWith('!'));
}

/** Whether it fits an empty text, as which nginx takes what is absent; what cannot be said counts as well. */
function fitsNothing(regex: string): boolean {
  try {
    return new RegExp(`^(?:${regex.replace(/^\(\?i\)/, '')})$`).test('');
  } catch {
    return true;
  }
}

function methodsOf({ how, text }: Asked): Match | undefined {
  const [, group = ''] = /^\^?\(?([A-Z]+(?:\|[A-Z]+)*)\)?\$?$/.exec(text) ?? [];
  const whole = /^\^\(.*\)\$$/.test(text) || /^\^[A-Z]+\$$/.test(text);
  const methods = group.split('|');
  if (group === '') return undefined;
  if (how === '=' && /^[A-Z]+$/.test(text)) return { methods: [text] };
  if (how === '!=' && /^[A-Z]+$/.test(text)) return { headers: { ':method': { exact: text, not: true } } };
  if (/^~\*?$/.test(how) && whole) return { methods };
  return /^!~\*?$/.test(how) && whole ? { headers: { ':method': { regex: methods.join('|'), not: true } } } : undefined;
}

function pathOf({ how, text }: Asked, regexes: Regexes): Match | undefined {
  if (how === '=' && isPath(text) && !hasVariable(text)) return { path: { exact: text } };
  if (how !== '~' && how !== '~*') return undefined;
  const found = regexes.whole(text, how === '~*');
  return 'why' in found ? undefined : { path: { regex: found.regex } };
}

import { isHeaderName, isPath, literally, type RuleDraft } from './draft.ts';
import type { Regexes } from './regexes.ts';
import { importLimits, type Statement } from './statement.ts';

export type Match = NonNullable<RuleDraft['match']>;

/** One thing that a request is asked, of which any alternative must hold. */
type Test =
  | { readonly kind: 'host'; readonly fits: (host: string) => boolean; readonly hosts: readonly string[] }
  | { readonly kind: 'constant'; readonly holds: boolean }
  | { readonly kind: 'match'; readonly any: readonly Match[] };

export interface Literal {
  readonly not: boolean;
  readonly test: Test;
}

/** Alternatives, each of which is what must hold together; or why a policy cannot ask for it. */
export type Condition =
  | {
      readonly terms: readonly (readonly Literal[])[];
      /** More requests are meant than those that were. */
      readonly wider: boolean;
    }
  | { readonly why: string };

type Asked = Test | { readonly why: string };

/** The acls of a section: what each asks is made out once. */
export class Acls {
  readonly #lines: ReadonlyMap<string, readonly Statement[]>;
  readonly #tests = new Map<string, Asked>();
  readonly regexes: Regexes;

  constructor(lines: readonly Statement[], regexes: Regexes) {
    this.#lines = Map.groupBy(
      lines.filter(each => each.name === 'acl'),
      each => each.args[0] ?? '',
    );
    this.regexes = regexes;
  }

  /** What a name stands for. */
  test(name: string): Asked {
    const known = this.#tests.get(name);
    if (known) return known;
    const lines = this.#lines.get(name)?.map(each => each.args.slice(1)) ?? [];
    const usual = Object.hasOwn(predefined, name) ? predefined[name] : undefined;
    const all = lines.length === 0 && usual ? [usual] : lines;
    const made = all.length > 0 ? joined(all, this.regexes) : { why: `there is no acl ${name}` };
    this.#tests.set(name, made);
    return made;
  }

  /** Lines that something asked for. */
  get used(): readonly Statement[] {
    return [...this.#lines].flatMap(([name, lines]) => (this.#tests.has(name) ? lines : []));
  }

  /** Lines that nothing asked for. */
  get unused(): readonly Statement[] {
    return [...this.#lines].flatMap(([name, lines]) => (this.#tests.has(name) ? [] : lines));
  }
}

/** What holds for each request. */
export const always = { terms: [[]], wider: false } as const;

/**
 * `if a b || !{ path /x }`, or nothing: what holds always.
 * `wider`: what a policy cannot ask for counts as said, unless that leaves nothing of who is meant.
 */
export function conditionOf(words: readonly string[], acls: Acls, wider = false): Condition {
  if (words.length === 0) return always;
  const [first, ...rest] = words;
  if (first !== 'if') return { why: `${first} is not understood: write it with if` };
  const all: Literal[][] = [[]];
  const unknown: { readonly term: number; readonly not: boolean; readonly why: string }[] = [];
  for (let at = 0; at < rest.length; at += 1) {
    let word = rest[at] ?? '';
    if (word === '||' || word === 'or') {
      all.push([]);
      continue;
    }
    let not = false;
    while (word.startsWith('!')) {
      not = !not;
      word = word.slice(1);
      if (word === '') word = rest[++at] ?? '';
    }
    let test: Asked;
    if (word === '{') {
      const end = rest.indexOf('}', at);
      if (end < 0) return { why: 'a { has no }' };
      test = testOf(rest.slice(at + 1, end), acls.regexes);
      at = end;
    } else {
      test = acls.test(word);
    }
    const asked =
      not && 'kind' in test && test.kind === 'match' && !invertible(test.any)
        ? { why: `what "!${word}" asks cannot be turned round` }
        : test;
    if ('kind' in asked) all.at(-1)?.push({ not, test: asked });
    else unknown.push({ term: all.length - 1, not, why: asked.why });
  }
  const [lacking] = unknown;
  if (!lacking) return { terms: all, wider: false };
  // Where callers come from and the like: whoever is not one of them is nearly everyone.
  const named = unknown.filter(({ term, not }) => !not && all[term]?.length === 0);
  return wider && named.every(({ term }) => unknown.some(each => each.term === term && each.not))
    ? { terms: all, wider: true }
    : { why: lacking.why };
}

const predefined: Readonly<Record<string, readonly string[]>> = {
  TRUE: ['always_true'],
  FALSE: ['always_false'],
  METH_GET: ['method', 'GET', 'HEAD'],
  METH_HEAD: ['method', 'HEAD'],
  METH_POST: ['method', 'POST'],
  METH_PUT: ['method', 'PUT'],
  METH_DELETE: ['method', 'DELETE'],
  METH_OPTIONS: ['method', 'OPTIONS'],
  METH_TRACE: ['method', 'TRACE'],
  METH_CONNECT: ['method', 'CONNECT'],
};

/** Several lines of one name: any of them. */
function joined(lines: readonly (readonly string[])[], regexes: Regexes): Asked {
  const any: Match[] = [];
  const hosts: Extract<Test, { kind: 'host' }>[] = [];
  for (const line of lines) {
    const each = testOf(line, regexes);
    if (lines.length === 1 || 'why' in each) return each;
    if (each.kind === 'match') any.push(...each.any);
    else if (each.kind === 'host') hosts.push(each);
    else return { why: 'lines of one acl ask for different things' };
    if (any.length > importLimits.alternatives) return { why: 'it has too many values' };
  }
  if (hosts.length === 0) return { kind: 'match', any };
  if (any.length > 0) return { why: 'lines of one acl ask for hosts and for other things' };
  return hostsOf(hosts.flatMap(each => each.hosts));
}

const comparisons = new Set(['beg', 'end', 'sub', 'reg', 'str', 'dom', 'dir', 'found']);

function testOf(words: readonly string[], regexes: Regexes): Asked {
  const [criterion = '', ...rest] = words;
  const values: string[] = [];
  let ignoreCase = false;
  let matching: string | undefined;
  for (let at = 0; at < rest.length; at += 1) {
    const word = rest[at] ?? '';
    if (word === '-i') ignoreCase = true;
    else if (word === '-m') matching = rest[++at];
    else if (word === '--') continue;
    else if (/^-[a-z]$/.test(word)) return { why: `the flag ${word} is not understood` };
    else values.push(word);
  }
  if (criterion === 'always_true' || criterion === 'always_false')
    return { kind: 'constant', holds: criterion === 'always_true' };
  // Ports that speak TLS are left out.
  if (criterion === 'ssl_fc') return { kind: 'constant', holds: false };
  if (criterion === 'method') return { kind: 'match', any: [{ methods: values }] };
  const [, name = '', suffix, argument] =
    /^(?:req\.)?([a-z]+?)(?:_(beg|end|sub|reg|dom|dir))?(?:\(([^,()]*)\))?$/.exec(criterion) ?? [];
  const how = matching ?? suffix ?? 'str';
  if (!comparisons.has(how)) return { why: `-m ${matching} is not understood` };
  if (name === 'hdr' && argument?.toLowerCase() === 'host' && ['str', 'end', 'dom'].includes(how))
    return hostTest(how, values);
  if (values.length > importLimits.alternatives) return { why: 'it has too many values' };
  if (name === 'path') return anyOf(values.map(each => pathTest(how, each, ignoreCase, regexes)));
  if (argument === undefined || argument === '') return { why: `a policy cannot ask for ${criterion}` };
  const text = (each: string) => textTest(how, each, ignoreCase, regexes);
  const texts = how === 'found' ? [{ present: true }] : values.map(text);
  if (name === 'hdr' && isHeaderName(argument)) {
    const header = argument.toLowerCase() === 'host' ? ':authority' : argument.toLowerCase();
    return anyOf(texts.map(each => ('why' in each ? each : { headers: { [header]: each } })));
  }
  if (name === 'cook') return anyOf(texts.map(each => ('why' in each ? each : { cookies: { [argument]: each } })));
  if (/^(urlp|url_param|param)$/.test(name) || criterion.startsWith('url_param(')) {
    return anyOf(texts.map(each => ('why' in each ? each : { query: { [argument]: each } })));
  }
  return { why: `a policy cannot ask for ${criterion}` };
}

function anyOf(all: readonly (Match | { readonly why: string })[]): Test | { readonly why: string } {
  const any: Match[] = [];
  for (const each of all) {
    if ('why' in each) return each;
    any.push(each);
  }
  return { kind: 'match', any };
}

function hostTest(how: string, values: readonly string[]): Asked {
  const names = values.map(each => each.toLowerCase().replace(/:\d+$/, ''));
  if (names.some(each => each.length > 250 || !/^\.?[a-z0-9_-]+(\.[a-z0-9_-]+)*$/.test(each)))
    return { why: 'it names no hosts' };
  if (how === 'str') return names.some(each => each.startsWith('.')) ? { why: 'it names no hosts' } : hostsOf(names);
  if (names.some(each => !each.startsWith('.'))) return { why: 'hosts end with a dot and a name, as in .example.com' };
  return hostsOf(names.map(each => `*${each}`));
}

/** Hosts of a policy; another host fits where it is below one of them. */
function hostsOf(hosts: readonly string[]): Extract<Test, { kind: 'host' }> {
  const all = new Set(hosts);
  const fits = (host: string): boolean => {
    if (all.has(host)) return true;
    for (let dot = host.indexOf('.'); dot >= 0; dot = host.indexOf('.', dot + 1))
      if (all.has(`*${host.slice(dot)}`)) return true;
    return false;
  };
  return { kind: 'host', fits, hosts };
}

type Text =
  | { readonly exact: string }
  | { readonly prefix: string }
  | { readonly suffix: string }
  | { readonly contains: string }
  | { readonly regex: string }
  | { readonly present: true };

function textTest(how: string, text: string, ignoreCase: boolean, regexes: Regexes): Text | { readonly why: string } {
  if (how === 'reg') return regexes.whole(text, ignoreCase);
  if (!['str', 'beg', 'end', 'sub'].includes(how) || text === '') return { why: `values cannot be compared by ${how}` };
  if (ignoreCase) {
    const before = how === 'end' || how === 'sub' ? '.*' : '';
    const after = how === 'beg' || how === 'sub' ? '.*' : '';
    return { regex: `(?i)${before}${literally(text)}${after}` };
  }
  if (how === 'beg') return { prefix: text };
  if (how === 'end') return { suffix: text };
  return how === 'sub' ? { contains: text } : { exact: text };
}

function pathTest(how: string, text: string, ignoreCase: boolean, regexes: Regexes): Match | { readonly why: string } {
  const letters = ignoreCase ? { ignoreCase: true } : {};
  if (how === 'str' && isPath(text)) return { path: { exact: text, ...letters } };
  if (how === 'beg' && text === '/') return {};
  if (how === 'beg' && isPath(text) && text.endsWith('/')) return { path: { prefix: text, ...letters } };
  const pattern = {
    beg: `^${literally(text)}`,
    end: `${literally(text)}$`,
    sub: literally(text),
    reg: text,
    dir: `(?:^|/)${literally(text)}(?:/|$)`,
  };
  const found = Object.hasOwn(pattern, how)
    ? regexes.whole(pattern[how as 'beg'], ignoreCase)
    : { why: `paths cannot be compared by ${how}` };
  return 'why' in found ? found : { path: { regex: found.regex } };
}

const invertible = (any: readonly Match[]) =>
  any.every(each => !each.path && !each.methods && Object.keys(each).length === 1);

/** The matches that a condition comes to for one host; none: it never holds there; undefined: rules cannot ask for it. */
export function matchesFor(condition: readonly (readonly Literal[])[], host: string): readonly Match[] | undefined {
  const found: Match[] = [];
  for (const term of condition) {
    let matches: Match[] = [{}];
    for (const { not, test } of term) {
      if (test.kind === 'match') {
        const next = not ? allTurned(test.any) : test.any;
        if (next === undefined) return undefined;
        const both = matches.flatMap(each => next.map(other => merged(each, other)));
        if (both.includes(null)) return undefined;
        matches = both.filter(each => each !== undefined && each !== null);
        if (matches.length > importLimits.alternatives) return undefined;
      } else {
        const holds = test.kind === 'constant' ? test.holds : test.fits(host);
        if (holds === not) matches = [];
      }
    }
    found.push(...matches);
  }
  return found.length > importLimits.alternatives ? undefined : found;
}

/** What holds where none of them does; undefined: a rule cannot ask for that. */
function allTurned(any: readonly Match[]): readonly Match[] | undefined {
  let all: Match = {};
  for (const each of any) {
    const both = merged(all, turned(each));
    if (both === null || both === undefined) return undefined;
    all = both;
  }
  return [all];
}

function turned({ headers = {}, query = {}, cookies = {} }: Match): Match {
  const round = (all: Readonly<Record<string, unknown>>) =>
    Object.fromEntries(Object.entries(all).map(([name, text]) => [name, { ...(text as Text), not: true }]));
  return { headers: round(headers), query: round(query), cookies: round(cookies) } as Match;
}

/** Both together; undefined: they never hold together; null: a rule cannot ask for both. */
function merged(a: Match, b: Match): Match | undefined | null {
  if (a.path && b.path && JSON.stringify(a.path) !== JSON.stringify(b.path)) return null;
  const methods =
    a.methods && b.methods ? a.methods.filter(each => b.methods?.includes(each)) : (a.methods ?? b.methods);
  if (methods?.length === 0) return undefined;
  const path = a.path ?? b.path;
  const kinds = (['headers', 'query', 'cookies'] as const).map(kind => [kind, { ...a[kind], ...b[kind] }] as const);
  const clash = (['headers', 'query', 'cookies'] as const).some(kind =>
    Object.keys(a[kind] ?? {}).some(
      name => b[kind]?.[name] !== undefined && JSON.stringify(a[kind]?.[name]) !== JSON.stringify(b[kind]?.[name]),
    ),
  );
  if (clash) return null;
  return {
    ...(path ? { path } : {}),
    ...(methods ? { methods } : {}),
    ...Object.fromEntries(kinds.filter(([, value]) => Object.keys(value).length > 0)),
  };
}

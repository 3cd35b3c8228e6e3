import { countWithin, type Draft, isPath, notImported, type RuleDraft } from './draft.ts';
import { returned, rewritten } from './nginx-answer.ts';
import { guardOf, withMethods } from './nginx-guard.ts';
import { headersOf, responseOf } from './nginx-headers.ts';
import { answersOfIf } from './nginx-if.ts';
import { type Making, type Match, when } from './nginx-making.ts';
import { hasVariable, type Scope, type Source, sourceOf, timeOf } from './nginx-values.ts';
import type { Statement } from './statement.ts';

/**
 * The path of a location; undefined: it is not one that requests reach by their path. Of an expression that a policy cannot
 * ask for it is a wider one: see `closes`.
 */
export function pathOf({ draft: { notes, regexes }, path }: Making, location: Statement): Match | undefined {
  const [kind = '', text] = location.args.length > 1 ? location.args : ['', location.args[0]];
  if (text === undefined || text.startsWith('@')) {
    notes.left(location, path, 'requests reach a named location by error_page and try_files only');
    return undefined;
  }
  if (kind === '~' || kind === '~*') {
    const whole = regexes.whole(text, kind === '~*');
    if ('regex' in whole) return { path: { regex: whole.regex } };
    const begin = beginOf(text);
    const wider = begin === '' ? undefined : regexes.whole(begin, kind === '~*');
    const found = wider && 'regex' in wider && !/^(\(\?i\))?(\.\*)?$/.test(wider.regex) ? wider.regex : undefined;
    const which = found === undefined ? 'all that no rule before it takes' : `what begins like it (${found})`;
    notes.leftWhole(location, path, `${which} is answered 501, since ${whole.why}`);
    return found === undefined ? {} : { path: { regex: found } };
  }
  if (!isPath(text)) {
    notes.left(location, path, 'a path begins with / and has no blanks, ? or #');
    return undefined;
  }
  if (kind === '=') return { path: { exact: text } };
  if (text === '/') return {};
  if (!text.endsWith('/')) {
    notes.changed(
      location,
      path,
      `${text}x does not match`,
      `it matches ${text} and what is below it; write { regex: "${text}.*" } for all`,
    );
  }
  return { path: { prefix: text } };
}

/** Whether a location is one whose expression a policy cannot ask for: what it may mean is answered 501. */
export function closes({ draft: { regexes } }: Making, { args: [kind = '', text] }: Statement): boolean {
  return text !== undefined && /^~\*?$/.test(kind) && 'why' in regexes.whole(text, kind === '~*');
}

/** The begin of an expression, up to its first group: all that fits the whole begins so. Empty: that cannot be said simply. */
function beginOf(pattern: string): string {
  let depth = 0;
  let end = pattern.length;
  for (let at = 0; at < pattern.length; at += 1) {
    const letter = pattern[at];
    if (letter === '[' || letter === '|' || pattern.startsWith('\\Q', at)) return '';
    if (letter === '\\') {
      if (depth === 0 && /[1-9k]/.test(pattern[at + 1] ?? '')) end = Math.min(end, at);
      at += 1;
    } else if (letter === '(') {
      if (depth === 0) end = Math.min(end, at);
      depth += 1;
    } else if (letter === ')') depth -= 1;
  }
  return pattern.slice(0, end);
}

/** The rules of a location, or of a server that sends on by itself. */
export function rulesOf(making: Making, scope: Scope, match: Match, at: Statement): readonly RuleDraft[] {
  const { draft, path } = making;
  const within = scope.statements.find(each => each.name === 'internal');
  if (within) {
    draft.notes.leftWhole(at, path, 'it is reached from within nginx alone', 'its requests are answered 404');
    return [{ ...when(match), respond: { status: 404 } }];
  }
  const first = answersOfIf(making, scope, match);
  return first.closed ? first.rules : [...first.rules, ...servedBy(making, scope, match, at)];
}

function servedBy(making: Making, scope: Scope, match: Match, at: Statement): readonly RuleDraft[] {
  const { draft, path } = making;
  const answer = returned(making, scope) ?? rewritten(making, scope, match);
  const sent = scope.get('proxy_pass') ?? scope.get('grpc_pass');
  if (sent) draft.notes.take(sent);
  const own = scope.statements.find(each => each.name === 'proxy_pass' || each.name === 'grpc_pass');
  const said = headersOf(making, scope);
  if (answer) return [{ ...when(match), ...answer, ...responseOf(said) }];
  const guard = guardOf(scope);
  if (guard) {
    draft.notes.left(guard, path, 'a policy cannot ask for that, so what it guards is answered 501');
    return [{ ...when(match), respond: notImported(`${guard.file}:${guard.line}`) }];
  }
  const made = own ? passed(making, scope, match, own) : undefined;
  if (made) {
    const all = made.map(rule => ({ ...rule, ...said, ...limitsOf(making, scope) }));
    return withMethods(draft.notes, path, scope, all);
  }
  draft.notes.left(
    at,
    path,
    'nothing in it sends requests on, as far as a policy can',
    'its requests are answered 501',
  );
  return [{ ...when(match), respond: notImported(`${at.file}:${at.line}`) }];
}

function passed(making: Making, scope: Scope, match: Match, at: Statement): readonly RuleDraft[] | undefined {
  const { draft, path } = making;
  const [, scheme = '', host = '', uri = ''] =
    /^(?:(https?|grpcs?):\/\/)?(unix:[^:]+|[^/]+):?(\/?.*)$/.exec(at.args[0] ?? '') ?? [];
  if (host === '' || (scheme === '' && at.name === 'proxy_pass')) return undefined;
  const port = scheme === 'https' || scheme === 'grpcs' ? 443 : 80;
  if (port === 443) {
    draft.notes.changed(at, path, 'connections to it are without TLS', 'put what speaks TLS beside the application');
  }
  const protocol = at.name === 'grpc_pass' ? ('grpc' as const) : undefined;
  const to = (target: string) => making.upstreams.service(target, port, protocol, at);
  const rewrite = { ...rewriteOf(making, scope, match, uri, at), ...hostOf(making, scope, host) };
  const rest = Object.keys(rewrite).length > 0 ? { rewrite } : {};
  if (!host.startsWith('$')) {
    const service = to(host);
    return service === undefined ? undefined : [{ ...when(match), to: [{ service }], ...rest }];
  }
  const by = (list: readonly Statement[], place: number) =>
    list.find(each => each.args[place] === host.replace(/^\$\{?(\w+)\}?$/, '$$$1'));
  const split = by(making.splits, 1);
  if (split) return splitRule(making, split, to, when(match), rest);
  const map = by(making.maps, 1);
  return map ? mappedRules(making, map, to, match, rest) : undefined;
}

type To = (target: string) => string | undefined;

/** Shares of requests: those of a canary. */
function splitRule(
  making: Making,
  split: Statement,
  to: To,
  matched: Partial<RuleDraft>,
  rest: Partial<RuleDraft>,
): readonly RuleDraft[] | undefined {
  const { notes } = making.draft;
  notes.take(split, ...(split.body ?? []));
  let left = 10_000;
  const shares = (split.body ?? []).flatMap(each => {
    const percent = each.name === '*' ? left : Math.round(Number(each.name.replace(/%$/, '')) * 100);
    if (!Number.isFinite(percent)) return [];
    left -= each.name === '*' ? 0 : percent;
    const service = to(each.args[0] ?? '');
    return service === undefined ? [] : [{ service, weight: percent }];
  });
  if (shares.length < (split.body ?? []).length || new Set(shares.map(each => each.service)).size < shares.length)
    return undefined;
  const whole = shares.every(each => each.weight % 100 === 0) ? 100 : 1;
  const source = sourceOf(/^\$\{?\w+\}?/.exec(split.args[0] ?? '')?.[0] ?? '');
  if (!source || shares.length > 2) {
    const why = source
      ? 'of more than two destinations each request is drawn anew'
      : `each request is drawn anew, not by ${split.args[0]}`;
    notes.changed(split, making.path, why, 'sticky: cookie keeps callers with what they got first');
  }
  const sticky = source && shares.length === 2 ? { sticky: { hashBy: [source] } } : {};
  return [{ ...matched, to: shares.map(each => ({ ...each, weight: each.weight / whole })), ...sticky, ...rest }];
}

/** A rule for each value of a map, and one for all others. */
function mappedRules(
  making: Making,
  map: Statement,
  to: To,
  match: Match,
  rest: Partial<RuleDraft>,
): readonly RuleDraft[] | undefined {
  const { notes, regexes } = making.draft;
  const source = sourceOf(map.args[0] ?? '');
  const entries = (map.body ?? []).filter(each => each.name !== 'default');
  const other = (map.body ?? []).find(each => each.name === 'default');
  if (!source || 'sourceIp' in source || entries.some(each => /^(include|hostnames|volatile)$/.test(each.name)))
    return undefined;
  notes.take(map, ...(map.body ?? []));
  // Equal values are looked for first.
  const inOrder = [false, true].flatMap(regex => entries.filter(each => each.name.startsWith('~') === regex));
  const rules = inOrder.flatMap(each => {
    const service = to(each.args[0] ?? '');
    const text = each.name.startsWith('~')
      ? regexes.whole(each.name.replace(/^~\*?/, ''), each.name.startsWith('~*'))
      : { exact: each.name };
    if (service !== undefined && !('why' in text))
      return [{ match: { ...match, ...valued(source, text) }, to: [{ service }], ...rest }];
    notes.left(each, making.path, 'why' in text ? text.why : 'it names no server');
    return [];
  });
  const service = other && to(other.args[0] ?? '');
  const last =
    service === undefined ? { respond: notImported(`${map.file}:${map.line}`) } : { to: [{ service }], ...rest };
  return [...rules, { ...when(match), ...last }];
}

function valued(
  source: Exclude<Source, { readonly sourceIp: true }>,
  text: { exact: string } | { readonly regex: string },
): Match {
  if ('header' in source) return { headers: { [source.header]: text } };
  return 'query' in source ? { query: { [source.query]: text } } : { cookies: { [source.cookie.name]: text } };
}

function rewriteOf(
  { draft: { notes, regexes }, path }: Making,
  scope: Scope,
  match: Match,
  uri: string,
  at: Statement,
): NonNullable<RuleDraft['rewrite']> {
  const matched = match.path;
  const change = scope.statements.find(({ name, args }) => name === 'rewrite' && args[2] === 'break');
  if (change) {
    const [pattern = '', replacement = ''] = change.args;
    const whole = `${pattern.startsWith('^') ? '' : '^.*?'}${pattern}${pattern.endsWith('$') ? '' : '.*'}`;
    const plain = 'regex' in regexes.checked(whole) && !pattern.includes('|');
    if (plain && isPath(replacement) && !/%|\$[^1-9]/.test(replacement)) {
      notes.take(change);
      return {
        regex: { pattern: whole, replacement: replacement.replaceAll('\\', '\\\\').replaceAll(/\$([1-9])/g, '\\$1') },
      };
    }
  }
  if (uri === '' || typeof matched === 'string') return {};
  if (hasVariable(uri) || !isPath(uri) || matched?.regex !== undefined) {
    notes.changed(at, path, `the path ${uri} is left out`);
    return {};
  }
  return uri === (matched?.prefix ?? matched?.exact ?? '/') ? {} : { prefix: uri };
}

/** nginx sends the name in proxy_pass as the host, unless told otherwise. */
function hostOf({ draft: { notes }, path }: Making, scope: Scope, host: string): NonNullable<RuleDraft['rewrite']> {
  const at = scope.all('proxy_set_header').find(each => /^host$/i.test(each.args[0] ?? ''));
  if (at) notes.take(at);
  const value = at?.args[1] ?? '$proxy_host';
  if (/^\$\{?(http_)?host\}?(:\$server_port)?$/.test(value)) return {};
  const text = value === '$proxy_host' ? host : value;
  if (!text.startsWith('unix:') && !hasVariable(text) && text !== '') return { host: text };
  if (at) notes.left(at, path, 'the host is passed on as it came');
  return {};
}

function limitsOf({ draft: { notes }, path }: Making, scope: Scope): Partial<RuleDraft> {
  const read = scope.get('proxy_read_timeout') ?? scope.get('grpc_read_timeout');
  const idleTimeout = timeOf(read?.args[0]);
  if (read && idleTimeout !== undefined) notes.take(read);
  return { ...(idleTimeout === undefined ? {} : { idleTimeout }), ...retriesOf({ notes, path }, scope) };
}

function retriesOf({ notes, path }: Pick<Draft, 'notes'> & Pick<Making, 'path'>, scope: Scope): Partial<RuleDraft> {
  const at = scope.get('proxy_next_upstream');
  const tries = scope.get('proxy_next_upstream_tries');
  if (tries) notes.take(tries);
  // 0: as many as there are servers. The first attempt is none of ours.
  const most = (tries && countWithin(notes, tries, path, tries.args[0], 0, 11)) ?? 0;
  const attempts = most > 0 ? { attempts: most - 1 } : {};
  if (!at) return most > 0 ? { retries: attempts } : {};
  notes.take(at);
  const words = at.args;
  if (words.includes('off')) return { retries: { attempts: 0 } };
  const statuses = words.flatMap(each => (/^http_[45]\d\d$/.test(each) ? [Number(each.slice(5))] : []));
  const unknown = words.filter(each => !/^(error|timeout|non_idempotent|http_[45]\d\d)$/.test(each));
  if (unknown.length > 0) notes.changed(at, path, `${unknown.join(', ')} has no counterpart`);
  return {
    retries: {
      ...attempts,
      ...(statuses.length > 0 ? { statuses } : {}),
      ...(words.includes('non_idempotent') ? { methods: 'all' as const } : {}),
    },
  };
}

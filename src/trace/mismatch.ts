import type {
  CookieMatcher,
  HeaderMatcher,
  QueryParameterMatcher,
  RouteMatch,
} from '../../proto/gen/envoy.config.route.v3.ts';
import { splitPath, type TracedRequest } from './request.ts';
import { templateExpression } from './template.ts';
import { textMatches, textWords, wholeMatch } from './text.ts';

/** The first condition of a route that a request does not meet. */
export interface Mismatch {
  readonly part: 'path' | 'method' | 'header' | 'query' | 'cookie';
  /** In words, such as `header x-lane is absent, must be "beta"`. */
  readonly why: string;
}

/** Why Envoy passes a route over; undefined: the route takes the request. In the order in which Envoy looks. */
export function mismatch(match: RouteMatch, request: TracedRequest): Mismatch | undefined {
  return (
    pathMismatch(match, request) ??
    first(match.headers, matcher => headerMismatch(matcher, request)) ??
    first(match.query_parameters, matcher => queryMismatch(matcher, request)) ??
    first(match.cookies, matcher => cookieMismatch(matcher, request))
  );
}

/** How many regular expressions its conditions hold. */
export function expressionsIn({ safe_regex: path, headers, query_parameters: query, cookies }: RouteMatch): number {
  const texts = [
    ...(headers ?? []).map(each => each.string_match),
    ...(query ?? []).map(each => each.string_match),
    ...(cookies ?? []).map(each => each.string_match),
  ];
  return (path ? 1 : 0) + texts.filter(each => each?.safe_regex).length;
}

/** What the request says, which is the same for each of thousands of routes. */
function brief(text: string): string {
  return text.length > mostShown ? `${text.slice(0, mostShown)}…` : text;
}

const mostShown = 200;

function first<T>(all: readonly T[] | undefined, mismatchOf: (each: T) => Mismatch | undefined): Mismatch | undefined {
  for (const each of all ?? []) {
    const found = mismatchOf(each);
    if (found) return found;
  }
  return undefined;
}

function pathMismatch(match: RouteMatch, request: TracedRequest): Mismatch | undefined {
  const [path] = splitPath(request.path);
  const wanted = pathWanted(match, path);
  return wanted === undefined ? undefined : { part: 'path', why: `path is ${brief(path)}, must ${wanted}` };
}

/** What the path should have been, in words; undefined if it is. */
function pathWanted(match: RouteMatch, path: string): string | undefined {
  const { prefix, path: exact, path_separated_prefix: below, safe_regex: regex, path_match_policy: policy } = match;
  const insensitive = match.case_sensitive === false;
  const fold = (text: string) => (insensitive ? text.toLowerCase() : text);
  const [own, letters] = [fold(path), insensitive ? ', in letters of any case' : ''];
  if (exact !== undefined) return own === fold(exact) ? undefined : `be ${exact}${letters}`;
  if (prefix !== undefined) return own.startsWith(fold(prefix)) ? undefined : `begin with ${prefix}${letters}`;
  if (below !== undefined) {
    return own === fold(below) || own.startsWith(`${fold(below)}/`) ? undefined : `be ${below} or below it${letters}`;
  }
  if (regex) return wholeMatch(regex.regex ?? '', path) ? undefined : `match the expression ${regex.regex ?? ''}`;
  const { path_template: template } = (policy?.typed_config ?? {}) as { readonly path_template?: string };
  if (template === undefined) throw new Error('a route finds its path in a way that is not ours');
  return wholeMatch(templateExpression(template), path) ? undefined : `match the template ${template}`;
}

function headerMismatch(matcher: HeaderMatcher, request: TracedRequest): Mismatch | undefined {
  const { name = '', string_match: text, invert_match: inverted = false } = matcher;
  const sent = valuesOf(name, request);
  const part = name === ':method' ? 'method' : 'header';
  const what = headerWords(name, sent);
  if (!text) {
    const wanted = matcher.present_match ?? true;
    if (sent.length > 0 === wanted) return undefined;
    return { part, why: wanted ? `${what}, must be there` : `${what}, must be absent` };
  }
  const values = sent.length === 0 && matcher.treat_missing_header_as_empty ? [''] : sent;
  const met = values.length > 0 && values.some(value => textMatches(text, value)) !== inverted;
  return met ? undefined : { part, why: `${what}, must ${inverted ? 'not ' : ''}${textWords(text)}` };
}

function headerWords(name: string, sent: readonly string[]): string {
  if (name === ':method') return `method is ${sent.join()}`;
  if (name === ':path') return `path with query is ${brief(sent.join())}`;
  if (sent.length === 0) return `header ${name} is absent`;
  return `header ${name} is ${brief(sent.map(value => JSON.stringify(value)).join(' and '))}`;
}

/** Each line of a header that is sent several times counts by itself. */
function valuesOf(name: string, { method, host, path, headers }: TracedRequest): readonly string[] {
  const own = name.toLowerCase();
  if (own === ':method') return [method];
  if (own === ':path') return [path];
  if (own === ':authority' || own === 'host') return [host];
  if (own === ':scheme') return ['http'];
  return headers.flatMap(([each, value]) => (each === own ? [value] : []));
}

/** The first parameter of the name counts, as it was sent. */
function queryMismatch(matcher: QueryParameterMatcher, request: TracedRequest): Mismatch | undefined {
  const { name = '', present_match: present = true, string_match: text } = matcher;
  const value = parameterOf(name, request);
  const what = `query parameter ${name} is ${value === undefined ? 'absent' : brief(JSON.stringify(value))}`;
  if (!text) {
    if ((value !== undefined) === present) return undefined;
    return { part: 'query', why: present ? `${what}, must be there` : `${what}, must be absent` };
  }
  if (value !== undefined && textMatches(text, value)) return undefined;
  return { part: 'query', why: `${what}, must ${textWords(text)}` };
}

function parameterOf(name: string, request: TracedRequest): string | undefined {
  const [, query] = splitPath(request.path);
  for (const pair of query.slice(1).split('&')) {
    const at = pair.indexOf('=');
    if ((at < 0 ? pair : pair.slice(0, at)) === name && query !== '') return at < 0 ? '' : pair.slice(at + 1);
  }
  return undefined;
}

/** The first cookie of the name counts, without quotes around it. */
function cookieMismatch(matcher: CookieMatcher, request: TracedRequest): Mismatch | undefined {
  const { name = '', string_match: text = {}, invert_match: inverted = false } = matcher;
  const value = cookieOf(name, request);
  const met = (value !== undefined && textMatches(text, value)) !== inverted;
  if (met) return undefined;
  const what = `cookie ${name} is ${value === undefined ? 'absent' : brief(JSON.stringify(value))}`;
  return { part: 'cookie', why: `${what}, must ${inverted ? 'not ' : ''}${cookieWords(text)}` };
}

/** `.*` is how the presence of a cookie is asked for. */
function cookieWords(text: NonNullable<CookieMatcher['string_match']>): string {
  return text.safe_regex?.regex === '.*' ? 'be there' : textWords(text);
}

function cookieOf(name: string, request: TracedRequest): string | undefined {
  for (const line of valuesOf('cookie', request)) {
    for (const pair of line.split(';')) {
      const at = pair.indexOf('=');
      if (at < 0 || pair.slice(0, at).trim() !== name) continue;
      return pair
        .slice(at + 1)
        .trim()
        .replace(/^"(.*)"$/, '$1');
    }
  }
  return undefined;
}

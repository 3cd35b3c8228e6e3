import type { HeaderMatcher, Route, RouteMatch } from '../../proto/gen/envoy.config.route.v3.ts';
import type { StringMatcher } from '../../proto/gen/envoy.type.matcher.v3.ts';

/** A request as Envoy's routing sees it. */
export interface RoutedRequest {
  /** With its query. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/**
 * The first route that Envoy would take, or undefined. A model of what our translation uses of Envoy's matching, checked
 * against a real one by the end-to-end tests; templates and cookies are not in it.
 */
export function routeOf(routes: readonly Route[], request: RoutedRequest): Route | undefined {
  return routes.find(route => matches(route.match ?? {}, request));
}

function matches(match: RouteMatch, { path, headers = {} }: RoutedRequest): boolean {
  const [plain = '', query = ''] = path.split(/\?(.*)/s);
  const all: Readonly<Record<string, string>> = { ...headers, ':path': path, ':method': 'GET' };
  const parameters = new Map<string, string>();
  for (const part of query === '' ? [] : query.split('&')) {
    const [name = '', value = ''] = part.split(/=(.*)/s);
    if (!parameters.has(name)) parameters.set(name, value);
  }
  return (
    pathMatches(match, plain) &&
    (match.headers ?? []).every(matcher => headerMatches(matcher, all[matcher.name ?? ''])) &&
    (match.query_parameters ?? []).every(({ name = '', present_match: present, string_match: text }) => {
      const value = parameters.get(name);
      return text ? value !== undefined && textMatches(text, value) : (value !== undefined) === (present ?? true);
    })
  );
}

function pathMatches(match: RouteMatch, path: string): boolean {
  const fold = (text: string) => (match.case_sensitive === false ? text.toLowerCase() : text);
  if (match.path !== undefined) return fold(path) === fold(match.path);
  if (match.prefix !== undefined) return fold(path).startsWith(fold(match.prefix));
  if (match.safe_regex) return textMatches({ safe_regex: match.safe_regex }, path);
  const prefix = match.path_separated_prefix;
  if (prefix === undefined) throw new Error('the model knows no templates');
  return fold(path) === fold(prefix) || fold(path).startsWith(`${fold(prefix)}/`);
}

function headerMatches(matcher: HeaderMatcher, sent: string | undefined): boolean {
  if (!matcher.string_match) return (sent !== undefined) === (matcher.present_match ?? true);
  const value = sent ?? (matcher.treat_missing_header_as_empty ? '' : undefined);
  return value !== undefined && textMatches(matcher.string_match, value) !== (matcher.invert_match ?? false);
}

function textMatches(matcher: StringMatcher, value: string): boolean {
  const fold = (text: string) => (matcher.ignore_case ? text.toLowerCase() : text);
  if (matcher.exact !== undefined) return fold(value) === fold(matcher.exact);
  if (matcher.prefix !== undefined) return fold(value).startsWith(fold(matcher.prefix));
  if (matcher.suffix !== undefined) return fold(value).endsWith(fold(matcher.suffix));
  if (matcher.contains !== undefined) return fold(value).includes(fold(matcher.contains));
  const regex = matcher.safe_regex?.regex ?? '';
  const insensitive = regex.includes('(?i)');
  return new RegExp(`^(?:${regex.replace('(?i)', '')})$`, insensitive ? 'si' : 's').test(value);
}

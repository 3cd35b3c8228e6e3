import type { RedirectAction, Route, RouteAction, RouteMatch } from '../../proto/gen/envoy.config.route.v3.ts';
import { splitPath, type TracedRequest } from './request.ts';
import { replaceMatches } from './text.ts';

/** A cluster that traffic may go to. */
export interface Destination {
  readonly cluster: string;
  readonly weight: number;
}

/** What Envoy does with a request or a connection in the end. */
export type Outcome =
  | {
      readonly kind: 'forward';
      /** One, or several of which one is drawn by weight; those of weight 0 get nothing. */
      readonly destinations: readonly Destination[];
      /** Not chance but a hash of what the caller sends draws among them: the same caller gets the same. */
      readonly hashed?: true;
      /** As the application sees it, with its query. */
      readonly path: string;
      readonly host: string;
    }
  | { readonly kind: 'redirect'; readonly status: number; readonly location: string }
  | { readonly kind: 'respond'; readonly status: number; readonly body: string }
  /** The connection's bytes are passed on, whatever they are. */
  | { readonly kind: 'connection'; readonly destinations: readonly Destination[] }
  /** Envoy answers by itself, without a route. */
  | { readonly kind: 'unrouted'; readonly status: number; readonly why: string; readonly location?: string };

/** What a route does with a request that it takes. */
export function outcomeOf(
  { match = {}, redirect, direct_response: answer, route }: Route,
  request: TracedRequest,
): Outcome {
  if (redirect) return { kind: 'redirect', ...redirection(redirect, match, request) };
  if (answer) return { kind: 'respond', status: answer.status ?? 200, body: answer.body?.inline_string ?? '' };
  const action = route ?? {};
  return {
    kind: 'forward',
    destinations: destinations(action),
    ...(action.weighted_clusters?.use_hash_policy ? { hashed: true } : {}),
    path: rewritten(action, match, request.path),
    host: action.host_rewrite_literal ?? request.host,
  };
}

function destinations({ cluster, weighted_clusters: split }: RouteAction): readonly Destination[] {
  if (cluster !== undefined) return [{ cluster, weight: 1 }];
  return (split?.clusters ?? []).map(({ name = '', weight = 0 }) => ({ cluster: name, weight }));
}

/** The query stays, and is not looked at by expressions. */
function rewritten(
  { prefix_rewrite: prefix, regex_rewrite: regex }: Pick<RouteAction, 'prefix_rewrite' | 'regex_rewrite'>,
  match: RouteMatch,
  pathAndQuery: string,
): string {
  const [path, query] = splitPath(pathAndQuery);
  if (regex) return replaceMatches(regex.pattern?.regex ?? '', path, regex.substitution ?? '') + query;
  if (!prefix) return pathAndQuery;
  const matched = match.prefix ?? match.path_separated_prefix ?? path;
  return prefix + path.slice(matched.length) + query;
}

const redirectStatuses: Readonly<Record<string, number>> = {
  MOVED_PERMANENTLY: 301,
  FOUND: 302,
  SEE_OTHER: 303,
  TEMPORARY_REDIRECT: 307,
  PERMANENT_REDIRECT: 308,
};

const defaultPorts: Readonly<Record<string, string>> = { http: ':80', https: ':443' };

function redirection(
  action: RedirectAction,
  match: RouteMatch,
  request: TracedRequest,
): { readonly status: number; readonly location: string } {
  const scheme = action.scheme_redirect ?? 'http';
  const [, port = ''] = /(:\d+)$/.exec(request.host) ?? [];
  const bare = request.host.slice(0, request.host.length - port.length);
  const keepsPort = action.port_redirect === undefined && !(scheme !== 'http' && port === defaultPorts['http']);
  const host = action.host_redirect ?? (keepsPort ? request.host : bare);
  const newPort = action.port_redirect === undefined ? '' : `:${action.port_redirect}`;
  return {
    status: redirectStatuses[action.response_code ?? 'MOVED_PERMANENTLY'] ?? 301,
    location: `${scheme}://${host}${newPort}${redirectedPath(action, match, request.path)}`,
  };
}

function redirectedPath(action: RedirectAction, match: RouteMatch, pathAndQuery: string): string {
  const [, query] = splitPath(pathAndQuery);
  const { path_redirect: path, strip_query: strips = false } = action;
  if (path !== undefined) return strips || path.includes('?') ? path : path + query;
  const moved = rewritten(action, match, pathAndQuery);
  return strips ? splitPath(moved)[0] : moved;
}

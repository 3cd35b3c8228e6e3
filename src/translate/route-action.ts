import type { RedirectAction, Route, RouteAction } from '../../proto/gen/envoy.config.route.v3.ts';
import type { RuleIr, WeightedClusterIr } from '../ir/ir.ts';
import type { MaintenancePage } from '../policy/maintenance.ts';
import type { PathMatch } from '../policy/match.ts';
import type { DirectResponse, Redirect } from '../policy/route.ts';
import { destinationFilters } from './filters/index.ts';
import { hashPolicies, stickyHashPolicies } from './hash-policy.ts';
import { requestHeaders, responseHeaders } from './header-changes.ts';
import type { Lane } from './lane.ts';
import { type PathRewrite, pathRewrite } from './path-rewrite.ts';
import { duration } from './units.ts';

/** What makes one of a rule's Envoy routes differ from the others. */
export interface Variant {
  readonly lane: Lane;
  /** In place of the rule's own rewrite of the path. */
  readonly path?: PathRewrite | undefined;
  /** Response headers of ours; the rule's own changes win. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
}

/** What the names of routes end with that answer a page of maintenance: `shop/everyone@maintenance`. */
export const maintenanceMark = '@maintenance';

/** A route's fields beside its match: name, action and header changes of the rule. */
export function ruleRoute(rule: RuleIr, variant: Variant): Route {
  const { match, redirect, respond } = rule.rule;
  const base: Route = {
    name: rule.name,
    // Only named rules have statistics of their own: an index moves when a rule is put before it.
    ...(rule.rule.name === undefined ? {} : { stat_prefix: rule.name }),
  };
  const { lane, path } = variant;
  if (lane.page) return { ...base, name: `${rule.name}${maintenanceMark}`, ...maintenanceAnswer(lane.page, rule) };
  if (respond) return { ...base, ...directResponse(respond, rule) };
  const only = onlyOf(lane);
  const marks = only && lane.mark ? [lane.mark(only)] : [];
  const headers = {
    ...requestHeaders(rule.rule.requestHeaders, lane.orders),
    ...responseHeaders(rule.rule.responseHeaders, variant.headers, marks, loadReportsOf(lane)),
  };
  if (redirect) return { ...base, redirect: redirectAction(redirect, match.path), ...headers };
  return { ...base, route: routeAction(rule, lane, path), ...headers, ...(only ? destinationFilters(only) : {}) };
}

/** Headers in which endpoints report their load to the proxy. */
function loadReportsOf({ to }: Lane): readonly string[] {
  return to.some(each => each.loadReports) ? ['endpoint-load-metrics', 'endpoint-load-metrics-bin'] : [];
}

/** The one destination of a lane, whose settings are the route's; each part of a split has its own. */
function onlyOf({ to }: Lane): WeightedClusterIr | undefined {
  return to.length === 1 ? to[0] : undefined;
}

function routeAction({ rule, action }: RuleIr, lane: Lane, path: PathRewrite | undefined): RouteAction {
  if (action.kind !== 'forward') throw new Error('a rule that forwards must have been compiled to a forward action');
  const { idleTimeout, maxStreamDuration, rewrite } = rule;
  const ofService = action.hashService ? hashPolicies(action.hashService) : [];
  const hashed = lane.hashed ? stickyHashPolicies(rule) : ofService;
  return {
    ...clusters(lane),
    timeout: duration(action.timeout),
    ...(idleTimeout === undefined ? {} : { idle_timeout: duration(idleTimeout) }),
    ...(maxStreamDuration === undefined
      ? {}
      : { max_stream_duration: { max_stream_duration: duration(maxStreamDuration) } }),
    ...(rule.priority === 'high' ? { priority: 'HIGH' } : {}),
    ...lane.attempts,
    ...(path ?? pathRewrite(rule.match.path, rewrite ?? {})),
    ...(rewrite?.host === undefined ? {} : { host_rewrite_literal: rewrite.host }),
    ...(hashed.length > 0 ? { hash_policy: hashed } : {}),
    ...(action.webSockets ? {} : { upgrade_configs: [{ upgrade_type: 'websocket', enabled: false }] }),
  };
}

/** Destinations of weight 0 stay: a shift that brings them back changes numbers only. */
function clusters(lane: Lane): RouteAction {
  const only = onlyOf(lane);
  if (only) return { cluster: only.cluster };
  return {
    weighted_clusters: {
      clusters: lane.to.map(each => ({
        name: each.cluster,
        weight: each.weight,
        ...(lane.mark ? { response_headers_to_add: [lane.mark(each)] } : {}),
        ...destinationFilters(each),
      })),
      ...(lane.hashed ? { use_hash_policy: true } : {}),
    },
  };
}

const redirectCodes = {
  301: 'MOVED_PERMANENTLY',
  302: 'FOUND',
  303: 'SEE_OTHER',
  307: 'TEMPORARY_REDIRECT',
  308: 'PERMANENT_REDIRECT',
} as const;

function redirectAction(redirect: Redirect, path: PathMatch | undefined): RedirectAction {
  const { scheme, host, port, stripQuery, status } = redirect;
  return {
    ...(scheme === undefined ? {} : { scheme_redirect: scheme }),
    ...(host === undefined ? {} : { host_redirect: host }),
    ...(port === undefined ? {} : { port_redirect: port }),
    ...(redirect.path === undefined
      ? pathRewrite(path, { prefix: redirect.prefix })
      : { path_redirect: redirect.path }),
    response_code: redirectCodes[status],
    ...(stripQuery ? { strip_query: true } : {}),
  };
}

/** What a page says that has no text of its own. */
const usualBody = 'Under maintenance. Please try again later.\n';

/** A page in place of a service. Nobody may keep it: the service may be back at any time. */
function maintenanceAnswer(
  { status, body = usualBody, contentType, retryAfter }: MaintenancePage,
  { rule }: RuleIr,
): Route {
  return {
    direct_response: { status, body: { inline_string: body } },
    ...responseHeaders(rule.responseHeaders, {
      'cache-control': 'no-store',
      'content-type': contentType,
      ...(retryAfter === undefined ? {} : { 'retry-after': String(Math.ceil(retryAfter / 1000)) }),
    }),
  };
}

/** An answer by Envoy itself. Its type is that of the body unless the rule sets another by hand. */
function directResponse({ status, body, contentType }: DirectResponse, { rule }: RuleIr): Route {
  return {
    direct_response: { status, ...(body === undefined ? {} : { body: { inline_string: body } }) },
    ...requestHeaders(rule.requestHeaders),
    ...responseHeaders(rule.responseHeaders, body === undefined ? {} : { 'content-type': contentType }),
  };
}

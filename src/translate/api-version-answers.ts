import type { Route } from '../../proto/gen/envoy.config.route.v3.ts';
import type { ApiVersion, ApiVersioning } from '../policy/api-versioning.ts';
import type { HeaderChanges } from '../policy/route.ts';
import { responseHeaders } from './header-changes.ts';

const collator = new Intl.Collator('en', { numeric: true });

/** Names of versions from new to old, as numbers in them say: `v10`, `v9`, `v1`. */
export function newestFirst(names: readonly string[]): readonly string[] {
  return names.toSorted((a, b) => collator.compare(b, a) || (a < b ? 1 : -1));
}

/** What tells callers that a version goes: `Deprecation` (RFC 9745, or plain `true` without a day) and `Sunset` (RFC 8594). */
export function deprecationHeaders({ state, deprecatedSince, sunset }: ApiVersion): Readonly<Record<string, string>> {
  if (state !== 'deprecated') return {};
  const since = deprecatedSince && `@${Date.parse(`${deprecatedSince}T00:00:00Z`) / 1000}`;
  const until = sunset && new Date(`${sunset}T23:59:59Z`).toUTCString();
  return { deprecation: since ?? 'true', ...(until === undefined ? {} : { sunset: until }) };
}

interface Place {
  readonly serviceName: string;
  readonly versioning: ApiVersioning;
}

/** 410 for a retired version. */
export function retiredAnswer(
  { serviceName, versioning }: Place,
  version: string,
  headers: HeaderChanges | undefined,
): Route {
  const live = liveVersions(versioning);
  const detail = `Version ${version} of the API of ${serviceName} is retired. ${advice(live)}`;
  return answer(410, { title: 'API version retired', detail, apiVersion: version, apiVersions: live }, headers);
}

/** What a version that does not exist gets: 404 in the path, where it is another resource, and 400 elsewhere. */
export function unknownStatus(versioning: ApiVersioning): 404 | 400 {
  return versioning.in.path ? 404 : 400;
}

export function unknownAnswer({ serviceName, versioning }: Place, headers: HeaderChanges | undefined): Route {
  const live = liveVersions(versioning);
  const detail = `The API of ${serviceName} has no such version. ${advice(live)}`;
  return answer(unknownStatus(versioning), { title: 'Unknown API version', detail, apiVersions: live }, headers);
}

/** Problem details as JSON (RFC 9457). The rule's header changes hold here, too: a browser needs its CORS headers. */
function answer(
  status: number,
  body: { readonly title: string; readonly [field: string]: unknown },
  headers: HeaderChanges | undefined,
): Route {
  const { title, ...rest } = body;
  const text = JSON.stringify({ type: 'about:blank', title, status, ...rest });
  return {
    direct_response: { status, body: { inline_string: `${text}\n` } },
    ...responseHeaders(headers, { 'content-type': 'application/problem+json' }),
  };
}

function advice(live: readonly string[]): string {
  return live.length === 0 ? 'None is served.' : `Use ${live.join(' or ')}.`;
}

function liveVersions({ versions }: ApiVersioning): readonly string[] {
  return newestFirst(Object.keys(versions).filter(name => versions[name]?.state !== 'retired'));
}

import { decode, encode, isMessageName, type MessageName, typeUrl } from '../../proto/codec.ts';
import type { ConfigSource } from '../../proto/gen/envoy.config.core.v3.ts';
import type { Struct } from '../../proto/gen/google.protobuf.ts';
import { controlPlane } from '../base/control-plane.ts';
import { memo1 } from '../base/memo.ts';
import type { Board, CertifiedNames } from '../snapshot/board.ts';
import { versionOf } from '../snapshot/type-version.ts';
import type { ResponseBody } from './body.ts';
import { answerPoll, type PollAnswer } from './poll.ts';

/** An answer of HTTP. */
export interface RestAnswer {
  readonly status: number;
  /** JSON; undefined for none. */
  readonly body: string | undefined;
}

/** A poll. */
export interface RestPoll {
  /** The Host header. */
  readonly host: string | undefined;
  /** Whom the certificate of its connection names; undefined without TLS. */
  readonly certificate: CertifiedNames | undefined;
  /** The body. */
  readonly text: string;
}

/** What follows `/v3/discovery:` in the path, and the type that it stands for (R52). */
const types: ReadonlyMap<string, MessageName> = new Map([
  ['clusters', 'envoy.config.cluster.v3.Cluster'],
  ['endpoints', 'envoy.config.endpoint.v3.ClusterLoadAssignment'],
  ['listeners', 'envoy.config.listener.v3.Listener'],
  ['routes', 'envoy.config.route.v3.RouteConfiguration'],
  ['scoped-routes', 'envoy.config.route.v3.ScopedRouteConfiguration'],
  ['secrets', 'envoy.extensions.transport_sockets.tls.v3.Secret'],
  ['runtime', 'envoy.service.runtime.v3.Runtime'],
  ['extension_configs', 'envoy.config.core.v3.TypedExtensionConfig'],
]);

const prefix = '/v3/discovery:';

const statusOf = { INVALID_ARGUMENT: 400, PERMISSION_DENIED: 403, NOT_FOUND: 404, UNAVAILABLE: 503 } as const;

/** How often a client polls for what we name a source of: Envoy waits this long, and up to twice. */
const REFRESH_DELAY = '2s';
const REQUEST_TIMEOUT = '1s';

/** Whether a path is one that {@link answerRest} serves. */
export function isRestPath(path: string): boolean {
  return path.startsWith(prefix) && types.has(path.slice(prefix.length));
}

/**
 * Answers `POST /v3/discovery:…` (R52), whose body is a DiscoveryRequest in JSON: 200 with a DiscoveryResponse in JSON, or
 * 304 when `version_info` is that of the subscribed resources. Versions are of these alone, so that a client that comes
 * to ask for more is answered.
 *
 * Resources refer to others by ADS or by streams to us, which a polling client does not have; such references are turned
 * into polls of the cluster that is called like `host`, the Host header, in which Envoy writes the name of the cluster
 * that it calls.
 *
 * @param path one that {@link isRestPath} knows. Throws when it is our fault.
 */
export function answerRest(board: Board, path: string, { host, certificate, text }: RestPoll): RestAnswer {
  const type = types.get(path.slice(prefix.length));
  if (!type) return failure(404, `there is no ${path}`);
  const request = readRequest(text);
  if (typeof request === 'string') return failure(400, request);
  const answer: PollAnswer = answerPoll(board.current, typeUrl(type), request, certificate);
  if (answer.kind === 'refused') return failure(statusOf[answer.code], answer.why);
  const version = versionOfBody(answer.body);
  if (request.versionInfo === version) return { status: 304, body: undefined };
  return { status: 200, body: responseText(answer.body, version, host) };
}

/** An error as the body of an answer. */
export function failure(status: number, message: string): RestAnswer {
  return { status, body: JSON.stringify({ message }) };
}

type Request = Parameters<typeof answerPoll>[2];

/** @returns why the text is no DiscoveryRequest, if it is none. */
function readRequest(text: string): Request | string {
  try {
    const message: unknown = JSON.parse(text);
    if (!isObject(message)) return 'the body must be a DiscoveryRequest in JSON';
    const names = either(message, 'resource_names', 'resourceNames') ?? [];
    if (!Array.isArray(names) || !names.every(each => typeof each === 'string')) return 'resource_names must be texts';
    const { node } = message;
    return {
      typeUrl: textIn(message, 'type_url', 'typeUrl'),
      versionInfo: textIn(message, 'version_info', 'versionInfo'),
      nonce: '',
      names,
      error: undefined,
      node: isObject(node) ? nodeBytes(node) : undefined,
    };
  } catch (error) {
    return `the body is no DiscoveryRequest in JSON: ${error instanceof Error ? error.message : String(error)}`;
  }
}

/** The parts of a `Node` that are read: those that the streams read. Throws when one is of a wrong type. */
function nodeBytes(node: Readonly<Record<string, unknown>>): Uint8Array {
  const locality = isObject(node['locality']) ? node['locality'] : {};
  const build = either(node, 'user_agent_build_version', 'userAgentBuildVersion');
  const version = isObject(build) && isObject(build['version']) ? build['version'] : undefined;
  const number = (snake: string, camel: string): number => Number((version && either(version, snake, camel)) ?? 0);
  return encode('envoy.config.core.v3.Node', {
    id: textIn(node, 'id', 'id'),
    cluster: textIn(node, 'cluster', 'cluster'),
    metadata: isObject(node['metadata']) ? (node['metadata'] as Struct) : undefined,
    locality: {
      region: textIn(locality, 'region', 'region'),
      zone: textIn(locality, 'zone', 'zone'),
      sub_zone: textIn(locality, 'sub_zone', 'subZone'),
    },
    user_agent_build_version: version && {
      version: {
        major_number: number('major_number', 'majorNumber'),
        minor_number: number('minor_number', 'minorNumber'),
        patch: number('patch', 'patch'),
      },
    },
  });
}

/** Equal to that of the streams when all of the type is subscribed. */
const versionOfBody = memo1(({ typeUrl: url, resources }: ResponseBody): string =>
  versionOf(url, new Map(resources.map(each => [each.name, each]))),
);

/** The clients of a fleet call us by the same name, so the last text will mostly do for the next. */
const lastText = memo1((_body: ResponseBody): { host?: string | undefined; text?: string } => ({}));

function responseText(body: ResponseBody, version: string, host: string | undefined): string {
  const last = lastText(body);
  if (last.text !== undefined && last.host === host) return last.text;
  const name = body.typeUrl.slice(body.typeUrl.indexOf('/') + 1);
  if (!isMessageName(name)) throw new Error(`there is no message called ${name}`);
  const resources = body.resources.map(({ value }) => ({
    '@type': body.typeUrl,
    ...(polling(decode(name, value), host) as object),
  }));
  const text = JSON.stringify({ version_info: version, resources, type_url: body.typeUrl }, finite);
  last.text = text;
  last.host = host;
  return text;
}

/** JSON has no such numbers; proto3 JSON has texts for them. */
function finite(_key: string, value: unknown): unknown {
  return typeof value === 'number' && !Number.isFinite(value) ? String(value) : value;
}

/** A message whose references by streams to us are polls of the cluster. */
function polling(value: unknown, cluster: string | undefined): unknown {
  if (cluster === undefined) return value;
  if (Array.isArray(value)) return value.map(each => polling(each, cluster));
  if (!isObject(value)) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, part]) => [
      key,
      isSource(key, part) ? pollOf(part, cluster) : polling(part, cluster),
    ]),
  );
}

function isSource(key: string, value: unknown): value is ConfigSource {
  return (key === 'eds_config' || key === 'config_source') && isObject(value) && isOurStream(value);
}

function isOurStream({ ads, api_config_source: api }: ConfigSource): boolean {
  return ads !== undefined || (api?.grpc_services ?? []).some(each => each.envoy_grpc?.cluster_name === controlPlane);
}

function pollOf({ ads: _ads, ...source }: ConfigSource, cluster: string): ConfigSource {
  return {
    ...source,
    api_config_source: {
      api_type: 'REST',
      transport_api_version: 'V3',
      cluster_names: [cluster],
      refresh_delay: REFRESH_DELAY,
      request_timeout: REQUEST_TIMEOUT,
    },
  };
}

function textIn(from: Readonly<Record<string, unknown>>, snake: string, camel: string): string {
  const value = either(from, snake, camel) ?? '';
  if (typeof value !== 'string') throw new TypeError(`${snake} must be a text`);
  return value;
}

/** JSON of protobuf may have either name. */
function either(from: Readonly<Record<string, unknown>>, snake: string, camel: string): unknown {
  return from[snake] ?? from[camel];
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

import { readFileSync, writeFileSync } from 'node:fs';
import { any, type MessageName, type MessageTypes, typeUrl } from '../../proto/codec.ts';
import { createSnapshot, type Resource, resource, type Snapshot } from '../../src/index.ts';
import type { ResponseBody } from '../../src/xds/body.ts';
import type { Variant } from '../../src/xds/events.ts';
import { FrameEncoder } from '../../src/xds/frame.ts';

/**
 * What all servers serve, made once by our encoder: clusters with endpoints over EDS, a listener and its routes. Servers
 * of resources read them one by one; the floor and the stubs of bare transports read whole responses.
 */

/** Types as the files number them. */
export const types = ['cds', 'eds', 'lds', 'rds'] as const;
export type TypeName = (typeof types)[number];

const messages: Readonly<Record<TypeName, MessageName>> = {
  cds: 'envoy.config.cluster.v3.Cluster',
  eds: 'envoy.config.endpoint.v3.ClusterLoadAssignment',
  lds: 'envoy.config.listener.v3.Listener',
  rds: 'envoy.config.route.v3.RouteConfiguration',
};

export const urlOf = (type: TypeName): string => typeUrl(messages[type]);

/** `base` is there from the start, `other` takes its place in turns, `extra` comes in addition. */
export type Role = 'base' | 'other' | 'extra';
const roles = ['base', 'other', 'extra'] as const;

export interface Fixture {
  readonly type: TypeName;
  readonly role: Role;
  readonly resource: Resource;
}

export interface Size {
  readonly clusters: number;
  readonly endpoints: number;
}

/** The name of the resource of which proxies that reject it are told. */
const badCluster = 'bench-bad';
export const routeName = 'edge';
const ads = { ads: {}, resource_api_version: 'V3' } as const;

export const nameOf = (index: number): string => `svc-${String(index).padStart(5, '0')}`;

/** Where an assignment says when it came about and which change it was: 29 characters, the same number always. */
const noMarker = `@t${'0'.repeat(19)}.${'0'.repeat(7)}`;

export function fixtures({ clusters, endpoints }: Size): readonly Fixture[] {
  const indices = Array.from({ length: clusters }, (_, index) => index);
  return [
    ...indices.map(index => fixture('cds', 'base', cluster(nameOf(index), '0.250s'))),
    ...indices.map(index => fixture('cds', 'other', cluster(nameOf(index), '0.251s'))),
    fixture('cds', 'extra', cluster(badCluster, '0.250s')),
    ...indices.map(index => fixture('eds', 'base', assignment(index, endpoints))),
    fixture('lds', 'base', listener()),
    fixture('rds', 'base', routes(Math.min(clusters, 100), 90)),
    fixture('rds', 'other', routes(Math.min(clusters, 100), 80)),
  ];
}

function fixture(type: TypeName, role: Role, made: Resource): Fixture {
  return { type, role, resource: made };
}

function cluster(name: string, timeout: string): Resource {
  return resource('envoy.config.cluster.v3.Cluster', {
    name,
    type: 'EDS',
    eds_cluster_config: { eds_config: ads },
    connect_timeout: timeout,
    per_connection_buffer_limit_bytes: 32768,
    lb_policy: 'LEAST_REQUEST',
    circuit_breakers: {
      thresholds: [{ max_connections: 1024, max_pending_requests: 256, max_requests: 1024, max_retries: 16 }],
    },
    health_checks: [
      {
        timeout: '0.500s',
        interval: '1s',
        unhealthy_threshold: 2,
        healthy_threshold: 2,
        http_health_check: { host: name, path: '/health', expected_statuses: [{ start: 200, end: 300 }] },
      },
    ],
    outlier_detection: { consecutive_5xx: 5, interval: '1s', base_ejection_time: '5s', max_ejection_percent: 50 },
    common_lb_config: { healthy_panic_threshold: { value: 50 }, update_merge_window: '0.100s' },
    upstream_connection_options: {
      tcp_keepalive: { keepalive_probes: 2, keepalive_time: 10, keepalive_interval: 5 },
    },
    ignore_health_on_host_removal: true,
  });
}

function assignment(index: number, endpoints: number): Resource {
  const zones = ['a', 'b', 'c'];
  const members = Array.from({ length: endpoints }, (_, at) => ({
    zone: zones[at % zones.length] ?? '',
    lb: {
      endpoint: {
        address: { socket_address: { address: `10.${at}.${index >> 8}.${index & 255}`, port_value: 8080 } },
        ...(at === 0 ? { hostname: noMarker } : {}),
      },
      load_balancing_weight: 100,
    },
  }));
  return resource('envoy.config.endpoint.v3.ClusterLoadAssignment', {
    cluster_name: nameOf(index),
    endpoints: zones.map(zone => ({
      locality: { region: 'here', zone },
      lb_endpoints: members.filter(each => each.zone === zone).map(each => each.lb),
      load_balancing_weight: 100,
    })),
  });
}

function listener(): Resource {
  const manager: MessageTypes['envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager'] = {
    stat_prefix: 'edge',
    rds: { config_source: ads, route_config_name: routeName },
    http_filters: [
      {
        name: 'envoy.filters.http.router',
        typed_config: any('envoy.extensions.filters.http.router.v3.Router', { suppress_envoy_headers: true }),
      },
    ],
  };
  return resource('envoy.config.listener.v3.Listener', {
    name: 'edge',
    address: { socket_address: { address: '0.0.0.0', port_value: 8080 } },
    filter_chains: [
      {
        filters: [
          {
            name: 'envoy.filters.network.http_connection_manager',
            typed_config: any(
              'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
              manager,
            ),
          },
        ],
      },
    ],
  });
}

/** A canary on each host: `weight` percent to one service, the rest to the next. */
function routes(count: number, weight: number): Resource {
  return resource('envoy.config.route.v3.RouteConfiguration', {
    name: routeName,
    virtual_hosts: Array.from({ length: count }, (_, index) => ({
      name: nameOf(index),
      domains: [`host-${index}.test`],
      routes: [
        {
          match: { prefix: '/' },
          route: {
            weighted_clusters: {
              clusters: [
                { name: nameOf(index), weight },
                { name: nameOf((index + 1) % count), weight: 100 - weight },
              ],
            },
            timeout: '3s',
          },
        },
      ],
    })),
  });
}

/** The resource with another marker, as a new one; undefined if it has none. */
export function marked(before: Resource, number: number, time: bigint): Resource {
  const value = Buffer.from(before.value);
  const at = value.indexOf('@t');
  if (at < 0) throw new Error(`${before.name} has no marker`);
  value.write(`${String(time).padStart(19, '0')}.${String(number).padStart(7, '0')}`, at + 2, 'latin1');
  return { ...before, value };
}

export function writeFixtures(file: string, all: readonly Fixture[]): void {
  const parts = all.flatMap(({ type, role, resource: { name, value } }) => [
    Buffer.from([types.indexOf(type), roles.indexOf(role)]),
    sized(Buffer.from(name)),
    sized(value),
  ]);
  writeFileSync(file, Buffer.concat(parts));
}

export function readFixtures(file: string): readonly Fixture[] {
  const bytes = readFileSync(file);
  const all: Fixture[] = [];
  let at = 0;
  const next = (): Buffer => {
    const length = bytes.readUInt32BE(at);
    at += 4 + length;
    return bytes.subarray(at - length, at);
  };
  while (at < bytes.length) {
    const type = types[bytes[at] ?? 0] ?? 'cds';
    const role = roles[bytes[at + 1] ?? 0] ?? 'base';
    at += 2;
    const name = next().toString();
    // A copy, so that the file as a whole can go.
    all.push({ type, role, resource: { typeUrl: urlOf(type), name, value: new Uint8Array(next()) } });
  }
  return all;
}

/** Whole responses: what a type begins with, and what it changes to. Their last bytes are a nonce of zeros. */
export interface Prebuilt {
  readonly kind: 'first' | 'other' | 'back' | 'one';
  readonly type: TypeName;
  readonly message: Uint8Array;
}
const kinds = ['first', 'other', 'back', 'one'] as const;

const noNonce = '0'.repeat(16);

/** The bytes that our server sends, without a server. */
export function prebuilt(all: readonly Fixture[], variant: Variant): readonly Prebuilt[] {
  const first = snapshotOf(all, 'base');
  const other = snapshotOf(all, 'other');
  const frames = new FrameEncoder('switchyard');
  return types.flatMap(type => {
    const base = bodyOf(first, type);
    const changed = bodyOf(other, type);
    const message = (body: ResponseBody): Uint8Array => new Uint8Array(frames.frame(variant, body).withNonce(noNonce));
    const made: Prebuilt[] = [{ kind: 'first', type, message: message(base) }];
    if (changed.resources.length > 0) {
      made.push(
        { kind: 'other', type, message: message(changed) },
        { kind: 'back', type, message: message({ ...base }) },
      );
    }
    if (type === 'eds')
      made.push({ kind: 'one', type, message: message({ ...base, resources: base.resources.slice(0, 1) }) });
    return made;
  });
}

function snapshotOf(all: readonly Fixture[], role: Role): Snapshot {
  return createSnapshot(all.filter(each => each.role === role).map(each => each.resource));
}

function bodyOf({ types: byUrl }: Snapshot, type: TypeName): ResponseBody {
  const found = byUrl.get(urlOf(type));
  return {
    typeUrl: urlOf(type),
    version: found?.version ?? '',
    resources: [...(found?.resources.values() ?? [])],
    removed: [],
  };
}

export function writePrebuilt(file: string, all: readonly Prebuilt[]): void {
  const parts = all.flatMap(({ kind, type, message }) => [
    Buffer.from([kinds.indexOf(kind), types.indexOf(type)]),
    sized(message),
  ]);
  writeFileSync(file, Buffer.concat(parts));
}

export function readPrebuilt(file: string): readonly Prebuilt[] {
  const bytes = readFileSync(file);
  const all: Prebuilt[] = [];
  for (let at = 0; at < bytes.length; ) {
    const length = bytes.readUInt32BE(at + 2);
    const message = bytes.subarray(at + 6, at + 6 + length);
    all.push({ kind: kinds[bytes[at] ?? 0] ?? 'first', type: types[bytes[at + 1] ?? 0] ?? 'cds', message });
    at += 6 + length;
  }
  return all;
}

function sized(bytes: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

import { createHash } from 'node:crypto';
import { encode } from '../../proto/codec.ts';
import type { NodeIdentity, Publication } from '../../src/snapshot/board.ts';
import { type RawError, type RawResource, rawSnapshot } from '../../src/snapshot/raw.ts';
import type { Snapshot, TypeSnapshot } from '../../src/snapshot/snapshot.ts';
import { versionOf } from '../../src/snapshot/type-version.ts';
import { textField } from '../../src/snapshot/wire.ts';
import {
  clusterUrl,
  endpointUrl,
  extensionConfigUrl,
  listenerUrl,
  localityEndpointUrl,
  routeUrl,
  runtimeUrl,
  scopedRouteUrl,
  secretUrl,
  virtualHostUrl,
} from '../../src/xds/resource-type.ts';

/** Short names of the types that the protocol tests use. No fleet knows of `OTHER` unless it has some. */
export const urls = {
  CDS: clusterUrl,
  EDS: endpointUrl,
  LDS: listenerUrl,
  RDS: routeUrl,
  SRDS: scopedRouteUrl,
  SDS: secretUrl,
  RTDS: runtimeUrl,
  ECDS: extensionConfigUrl,
  VHDS: virtualHostUrl,
  LEDS: localityEndpointUrl,
  OTHER: 'type.googleapis.com/test.Other',
} as const;

export type TypeName = keyof typeof urls;

/**
 * Name → content, a short text. Words after the first say more: `onDemand`, `ttl=2000` in milliseconds and
 * `aliases=x,y`. `error=UNAVAILABLE why` is no resource, but the reason why there is none.
 */
export type Contents = Readonly<Record<string, string>>;
/** What a fleet holds; types that are left out are empty. */
export type Sets = Readonly<Partial<Record<TypeName, Contents>>>;

export const testNode: NodeIdentity = {
  id: 'test-node',
  cluster: '',
  region: '',
  zone: '',
  subZone: '',
  metadata: {},
  version: '',
};

/**
 * Bytes as a proto would have them whose field 1 is its name and whose field 15 is a text; real ones as far as others
 * are referred to: clusters ask for their endpoints (`apart`: on streams of their own), and a table of routes whose content is `to-x` leads to cluster `x`.
 */
function raw(typeUrl: string, name: string, content: string): RawResource | RawError {
  const [, code, message = ''] = /^error=(\w+) ?(.*)/.exec(content) ?? [];
  if (code) return { typeUrl, name, error: { code: code as RawError['error']['code'], message } };
  const words = content.split(' ');
  const to = typeUrl === routeUrl ? /^to-(\S+)/.exec(content)?.[1] : undefined;
  const real = typeUrl === clusterUrl ? eds(words.includes('apart')) : to === undefined ? [] : routesTo(to);
  const value = (key: string) => words.find(word => word.startsWith(`${key}=`))?.slice(key.length + 1);
  const [ttl, aliases] = [value('ttl'), value('aliases')];
  return {
    typeUrl,
    name,
    value: Buffer.concat([textField(1, name), textField(15, content), ...real]),
    version: content,
    ...(ttl && { ttl: Number(ttl) }),
    ...(aliases && { aliases: aliases.split(',') }),
    onDemand: words.includes('onDemand'),
  };
}

/** @param apart on a stream of its own. */
function eds(apart: boolean): readonly Uint8Array[] {
  const source = { eds_config: { api_config_source: { api_type: 'DELTA_GRPC' } } } as const;
  return [encode('envoy.config.cluster.v3.Cluster', { type: 'EDS', ...(apart && { eds_cluster_config: source }) })];
}

function routesTo(cluster: string): readonly Uint8Array[] {
  const routes = [{ match: { prefix: '/' }, route: { cluster } }];
  return [
    encode('envoy.config.route.v3.RouteConfiguration', { virtual_hosts: [{ name: 'all', domains: ['*'], routes }] }),
  ];
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/** Equal sets have equal versions, and are the identical object where `previous` had them. */
export function typeSnapshot(type: TypeName, contents: Contents, previous?: TypeSnapshot): TypeSnapshot {
  const resources = Object.entries(contents).map(([name, content]) => raw(urls[type], name, content));
  const typeUrl = urls[type];
  const empty = { typeUrl, version: versionOf(typeUrl, new Map()), resources: new Map() };
  const made = rawSnapshot('', resources).types.get(typeUrl) ?? empty;
  return previous?.version === made.version ? previous : made;
}

/** The types that every fleet has; others are there when something was given for them. */
const always: readonly string[] = ['CDS', 'EDS', 'LDS', 'RDS'];

export function snapshot(key: string, sets: Sets, previous?: Snapshot): Snapshot {
  const types = new Map(
    (Object.keys(urls) as TypeName[])
      .filter(type => always.includes(type) || sets[type])
      .map(type => [urls[type], typeSnapshot(type, sets[type] ?? {}, previous?.types.get(urls[type]))]),
  );
  return { key, version: digest([...types.values()].map(type => type.version).join()), types };
}

/** Everyone gets the one snapshot. */
export function publication(only: Snapshot): Publication {
  return { snapshots: new Map([[only.key, only]]), assign: assigning(only.key) };
}

const rules = new Map<string, Publication['assign']>();

/** One rule for each fleet, as it is where only content changes. */
function assigning(key: string): Publication['assign'] {
  const rule = rules.get(key) ?? (() => ({ kind: 'assigned', key }) as const);
  rules.set(key, rule);
  return rule;
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  any,
  checkConsistency,
  createSnapshot,
  type MessageTypes,
  type Resource,
  type ResourceProblem,
  resource,
  typeUrl,
  validate,
} from '../../../src/index.ts';

const ads = { ads: {}, resource_api_version: 'V3' } as const;
const file = { path_config_source: { path: '/etc/x.yaml' }, resource_api_version: 'V3' } as const;
const told = (problems: readonly ResourceProblem[]): readonly string[] =>
  problems.map(({ kind, name, message }) => `${kind} ${name} ${message}`);

const cluster = (name: string, more: Partial<MessageTypes['envoy.config.cluster.v3.Cluster']> = {}): Resource =>
  resource('envoy.config.cluster.v3.Cluster', { name, type: 'EDS', eds_cluster_config: { eds_config: ads }, ...more });
const assignment = (name: string): Resource =>
  resource('envoy.config.endpoint.v3.ClusterLoadAssignment', { cluster_name: name });
const table = (name: string, to: string): Resource =>
  resource('envoy.config.route.v3.RouteConfiguration', {
    name,
    virtual_hosts: [{ name: 'all', domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster: to } }] }],
  });
const listener = (name: string, rds: object, filters: readonly object[] = []): Resource =>
  resource('envoy.config.listener.v3.Listener', {
    name,
    filter_chains: [
      {
        transport_socket: {
          name: 'tls',
          typed_config: any('envoy.extensions.transport_sockets.tls.v3.DownstreamTlsContext', {
            common_tls_context: { tls_certificate_sds_secret_configs: [{ name: 'cert', sds_config: ads }] },
          }),
        },
        filters: [
          {
            name: 'http',
            typed_config: any('envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager', {
              stat_prefix: name,
              rds,
              http_filters: filters as [],
            }),
          },
        ],
      },
    ],
  });
const secret = resource('envoy.extensions.transport_sockets.tls.v3.Secret', { name: 'cert' });

test('a sound set has no problems, as a list and as a snapshot', () => {
  const sound = [
    cluster('web'),
    assignment('web'),
    table('routes', 'web'),
    listener('in', { route_config_name: 'routes', config_source: ads }),
    secret,
  ];
  assert.deepEqual(checkConsistency(sound), []);
  assert.deepEqual(checkConsistency(createSnapshot(sound)), []);
});

test('each kind of reference that leads nowhere is told', () => {
  const lost = [
    cluster('web', { eds_cluster_config: { eds_config: ads, service_name: 'other' } }),
    table('routes', 'nowhere'),
    listener('in', { route_config_name: 'none', config_source: ads }, [
      { name: 'mark', config_discovery: { config_source: ads, type_urls: [] } },
    ]),
    resource('envoy.config.route.v3.ScopedRouteConfiguration', { name: 's', route_configuration_name: 'lost' }),
  ];
  const problems = checkConsistency(lost);
  assert.deepEqual([...told(problems)].sort(), [
    'dangling in refers to RouteConfiguration "none", which is not there',
    'dangling in refers to Secret "cert", which is not there',
    'dangling in refers to TypedExtensionConfig "mark", which is not there',
    'dangling routes refers to Cluster "nowhere", which is not there',
    'dangling s refers to RouteConfiguration "lost", which is not there',
    'dangling web refers to ClusterLoadAssignment "other", which is not there',
  ]);
  assert.deepEqual(
    checkConsistency(lost, () => true),
    [],
    'clients may have them from elsewhere',
  );
  const found = problems.find(each => each.name === 'web')?.reference;
  assert.deepEqual(found, { typeUrl: typeUrl('envoy.config.endpoint.v3.ClusterLoadAssignment'), name: 'other' });
});

test('what comes out of a file is not asked of us', () => {
  assert.deepEqual(checkConsistency([cluster('web', { eds_cluster_config: { eds_config: file } })]), []);
});

test('names that stand twice, or are not those of the message', () => {
  const misnamed = { ...assignment('web'), name: 'other' };
  assert.deepEqual(told(checkConsistency([assignment('a'), assignment('a'), misnamed])), [
    'duplicate a stands twice',
    'misnamed other calls itself "web"',
  ]);
  const alias = { ...assignment('a'), aliases: ['web'] };
  assert.deepEqual(checkConsistency([cluster('web'), alias]), []);
});

test('bytes that are no message, and those of types that nobody knows', () => {
  const url = typeUrl('envoy.config.cluster.v3.Cluster');
  const value = Uint8Array.of(0x0a, 0xff);
  const [problem] = checkConsistency([{ typeUrl: url, name: 'x', value }]);
  assert.equal(problem?.kind, 'malformed');
  assert.equal(validate([{ typeUrl: url, name: 'x', value }])[0]?.kind, 'malformed');
  assert.deepEqual(checkConsistency([{ typeUrl: 'type.googleapis.com/test.Thing', name: 'x', value }]), []);
});

test("Envoy's field rules, through typed configurations too", () => {
  const bad = cluster('web', { connect_timeout: '0s' });
  assert.deepEqual(told(validate([bad])), ['invalid web connect_timeout must be more than 0s']);
  const chain = listener('in', { route_config_name: 'x' });
  assert.deepEqual(
    validate([chain]).map(each => each.path),
    ['filter_chains[0].filters[0].typed_config.rds.config_source'],
  );
});

import type { PolicyInput } from '../../../src/policy/kinds.ts';
import { inbound, inPath, type Planted, sound } from './planted.ts';

const service = (change: NonNullable<PolicyInput['services']>[string]): PolicyInput => ({
  services: { more: { endpoints: [{ address: '10.0.1.1:80' }], ...change } },
});

const inZones = (zones: unknown, ...where: readonly (string | undefined)[]): PolicyInput =>
  service({
    endpoints: where.map((zone, index) => ({ address: `10.0.1.${index}:80`, ...(zone === undefined ? {} : { zone }) })),
    loadBalancing: { policy: 'roundRobin', zones: zones as 'ownFirst' },
  });
const twoZones = [
  { address: '10.0.1.1:80', zone: 'a' },
  { address: '10.0.1.2:80', zone: 'b' },
];
const weighted = { mode: 'weighted', weights: { a: 1, 'eu/b': 1 } };

/** Mistakes of services. */
export const servicesPlanted: readonly Planted[] = [
  { code: 'service.no_endpoints', path: 'services.more', change: service({ endpoints: [] }), says: 'has no endpoints' },
  {
    code: 'service.no_endpoints',
    path: 'services.more',
    change: service({ endpoints: [{ address: '10.0.1.1:80', state: 'disabled' }] }),
    says: 'only disabled',
  },
  {
    code: 'service.duplicate_endpoint',
    path: 'services.more.endpoints[1].address',
    change: service({ endpoints: [{ address: '[::1]:80' }, { address: '[0:0::1]:80' }] }),
    says: 'number 1',
  },
  {
    code: 'service.duplicate_hash_key',
    path: 'services.more.endpoints[1].hashKey',
    change: service({
      loadBalancing: { policy: 'ringHash' },
      endpoints: [
        { address: '10.0.1.1:80', hashKey: 'one' },
        { address: '10.0.1.2:80', hashKey: 'one' },
      ],
    }),
    says: 'number 1',
  },
  {
    code: 'service.option_without_effect',
    path: 'services.more.endpoints[0].hashKey',
    change: service({ endpoints: [{ address: '10.0.1.1:80', hashKey: 'one' }] }),
    says: 'leastRequest',
  },
  {
    code: 'service.option_without_effect',
    path: 'services.more.loadBalancing',
    change: service({
      loadBalancing: { policy: 'leastRequest', choiceCount: 'all' },
      endpoints: [{ address: '10.0.1.1:80' }, { address: '10.0.1.2:80', weight: 2 }],
    }),
    says: 'choiceCount',
  },
  {
    code: 'service.option_without_effect',
    path: 'services.more.overprovisioning',
    change: service({
      failover: 'whenAllDown',
      overprovisioning: '100%',
      endpoints: [{ address: '10.0.1.1:80' }, { address: '10.0.1.2:80', priority: 1 }],
    }),
    says: 'whenAllDown',
  },
  {
    code: 'service.version_empty',
    path: 'services.more.versions.v1',
    change: service({ versions: { v1: { labels: { version: 'v1' } } } }),
    says: 'version: v1',
  },
  {
    code: 'service.unresolved_name',
    path: 'services.more.endpoints[0].address',
    change: service({ endpoints: [{ address: 'db.internal:80' }] }),
    says: 'db.internal',
  },
  {
    code: 'service.zone_without_weight',
    path: 'services.more.endpoints[2].zone',
    change: inZones(weighted, 'a', 'eu/b', 'b'),
    says: 'a, eu/b',
  },
  {
    code: 'service.zone_without_weight',
    path: 'services.more.endpoints[1]',
    change: inZones(weighted, 'a', undefined),
    says: 'in no zone',
  },
  {
    code: 'service.option_without_effect',
    path: 'services.more.loadBalancing.zones',
    change: service({
      endpoints: [
        { address: '10.0.1.1:80', zone: 'a' },
        { address: '10.0.1.2:80', zone: 'a' },
        { address: '10.0.1.3:80', zone: 'b', priority: 1 },
      ],
      loadBalancing: { policy: 'random', zones: 'byLoad' },
    }),
    says: 'no two endpoints of the same priority',
  },
  {
    code: 'service.load_never_reported',
    path: 'services.more.loadBalancing',
    change: service({ protocol: 'tcp', loadBalancing: { policy: 'clientSideWeightedRoundRobin' } }),
    says: 'given the same',
  },
  {
    code: 'service.load_never_reported',
    path: 'services.more.loadBalancing.zones',
    change: service({
      protocol: 'udp',
      endpoints: twoZones,
      loadBalancing: { policy: 'roundRobin', zones: 'byLoad' },
    }),
    says: 'in the zone of the proxy',
  },
  {
    code: 'service.option_without_effect',
    path: 'services.more.loadBalancing.outOfBand.port',
    change: service({
      endpoints: [{ address: '10.0.1.1:80' }, { address: 'unix:/run/app.sock' }],
      loadBalancing: { policy: 'clientSideWeightedRoundRobin', outOfBand: { port: 9001 } },
    }),
    says: 'unix:/run/app.sock',
  },
  {
    code: 'service.option_without_effect',
    path: 'services.more.loadBalancing.zones',
    change: inZones('ownFirst', 'a', 'a'),
    says: 'different zones',
  },
  {
    code: 'service.option_without_effect',
    path: 'services.more.timeout',
    change: service({ protocol: 'tcp', timeout: '3s' }),
  },
  {
    code: 'service.option_without_effect',
    path: 'services.more.retries',
    change: service({ protocol: 'tcp', retries: { attempts: 5 } }),
  },
  {
    code: 'service.option_without_effect',
    path: 'services.more.sessions',
    change: service({ protocol: 'tcp', sessions: { cookie: { name: 'lane' } } }),
  },
  {
    code: 'service.option_without_effect',
    path: 'services.more.retryBudget',
    change: service({ protocol: 'tcp', retryBudget: {} }),
  },
  {
    code: 'service.option_without_effect',
    path: 'services.more.failover',
    change: service({ failover: 'whenAllDown' }),
    says: 'no backups',
  },
  {
    code: 'service.option_without_effect',
    path: 'services.more.apiVersioning',
    change: service({ protocol: 'tcp', apiVersioning: inPath }),
  },
  {
    code: 'service.option_without_effect',
    path: 'services.more.loadBalancing',
    change: service({ protocol: 'tcp', loadBalancing: { policy: 'maglev', hashBy: [{ header: 'x-user' }] } }),
    says: 'sourceIp',
  },
  {
    code: 'service.option_without_effect',
    path: 'services.more.loadBalancing',
    change: service({
      loadBalancing: { policy: 'random' },
      endpoints: [{ address: '10.0.1.1:80' }, { address: '10.0.1.2:80', weight: 2 }],
    }),
    says: 'weights',
  },
  {
    code: 'retries.timeout_not_retried',
    path: 'services.more.retries.perTryTimeout',
    change: service({ retries: { on: ['connectFailure'], perTryTimeout: '500ms' } }),
    says: 'add `reset`',
  },
  {
    code: 'service.option_without_effect',
    path: 'services.more.healthCheck.closeConnections',
    change: service({ healthCheck: { tcp: {}, closeConnections: false } }),
    says: 'speaks http',
  },
  {
    code: 'service.option_without_effect',
    path: 'services.more.endpoints[0].healthCheck',
    change: service({ endpoints: [{ address: '10.0.1.1:80', healthCheck: 'off' }] }),
    says: 'no healthCheck',
  },
  {
    code: 'service.option_without_effect',
    path: 'services.more.endpoints[0].healthCheck.host',
    change: service({
      healthCheck: { tcp: {} },
      endpoints: [{ address: '10.0.1.1:80', healthCheck: { host: 'a' } }],
    }),
    says: 'http and grpc',
  },
  {
    code: 'service.health_check_impossible',
    path: 'services.more.healthCheck.grpc',
    change: service({ healthCheck: { grpc: {} } }),
    says: 'HTTP/2',
  },
  {
    code: 'service.health_check_impossible',
    path: 'services.more.healthCheck.port',
    change: service({ healthCheck: { tcp: {}, port: 81 }, endpoints: [{ address: 'unix:/run/more.sock' }] }),
    says: 'Unix socket',
  },
  {
    code: 'service.health_check_impossible',
    path: 'services.more.endpoints[0].healthCheck.port',
    change: service({
      healthCheck: { tcp: {} },
      endpoints: [{ address: 'unix:/run/more.sock', healthCheck: { port: 81 } }],
    }),
    says: 'Unix socket',
  },
  {
    code: 'service.inbound_on_unix_socket',
    path: 'services.more.endpoints[0].inbound',
    change: service({ endpoints: [{ address: 'unix:/run/more.sock', inbound }] }),
  },
  {
    code: 'schema.invalid_address',
    path: 'services.more.endpoints[0].inbound.application',
    change: service({ endpoints: [{ address: '10.0.1.1:80', inbound: { application: 'localhost:8080' } }] }),
    says: '127.0.0.1:8080',
  },
  {
    code: 'service.fallback_not_found',
    path: 'services.more.fallback',
    change: service({ fallback: 'catalg' }),
    says: 'did you mean "catalog"?',
  },
  {
    code: 'service.fallback_not_found',
    path: 'services.more.fallback',
    change: service({ fallback: 'catalog@v3' }),
    says: 'declared: v1, v2',
  },
  {
    code: 'service.fallback_circle',
    path: 'services.more.fallback',
    change: service({ fallback: 'more' }),
    says: 'more → more',
  },
  {
    code: 'service.fallback_circle',
    path: 'services.catalog.versions.v1.fallback',
    change: {
      services: {
        catalog: {
          ...sound.services.catalog,
          versions: {
            v1: { ...sound.services.catalog.versions.v1, fallback: 'catalog@v2' },
            v2: { ...sound.services.catalog.versions.v2, fallback: 'catalog@v1' },
          },
        },
      },
    },
    says: 'catalog@v1 → catalog@v2 → catalog@v1',
    also: ['service.fallback_circle services.catalog.versions.v2.fallback'],
  },
  {
    code: 'service.fallback_circle',
    path: 'services.catalog.fallback',
    change: { services: { catalog: { ...sound.services.catalog, fallback: 'catalog@v1' } } },
    says: 'declare it for the other versions alone',
  },
  {
    code: 'service.fallback_protocol',
    path: 'services.more.fallback',
    change: service({ fallback: 'db' }),
    says: 'http',
  },
  {
    code: 'service.fallback_protocol',
    path: 'services.more.fallback',
    change: service({ protocol: 'tcp', fallback: 'catalog' }),
    says: 'tcp',
  },
  {
    code: 'service.fallback_protocol',
    path: 'services.more.fallback',
    change: service({ protocol: 'udp', fallback: 'catalog' }),
    says: 'datagrams',
  },
  {
    code: 'service.fallback_circle',
    path: 'services.catalog.fallback',
    change: {
      services: {
        catalog: { ...sound.services.catalog, fallback: 'api' },
        api: { ...sound.services.api, fallback: 'catalog' },
      },
    },
    says: 'catalog → api → catalog',
    also: ['service.fallback_circle services.api.fallback'],
  },
  {
    code: 'service.fallback_sessions',
    path: 'services.more.fallback',
    change: service({ fallback: 'catalog', sessions: { cookie: { name: 'lane' } } }),
    says: 'higher priority',
  },
  {
    code: 'service.fallback_gradual',
    path: 'services.more.fallback',
    change: service({
      fallback: 'catalog',
      endpoints: [{ address: '10.0.1.1:80' }, { address: '10.0.1.2:80', priority: 1 }],
    }),
    says: 'whenAllDown',
  },
  {
    code: 'service.fallback_retry_budget',
    path: 'services.more.fallback',
    change: service({ fallback: 'catalog', retryBudget: { percent: '20%' } }),
    says: 'maxRetries',
  },
  {
    code: 'service.maintenance_protocol',
    path: 'services.more.maintenance',
    change: service({ protocol: 'tcp', maintenance: { on: true } }),
    says: 'drain or disable its endpoints',
  },
  {
    code: 'apiVersioning.default_not_found',
    path: 'services.more.apiVersioning.default',
    change: service({ apiVersioning: { ...inPath, default: 'v3' } }),
    says: 'did you mean "v1"?',
  },
  {
    code: 'apiVersioning.default_retired',
    path: 'services.more.apiVersioning.default',
    change: service({
      apiVersioning: {
        in: { header: {} },
        versions: { v1: { state: 'retired' } },
        default: 'old',
        aliases: { old: 'v1' },
      },
    }),
  },
  {
    code: 'apiVersioning.alias_not_found',
    path: 'services.more.apiVersioning.aliases.latest',
    change: service({ apiVersioning: { ...inPath, aliases: { latest: 'v3' } } }),
  },
  {
    code: 'apiVersioning.alias_shadows_version',
    path: 'services.more.apiVersioning.aliases.v1',
    change: service({ apiVersioning: { ...inPath, aliases: { v1: 'v2' } } }),
  },
];

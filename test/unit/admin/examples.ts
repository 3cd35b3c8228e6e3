import assert from 'node:assert/strict';
import type { Operation } from '../../../src/admin/api/operation.ts';
import { writeBackup } from '../../../src/store/backup.ts';
import { MemoryStore } from '../../../src/store/memory.ts';
import { AdminWorld, drain, shift } from './admin-world.ts';

/** A request of each operation that is carried out; what it answers is checked against its declaration by every call. */
export interface Example {
  readonly url: string;
  readonly body?: unknown;
  readonly raw?: Uint8Array<ArrayBuffer>;
  readonly status?: number;
  readonly prepare?: (world: AdminWorld) => void;
}

const shifted = (world: AdminWorld) => {
  world.control.answer = world.done({ override: shift, effect: 'active' });
};
const drained = (world: AdminWorld) => {
  world.control.answer = world.done({ override: drain, effect: 'active' });
};
const allDrained = (world: AdminWorld) => {
  world.control.answer = world.doneOfAll(['10.0.0.1:8080'], [drain]);
};
const computed = (world: AdminWorld) => {
  world.control.computedAnswer = {
    kind: 'done',
    effect: { concerned: new Map(), changed: true },
    current: undefined,
    ignored: ['10.9.9.9:1'],
  };
};

const made = ({ tokens, clock }: AdminWorld) =>
  tokens.create({ name: 'ci', role: 'viewer', createdBy: 'admin', expiresAt: clock + 1000 });
function ofResources(kind: string, one: string, name: string): Readonly<Record<string, Example>> {
  const all = `/api/v1/${kind}`;
  const made = (world: AdminWorld) => world.own(kind, 'mine');
  return {
    [`list${one}s`]: { url: `${all}?limit=2&owner=files` },
    [`read${one}`]: { url: `${all}/${name}` },
    [`create${one}`]: { url: all, body: { name: 'new', spec: {} }, status: 201 },
    [`replace${one}`]: { url: `${all}/mine`, body: {}, prepare: made },
    [`patch${one}`]: { url: `${all}/mine`, body: { x: null }, prepare: made },
    [`delete${one}`]: { url: `${all}/mine`, prepare: made },
  };
}

export const changed = (world: AdminWorld) => world.changed();
export const backup = new Uint8Array(await writeBackup(new MemoryStore().contents(), 5));

export const examples: Readonly<Record<string, Example>> = {
  readHealth: { url: '/healthz' },
  readReadiness: { url: '/readyz' },
  readServer: { url: '/api/v1/server' },
  readMetrics: { url: '/metrics' },
  readDocsPage: { url: '/api/docs' },
  readDocsScript: { url: '/api/docs/page.js' },
  readDocsStyle: { url: '/api/docs/page.css' },
  readDocument: { url: '/api/v1/openapi.json' },
  listProxies: { url: '/api/v1/proxies?state=pending' },
  readProxyConfig: { url: '/api/v1/proxies/edge-1/config' },
  retryProxy: { url: '/api/v1/proxies/edge-1/retry', status: 202 },
  listQuarantines: { url: '/api/v1/quarantines' },
  endQuarantine: {
    url: '/api/v1/quarantines/edge/CDS/catalog@v1',
    prepare: world => {
      world.accept([], [world.quarantine('Cluster', 'catalog@v1')]);
      world.control.quarantineAnswer = { kind: 'done', effect: { concerned: new Map(), changed: true } };
    },
  },
  listEvents: { url: '/api/v1/events?type=ack,nack&limit=5' },
  listTokens: { url: '/api/v1/tokens', prepare: world => void made(world) },
  createToken: {
    url: '/api/v1/tokens',
    body: { name: 'pipeline', role: 'operator', fleets: ['edge'], kinds: ['routes'], expiresIn: '30d' },
    status: 201,
  },
  revokeToken: { url: '/api/v1/tokens/ci', prepare: world => void made(world) },
  listAudit: {
    url: '/api/v1/audit?limit=5',
    prepare: ({ audit }) => audit.add({ who: 'ada', from: '10.0.0.9', what: 'PUT /', result: 'done', status: 200 }),
  },
  readLogLevel: { url: '/api/v1/log-level' },
  changeLogLevel: { url: '/api/v1/log-level', body: { level: 'debug' } },
  readPolicy: { url: '/api/v1/policy' },
  listRevisions: { url: '/api/v1/revisions?limit=5&kind=declared&author=bob' },
  readRevision: { url: '/api/v1/revisions/7' },
  diffRevisions: { url: '/api/v1/revisions/7/diff/7' },
  rollBack: { url: '/api/v1/revisions/7/rollback?overrides=true&reason=r', prepare: changed },
  acceptRefused: { url: '/api/v1/policy/accept?digest=abc', prepare: changed },
  acceptName: { url: '/api/v1/names/app.internal/accept' },
  pinRevision: { url: '/api/v1/revisions/7/pin?reason=r' },
  unpinRevision: { url: '/api/v1/revisions/7/pin' },
  readHistory: { url: '/api/v1/history?fleet=edge&limit=1' },
  proxyHistory: { url: '/api/v1/proxies/edge-1/history?at=2026-03-01T11:59:30Z' },
  readFreeze: { url: '/api/v1/freeze' },
  beginFreeze: { url: '/api/v1/freeze?reason=r', body: { revision: 7 } },
  endFreeze: { url: '/api/v1/freeze', prepare: ({ control }) => void control.freezing.freeze({ by: 'ada' }) },
  readBackup: { url: '/api/v1/backup' },
  restoreBackup: { url: '/api/v1/backup', raw: backup, prepare: changed },
  readSnapshot: { url: '/api/v1/fleets/edge/snapshot' },
  traceRequest: { url: '/api/v1/trace', body: { url: 'http://shop:8000/old' } },
  readWeights: { url: '/api/v1/routes/shop/rules/everyone/weights' },
  shiftTraffic: { url: '/api/v1/routes/shop/rules/everyone/weights', body: { 'catalog@v1': 1 }, prepare: shifted },
  endShift: { url: '/api/v1/routes/shop/rules/everyone/weights', prepare: shifted },
  readEndpointHealth: { url: '/api/v1/endpoint-health?service=catalog' },
  overrideEndpoint: {
    url: '/api/v1/services/catalog/endpoints/10.0.0.1:8080',
    body: { state: 'draining' },
    prepare: drained,
  },
  endEndpointOverride: { url: '/api/v1/services/catalog/endpoints/10.0.0.1:8080', prepare: drained },
  overrideEndpoints: { url: '/api/v1/services/catalog/endpoints', body: { state: 'draining' }, prepare: allDrained },
  endEndpointOverrides: { url: '/api/v1/services/catalog/endpoints', prepare: allDrained },
  maintainService: { url: '/api/v1/services/catalog/maintenance', body: {}, prepare: drained },
  endServiceMaintenance: { url: '/api/v1/services/catalog/maintenance', prepare: drained },
  maintainRoute: { url: '/api/v1/routes/shop/maintenance', body: {}, prepare: drained },
  endRouteMaintenance: { url: '/api/v1/routes/shop/maintenance', prepare: drained },
  readEndpointWeights: { url: '/api/v1/services/catalog/weights' },
  giveComputedWeights: {
    url: '/api/v1/services/catalog/weights',
    body: { source: 'test', weights: { '10.0.0.1:8080': 3 }, expiresIn: '30s' },
    prepare: computed,
  },
  endComputedWeights: { url: '/api/v1/services/catalog/weights', prepare: computed },
  transact: {
    url: '/api/v1/transactions',
    body: { changes: [{ action: 'put', kind: 'services', name: 'new', spec: {} }] },
  },
  ...ofResources('services', 'Service', 'catalog'),
  ...ofResources('gateways', 'Gateway', 'public'),
  ...ofResources('routes', 'Route', 'shop'),
  ...ofResources('fleets', 'Fleet', 'edge'),
};

const edge = { kind: 'assigned', key: 'edge' } as const;

export function ready(example: Example): AdminWorld {
  const world = new AdminWorld();
  world.accept([shift, drain]);
  world.connect(1, 'edge-1', edge);
  example.prepare?.(world);
  return world;
}

/** The verb of its requests. */
export const method = (operation: Operation) => operation.method.toUpperCase();

export function exampleOf({ id }: Operation): Example {
  const example = examples[id];
  assert.ok(example, `the operation ${id} has no example in this test`);
  return example;
}

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { errorsOf, families, type Operation, roleOf } from '../../../src/admin/api/operation.ts';
import { writeBackup } from '../../../src/store/backup.ts';
import { MemoryStore } from '../../../src/store/memory.ts';
import { operations } from '../../support/api-contract.ts';
import { AdminWorld, drain, shift } from './admin-world.ts';

/** A request of each operation that is carried out; what it answers is checked against its declaration by every call. */
interface Example {
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

const changed = (world: AdminWorld) => world.changed();
const backup = new Uint8Array(await writeBackup(new MemoryStore().contents(), 5));

const examples: Readonly<Record<string, Example>> = {
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

function ready(example: Example): AdminWorld {
  const world = new AdminWorld();
  world.accept([shift, drain]);
  world.connect(1, 'edge-1', edge);
  example.prepare?.(world);
  return world;
}

const method = (operation: Operation) => operation.method.toUpperCase();

function exampleOf({ id }: Operation): Example {
  const example = examples[id];
  assert.ok(example, `the operation ${id} has no example in this test`);
  return example;
}

describe('the contract of the API', () => {
  it('a body that is no text is read as it is, also with a key that says that it is the same request', async () => {
    const world = ready({ url: '/api/v1/backup', raw: backup, prepare: changed });
    const headers = { 'idempotency-key': 'k' };
    const answer = await world.call('PUT', '/api/v1/backup', { raw: backup, headers });
    assert.equal(answer.status, 200, answer.text);
  });

  for (const operation of operations) {
    it(`${operation.id} answers as it declares`, async () => {
      const example = exampleOf(operation);
      const { url, body, raw, status = 200 } = example;
      const given = raw ? { raw } : body === undefined ? {} : { body };
      const answer = await ready(example).call(method(operation), url, given);
      assert.equal(answer.status, status, answer.text);
    });

    it(`${operation.id} refuses as it declares`, async () => {
      const example = exampleOf(operation);
      const world = ready(example);
      const { url, body } = example;
      const send = (headers: Readonly<Record<string, string>>, query = '', given = body) =>
        world.call(method(operation), `${url.replace(/\?.*$/, '')}${query}`, {
          headers,
          ...(given === undefined ? {} : { body: given }),
        });
      const open = roleOf(operation) === 'none';
      if (!open) {
        assert.equal((await send({ authorization: '' })).status, 401);
        assert.equal((await send({ host: 'evil.example' })).status, 403);
        assert.equal((await send({ 'sec-fetch-site': 'cross-site' })).status, 403);
      }
      if (operation.body) {
        assert.equal((await send({ 'content-type': 'text/plain' })).status, 415);
        assert.equal((await send({}, '', '{"half')).status, 400);
        assert.equal((await send({}, '', [])).status, 422);
      }
      if (operation.query && 'wait' in operation.query) {
        assert.equal((await send({}, '?wait=forever')).status, 400);
      }
    });
  }

  it('has an example of no operation that there is not', () => {
    assert.deepEqual(Object.keys(examples).toSorted(), operations.map(each => each.id).toSorted());
  });

  it('is served, and nothing else is', () => {
    const routes = new AdminWorld().app.routes
      .filter(each => each.method !== 'ALL')
      .map(each => `${each.method} ${each.path.replaceAll(/:(\w+)(?:\{[^}]*\})?/g, '{$1}')}`);
    const declared = operations.map(each => `${method(each)} ${each.path}`);
    assert.deepEqual([...new Set(routes)].sort(), declared.toSorted());
  });
});

interface Schema {
  readonly $ref?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
}
interface Documented {
  readonly operationId?: string;
  readonly summary?: string;
  readonly tags?: readonly string[];
  readonly security?: readonly unknown[];
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly description?: string }[];
  readonly responses: Readonly<Record<string, { readonly description?: string; readonly content?: object }>>;
}

describe('the OpenAPI document', async () => {
  const { json: document } = await new AdminWorld().call('GET', '/api/v1/openapi.json');
  const paths: Readonly<Record<string, Readonly<Record<string, Documented>>>> = document.paths;
  const schemas: Readonly<Record<string, Schema>> = document.components.schemas;
  const documented = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([verb, operation]) => ({ path, verb, operation })),
  );

  it('says of which version of the specification it is', () => {
    assert.equal(document.openapi, '3.1.0');
    assert.deepEqual(Object.keys(document.info).toSorted(), ['description', 'license', 'title', 'version']);
  });

  it('has every operation, with a name of its own and a summary', () => {
    assert.deepEqual(
      documented.map(({ verb, path }) => `${verb} ${path}`).toSorted(),
      operations.map(each => `${each.method} ${each.path}`).toSorted(),
    );
    const ids = documented.map(each => each.operation.operationId);
    assert.equal(new Set(ids).size, operations.length);
    for (const { operation } of documented) {
      assert.match(operation.summary ?? '', /^[A-Z].*[^.]$/, operation.operationId);
      assert.ok(
        operation.tags?.every(tag => tag in families),
        operation.operationId,
      );
      assert.ok(operation.security, operation.operationId);
    }
  });

  it('explains every parameter, and has all of a path', () => {
    for (const { path, operation } of documented) {
      const { parameters = [] } = operation;
      for (const each of parameters) assert.ok(each.description, `${operation.operationId} ${each.name}`);
      const inPath = parameters.filter(each => each.in === 'path').map(each => each.name);
      assert.deepEqual(inPath.toSorted(), [...path.matchAll(/\{(\w+)\}/g)].map(match => match[1]).toSorted(), path);
    }
  });

  it('explains every answer and every field', () => {
    for (const { operation } of documented) {
      for (const [status, each] of Object.entries(operation.responses)) {
        assert.ok(each.description, `${operation.operationId} ${status}`);
      }
    }
    for (const [name, schema] of Object.entries(schemas)) {
      assert.ok(schema.description, name);
      for (const [field, each] of Object.entries(schema.properties ?? {})) {
        assert.ok(each.description ?? each.$ref, `${name}.${field}`);
      }
    }
  });

  it('declares all errors, as problem+json', () => {
    for (const operation of operations) {
      const responses = paths[operation.path]?.[operation.method]?.responses ?? {};
      for (const status of Object.keys(errorsOf(operation))) {
        const declaredJson = operation.answers[Number(status)] !== undefined;
        const types = Object.keys(responses[status]?.content ?? {});
        assert.deepEqual(types, declaredJson ? ['application/json'] : ['application/problem+json'], operation.id);
      }
    }
  });

  it('refers to nothing that is not there', () => {
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)];
    assert.ok(references.length > 20);
    for (const [, name = ''] of references) assert.ok(schemas[name], name);
    const used = new Set(references.map(([, name]) => name));
    for (const name of Object.keys(schemas)) assert.ok(used.has(name), `nothing refers to ${name}`);
  });
});

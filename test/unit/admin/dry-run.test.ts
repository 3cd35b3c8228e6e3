import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { typeUrl } from '../../../proto/codec.ts';
import { isWriting } from '../../../src/admin/api/operation.ts';
import { adminApp } from '../../../src/admin/server.ts';
import { writeBackup } from '../../../src/store/backup.ts';
import { checkAnswer, operations } from '../../support/api-contract.ts';
import { world as controlWorld, shopPolicy } from '../control/controller-world.ts';
import { AdminWorld, token } from './admin-world.ts';

const by = 'ada';
const clusters = typeUrl('envoy.config.cluster.v3.Cluster');
const few = shopPolicy({ endpoints: '[{ address: "10.0.0.1:80", labels: { version: v1 } }]' });
const other = shopPolicy({ to: '[{ service: other }]' });

/** A server with a real controller, a policy and a proxy. */
async function world() {
  const around = controlWorld();
  await around.submit(shopPolicy());
  const { controller: control, board } = around;
  const admin = new AdminWorld();
  const app = adminApp({ ...admin.options, control, board });
  admin.connect(1, 'edge-1', { kind: 'assigned', key: 'edge' });
  const call = async (method: string, url: string, body?: unknown) => {
    const raw = body instanceof Uint8Array;
    const response = await app.request(`http://127.0.0.1${url}`, {
      method,
      headers: {
        ...{ host: '127.0.0.1:18080', authorization: `Bearer ${token}`, 'x-switchyard-author': by },
        ...(body === undefined ? {} : { 'content-type': raw ? 'application/gzip' : 'application/json' }),
      },
      ...(body === undefined ? {} : { body: raw ? new Uint8Array(body) : JSON.stringify(body) }),
    });
    const text = await response.text();
    return { status: response.status, text, type: response.headers.get('content-type') ?? '', json: JSON.parse(text) };
  };
  return { ...around, admin, call };
}
type World = Awaited<ReturnType<typeof world>>;

interface Example {
  readonly before?: (world: World) => unknown;
  readonly url: string;
  readonly body?: (world: World) => unknown;
  /** Beginnings of what the effect says of fleet `edge`; absent: nothing changes for it. */
  readonly edge?: readonly string[];
  readonly drains?: true;
}

const spec = { endpoints: [{ address: '10.0.9.9:80' }] };
const own = (kind: 'services' | 'gateways' | 'routes' | 'fleets', name: string, spec: unknown) => (world: World) =>
  world.controller.edit([{ kind, name, change: { kind: 'put', spec } }], { by });
const gateway = { listeners: [{ port: 10_009, protocol: 'http' }] };
const route = { gateways: ['public'], hosts: ['new.test'], rules: [{ name: 'new', to: [{ service: 'other' }] }] };
const fleet = { match: { cluster: 'new' }, gateways: ['public'] };

function ofKind(kind: 'services' | 'gateways' | 'routes' | 'fleets', one: string, spec: unknown, edge?: string[]) {
  const before = own(kind, 'mine', spec);
  const said = edge ? { edge } : {};
  return {
    [`create${one}`]: { url: `/api/v1/${kind}`, body: () => ({ name: 'mine', spec }), ...said },
    [`replace${one}`]: { url: `/api/v1/${kind}/mine`, body: () => spec, ...said },
    [`patch${one}`]: { before, url: `/api/v1/${kind}/mine`, body: () => ({}) },
    [`delete${one}`]: { before, url: `/api/v1/${kind}/mine`, ...said },
  };
}

const examples: Readonly<Record<string, Example>> = {
  shiftTraffic: {
    url: '/api/v1/routes/shop/rules/everyone/weights',
    body: () => ({ 'catalog@v1': 1, 'catalog@v2': 1 }),
    edge: ['changed RDS gateway/public'],
  },
  endShift: {
    before: ({ shift }) => shift({ 'catalog@v1': 1, 'catalog@v2': 1 }),
    url: '/api/v1/routes/shop/rules/everyone/weights',
    edge: ['changed RDS gateway/public'],
  },
  overrideEndpoint: {
    url: '/api/v1/services/catalog/endpoints/10.0.0.1:80',
    body: () => ({ state: 'disabled' }),
    edge: ['changed EDS catalog@v1'],
  },
  endEndpointOverride: {
    before: ({ drain }) => drain('10.0.0.1:80'),
    url: '/api/v1/services/catalog/endpoints/10.0.0.1:80',
    edge: ['changed EDS catalog@v1'],
  },
  overrideEndpoints: {
    url: '/api/v1/services/catalog/endpoints?force',
    body: () => ({ state: 'disabled' }),
    edge: ['changed EDS catalog@v1', 'changed EDS catalog@v2'],
  },
  endEndpointOverrides: {
    before: ({ drain }) => drain('10.0.0.1:80'),
    url: '/api/v1/services/catalog/endpoints',
    edge: ['changed EDS catalog@v1'],
  },
  maintainService: {
    url: '/api/v1/services/catalog/maintenance',
    body: () => ({}),
    edge: ['changed RDS gateway/public'],
  },
  endServiceMaintenance: {
    before: ({ controller }) => controller.maintain({ of: 'service', name: 'catalog', by }),
    url: '/api/v1/services/catalog/maintenance',
    edge: ['changed RDS gateway/public'],
  },
  maintainRoute: { url: '/api/v1/routes/shop/maintenance', body: () => ({}), edge: ['changed RDS gateway/public'] },
  endRouteMaintenance: {
    before: ({ controller }) => controller.maintain({ of: 'route', name: 'shop', by }),
    url: '/api/v1/routes/shop/maintenance',
    edge: ['changed RDS gateway/public'],
  },
  giveComputedWeights: {
    url: '/api/v1/services/catalog/weights',
    body: () => ({ source: 'test', weights: { '10.0.0.1:80': 7 }, expiresIn: '1m' }),
    edge: ['changed EDS catalog@v1'],
  },
  endComputedWeights: {
    before: ({ controller }) =>
      controller.computed.give({
        ...{ service: 'catalog', source: 'test', weights: { '10.0.0.1:80': 7 }, ttl: 60_000, force: false },
      }),
    url: '/api/v1/services/catalog/weights',
    edge: ['changed EDS catalog@v1'],
  },
  endQuarantine: {
    before: ({ controller, board }) => {
      const version = board.current?.snapshots.get('edge')?.types.get(clusters)?.resources.get('other')?.version ?? '';
      const content = { fleet: 'edge', typeUrl: clusters, name: 'other', version };
      const found = { ...content, message: 'no', proxies: ['a', 'b'], instead: undefined };
      return controller.changeQuarantine({ found });
    },
    url: '/api/v1/quarantines/edge/CDS/other',
    edge: ['added CDS other'],
  },
  rollBack: {
    before: ({ submit }) => submit(other),
    url: '/api/v1/revisions/1/rollback',
    edge: ['added CDS catalog@v1', 'added CDS catalog@v2', 'added EDS catalog@v1'],
  },
  acceptRefused: {
    before: ({ submit }) => submit(few),
    url: '/api/v1/policy/accept',
    edge: ['changed EDS catalog@v1', 'changed EDS catalog@v2'],
  },
  acceptName: {
    before: async ({ submit, names }) => {
      names.known.set('app.internal', ['10.0.5.1', '10.0.5.2', '10.0.5.3']);
      await submit(shopPolicy().replace('"10.0.1.1:80"', '"app.internal:80"'));
      names.held.set('app.internal', { addresses: ['10.0.5.1'] });
    },
    url: '/api/v1/names/app.internal/accept',
    edge: ['changed EDS other'],
  },
  beginFreeze: {
    before: ({ submit }) => submit(other),
    url: '/api/v1/freeze',
    body: () => ({ revision: 1 }),
    edge: ['added CDS catalog@v1'],
  },
  endFreeze: {
    before: async ({ controller, submit }) => {
      controller.freezing.freeze({ by });
      await submit(other);
    },
    url: '/api/v1/freeze',
    edge: ['removed CDS catalog@v1'],
  },
  restoreBackup: {
    url: '/api/v1/backup',
    body: ({ controller }) => writeBackup(controller.revisions.contents(), 5),
  },
  retryProxy: { url: '/api/v1/proxies/edge-1/retry' },
  transact: {
    url: '/api/v1/transactions?takeOver',
    body: () => ({ changes: [{ action: 'put', kind: 'services', name: 'other', spec }] }),
    edge: ['changed EDS other'],
  },
  ...ofKind('services', 'Service', spec),
  ...ofKind('gateways', 'Gateway', gateway),
  ...ofKind('routes', 'Route', route, ['changed RDS gateway/public']),
  ...ofKind('fleets', 'Fleet', fleet),
};

/** What does not change what proxies hold. */
const notRehearsed: Readonly<Record<string, { readonly url: string; readonly body?: unknown }>> = {
  pinRevision: { url: '/api/v1/revisions/1/pin' },
  unpinRevision: { url: '/api/v1/revisions/1/pin' },
  createToken: { url: '/api/v1/tokens', body: { name: 'ci', role: 'viewer' } },
  revokeToken: { url: '/api/v1/tokens/ci' },
  changeLogLevel: { url: '/api/v1/log-level', body: { level: 'debug' } },
};

const writes = operations.filter(isWriting);
const withDryRun = (url: string) => `${url}${url.includes('?') ? '&' : '?'}dryRun=true`;

function state({ store, board, controller, clock, names, admin }: World) {
  return {
    ...{ last: store.lastNumber(), publication: board.current, timers: clock.timers, held: names.held.size },
    ...{ accepted: controller.accepted, rejected: controller.rejected, freeze: controller.freezing.status },
    ...{ overrides: store.overrides(), quarantines: store.quarantines(), computed: controller.computed.all },
    ...{ tokens: admin.tokens.list(), retried: [...admin.retried], log: admin.options.log.level },
    pins: controller.revisions.list({ limit: 9 }).map(each => each.pin),
  };
}

describe('?dryRun=true', () => {
  it('is understood by every write, or refused by it', () => {
    const rehearsed = writes.filter(each => 'dryRun' in (each.query ?? {})).map(each => each.id);
    assert.deepEqual(rehearsed.toSorted(), Object.keys(examples).toSorted());
    const others = writes.map(each => each.id).filter(id => !rehearsed.includes(id));
    assert.deepEqual(others.toSorted(), Object.keys(notRehearsed).toSorted());
  });

  for (const operation of writes) {
    const [example, refused] = [examples[operation.id], notRehearsed[operation.id]];
    const method = operation.method.toUpperCase();
    if (example) {
      it(`of ${operation.id} changes nothing, and answers what it would lead to`, async () => {
        const around = await world();
        await example.before?.(around);
        await around.quiet();
        const before = state(around);
        const answer = await around.call(method, withDryRun(example.url), await example.body?.(around));
        assert.equal(answer.status, 200, answer.text);
        checkAnswer(operation, answer);
        assert.deepEqual(state(around), before);
        assert.equal(await audited(around, method), 0, 'it is no write');
        if (operation.id === 'retryProxy') return;
        const edge = answer.json.effect.fleets.find((each: { fleet: string }) => each.fleet === 'edge');
        const says = (edge?.resources ?? []).map(
          (each: Record<'change' | 'type' | 'name', string>) => `${each.change} ${each.type} ${each.name}`,
        );
        for (const expected of example.edge ?? []) assert.ok(says.includes(expected), `${expected} in ${says}`);
        if (!example.edge) assert.deepEqual(says, []);
        else assert.deepEqual([edge.proxies, edge.drains, answer.json.effect.proxyCount], [['edge-1'], false, 1]);
        assert.equal(answer.json.acknowledged, undefined);
      });

      it(`of ${operation.id} does not wait for anybody`, async () => {
        if (!('wait' in (operation.query ?? {}))) return;
        const around = await world();
        await example.before?.(around);
        const url = `${withDryRun(example.url)}&wait=acked&timeout=60s`;
        assert.equal((await around.call(method, url, await example.body?.(around))).status, 200);
      });
    }
    if (refused) {
      it(`of ${operation.id} is refused, and nothing is done`, async () => {
        const around = await world();
        around.admin.tokens.create({ name: 'ci', role: 'viewer', createdBy: 'admin' });
        if (operation.id === 'createToken') around.admin.tokens.revoke('ci');
        const before = state(around);
        const answer = await around.call(method, withDryRun(refused.url), refused.body);
        assert.equal(answer.status, 400, answer.text);
        checkAnswer(operation, answer);
        assert.match(answer.json.detail, /cannot be rehearsed/);
        assert.deepEqual(state(around), before);
        assert.equal(await audited(around, method), 1);
        assert.ok((await around.call(method, refused.url, refused.body)).status < 300, 'without it, it is done');
      });
    }
  }

  it('says that connections drain', async () => {
    const around = await world();
    const listener = own('gateways', 'mine', gateway);
    await listener(around);
    await own('fleets', 'mine', { match: { cluster: 'mine' }, gateways: ['mine'] })(around);
    const changed = { listeners: [{ port: 10_010, protocol: 'http' }] };
    const { json } = await around.call('PUT', '/api/v1/gateways/mine?dryRun', changed);
    assert.deepEqual([json.effect.drains, json.effect.fleets[0].drains], [true, true], JSON.stringify(json));
  });

  it('tells what the guard against shrinking would say, and the write is refused for it', async () => {
    const { call } = await world();
    const url = '/api/v1/services/catalog?takeOver';
    const patch = { endpoints: [{ address: '10.0.0.1:80', labels: { version: 'v1' } }] };
    const dry = await call('PATCH', `${url}&dryRun`, patch);
    assert.deepEqual([dry.status, dry.json.effect.shrinks[0].code], [200, 'policy.shrinks']);
    const refused = await call('PATCH', url, patch);
    assert.deepEqual([refused.status, refused.json.problems[0].code], [422, 'policy.shrinks']);
    assert.equal((await call('PATCH', `${url}&allowShrink`, patch)).status, 200);
  });

  it('says that proxies are sent it only after the freeze, and so does the write', async () => {
    const { call, controller } = await world();
    controller.freezing.freeze({ by });
    const url = '/api/v1/services/other/endpoints/10.0.1.1:80?force';
    const dry = await call('PATCH', `${url}&dryRun`, { state: 'draining' });
    assert.deepEqual([dry.json.waitsForThaw, dry.json.changed], [true, true]);
    const passing = await call('PATCH', `${url}&dryRun&duringFreeze`, { state: 'draining' });
    assert.equal(passing.json.waitsForThaw, undefined);
    assert.equal((await call('PATCH', url, { state: 'draining' })).json.waitsForThaw, true);
    assert.equal((await call('PATCH', `${url}&duringFreeze`, { state: 'disabled' })).json.waitsForThaw, undefined);
  });
});

/** How many entries of the audit log are about a request of this method. */
async function audited({ admin }: World, method: string): Promise<number> {
  const entries = await admin.audit.read(undefined, {}, 100);
  return entries.filter(each => each.what.startsWith(method)).length;
}

import assert from 'node:assert/strict';
import { after, afterEach, describe, it } from 'node:test';
import type { OverrideWriteReply } from '../../src/admin/api.ts';
import type { PolicyInput } from '../../src/policy/kinds.ts';
import { type Ask, ask, askMany } from '../support/client.ts';
import { covers } from '../support/covers.ts';
import { assertValues } from '../support/statistics.ts';
import { connectTcp } from '../support/tcp.ts';
import { until } from '../support/until.ts';
import { pair, pairPolicy, type RuleInput, type ServiceInput, World } from '../support/world.ts';

const world = new World();
after(() => world.close());

const ports = { delta: await world.port(), sotw: await world.port() };
const [a, b] = await world.backends('a', 'b');
const at = ({ address }: { readonly address: string }) => [{ address }];
const page = { status: 420, body: '<p>Back at noon.', contentType: 'text/html', retryAfter: '90s' } as const;
const except = { headers: { 'x-operator': 'ada' } };
const healthCheck = { http: { path: '/health' }, interval: '100ms' } as const;
const app: ServiceInput = { endpoints: at(a), healthCheck, maintenance: { page, except } };

function policy(service: ServiceInput = app, more: NonNullable<PolicyInput['services']> = {}): PolicyInput {
  return pairPolicy(ports, {
    services: { app: service, other: { endpoints: at(b) }, ...more },
    rules: [
      { name: 'other', match: { path: '/other' }, to: [{ service: 'other' }] },
      { name: 'split', match: { path: '/split' }, to: [{ service: 'app' }, { service: 'other' }] },
      { match: { path: '/fixed' }, respond: { status: 204 } },
      { name: 'everyone', to: [{ service: 'app' }] },
    ],
  });
}
await world.start(policy(), pair);

const both = (path = '/', options: Ask = {}) => Promise.all(Object.values(ports).map(port => ask(port, path, options)));
const answered = async (path: string, status: number, options: Ask = {}) => {
  for (const answer of await both(path, options)) assert.equal(answer.status, status, path);
};
const begun = new Set<string>();
const maintain = async (what: string, body: object = {}) => {
  begun.add(what);
  const url = `/api/v1/${what}/maintenance?wait=acked&reason=schema`;
  const reply = await world.plane.api<OverrideWriteReply>('PUT', url, body);
  assert.equal(reply.status, 200, JSON.stringify(reply.body));
  return reply.body;
};
const end = async (what: string) => {
  begun.delete(what);
  return (await world.plane.api('DELETE', `/api/v1/${what}/maintenance?wait=acked`)).status;
};
const stats = (name: string) => Promise.all(world.envoys.map(each => each.stat(name)));
afterEach(async () => {
  for (const what of begun) await end(what);
  a.behave({});
});

describe('maintenance by command', () => {
  it('answers the declared page, and the service again when it ends', async () => {
    await answered('/', 200);
    const { override } = await maintain('services/app');
    assert.deepEqual([override?.target, override?.state, override?.reason], ['services/app', 'maintenance', 'schema']);
    for (const { status, text, headers } of await both()) {
      assert.deepEqual([status, text, headers['content-type']], [420, '<p>Back at noon.', 'text/html']);
      assert.deepEqual([headers['retry-after'], headers['cache-control']], ['90', 'no-store']);
    }
    await answered('/other', 200);
    assert.equal(await end('services/app'), 200);
    await answered('/', 200);
    assert.equal(await end('services/app'), 404);
  });

  it('lets through who bears the header, and nobody else', async () => {
    await maintain('services/app');
    await answered('/', 200, { headers: { 'x-operator': 'ada' } });
    await answered('/', 420, { headers: { 'x-operator': 'eve' } });
  });

  it('leaves the rest of a split to the other destination, and all of it to those who get through', async () => {
    await maintain('services/app');
    for (const port of Object.values(ports)) {
      assertValues(await askMany(20, () => ask(port, '/split')), ['b']);
      const headers = { 'x-operator': 'ada' };
      assertValues(await askMany(30, () => ask(port, '/split', { headers })), ['a', 'b']);
    }
    await maintain('services/other');
    await answered('/split', 420);
  });

  it('leaves requests under way, connections, listeners and health checks alone', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    using client = await connectTcp(ports.sotw);
    const say = async () => {
      client.send('GET /other HTTP/1.1\r\nhost: x\r\n\r\n');
      return await client.line();
    };
    assert.match(await say(), /200/);
    a.behave({ after: promise });
    const long = both('/long');
    await until('they are under way', () => a.active === 2);
    const [updates, listeners] = [
      await stats('cluster_manager.cds.update_success'),
      await stats('listener_manager.lds.update_success'),
    ];
    await maintain('services/app');
    await answered('/', 420);
    a.forget();
    await until('a is checked all the same', () => a.checks.length > 4);
    resolve();
    for (const { by } of await long) assert.equal(by, 'a');
    assert.deepEqual(await stats('cluster_manager.cds.update_success'), updates);
    assert.deepEqual(await stats('listener_manager.lds.update_success'), listeners);
    client.send('GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
    await until('the same connection gets the page', async () => (await client.line()).includes(' 420 '));
  });

  it('ends by itself', async () => {
    const { override } = await maintain('services/app', { expiresIn: '4s' });
    assert.ok(override?.expiresAt);
    await answered('/', 420);
    await until('the service answers', async () => (await both()).every(({ status }) => status === 200));
    assert.deepEqual((await world.plane.policy()).overrides, []);
  });

  it('of a route is for all that goes to services, and keeps what Envoy answers by itself', async () => {
    await maintain('routes/shop');
    for (const { status, text } of await both('/other')) {
      assert.deepEqual([status, text], [503, 'Under maintenance. Please try again later.\n']);
    }
    await answered('/', 420);
    await answered('/fixed', 204);
  });

  it('survives a restart, and the end of its time meanwhile counts', async () => {
    await maintain('services/app');
    await maintain('services/other', { expiresIn: '1s' });
    await world.plane.stop();
    await answered('/', 420);
    await world.plane.start();
    await until('one is over', async () => (await both('/other')).every(({ status }) => status === 200));
    await world.synced();
    await answered('/', 420);
  });

  it('waits while its service is away', async () => {
    await maintain('services/app');
    const services = { other: { endpoints: at(b) } };
    await world.saved(pairPolicy(ports, { services, rules: [{ to: [{ service: 'other' }] }] }));
    assert.equal((await world.plane.policy()).overrides[0]?.effect, 'suspended');
    await answered('/', 200);
    await world.saved(policy());
    await world.synced();
    await answered('/', 420);
  });

  it('is refused where no page can be answered', async () => {
    await world.saved(policy(app, { raw: { protocol: 'tcp', endpoints: at(b) } }));
    assert.equal((await world.plane.api('PUT', '/api/v1/services/raw/maintenance', {})).status, 422);
    assert.equal((await world.plane.api('PUT', '/api/v1/services/none/maintenance', {})).status, 404);
    assert.equal((await world.plane.api('PUT', '/api/v1/routes/none/maintenance', {})).status, 404);
    await world.saved(policy());
  });

  it('shows in a trace', async () => {
    await maintain('services/app');
    const question = { url: '/', fleet: 'delta' };
    const { body } = await world.plane.api<{ rules: { name: string; taken: boolean }[]; outcome: object }>(
      'POST',
      '/api/v1/trace',
      question,
    );
    assert.deepEqual(body.outcome, { kind: 'respond', status: 420, body: '<p>Back at noon.' });
    assert.equal(body.rules.find(each => each.taken)?.name, 'shop/everyone@maintenance');
  });
});

describe('maintenance by the policy', () => {
  const named = (status: number): NonNullable<RuleInput['maintenance']> => ({
    on: true,
    page: { status, body: String(status) },
  });
  const plain = { endpoints: at(a) };

  it('is for the service, the route or the rule that says so, with a page of its own', async () => {
    covers(
      'services.*.maintenance.on',
      'services.*.maintenance.page',
      'services.*.maintenance.page.status',
      'services.*.maintenance.page.body',
      'services.*.maintenance.page.contentType',
      'services.*.maintenance.page.retryAfter',
      'services.*.maintenance.except.headers',
      'routes.*.maintenance.on',
      'routes.*.maintenance.page',
      'routes.*.maintenance.page.status',
      'routes.*.maintenance.page.body',
      'routes.*.maintenance.page.contentType',
      'routes.*.maintenance.page.retryAfter',
      'routes.*.maintenance.except.headers',
      'routes.*.rules[].maintenance.on',
      'routes.*.rules[].maintenance.page',
      'routes.*.rules[].maintenance.page.status',
      'routes.*.rules[].maintenance.page.body',
      'routes.*.rules[].maintenance.page.contentType',
      'routes.*.rules[].maintenance.page.retryAfter',
      'routes.*.rules[].maintenance.except.headers',
    );
    const to = [{ service: 'app' }];
    const whole = { on: true, page, except };
    const levels: readonly (readonly [ServiceInput, object, RuleInput])[] = [
      [{ ...plain, maintenance: whole }, {}, { to }],
      [plain, { maintenance: whole }, { to }],
      [plain, {}, { to, maintenance: whole }],
    ];
    for (const [service, ofRoute, rule] of levels) {
      const { routes, ...rest } = pairPolicy(ports, { services: { app: service }, rules: [rule] });
      await world.saved({
        ...rest,
        routes: { shop: { gateways: ['delta', 'sotw'], rules: [rule], ...routes?.['shop'], ...ofRoute } },
      });
      await world.synced();
      for (const { status, text, headers } of await both()) {
        assert.deepEqual(
          [status, text, headers['content-type'], headers['retry-after']],
          [420, page.body, 'text/html', '90'],
        );
      }
      await answered('/', 200, { headers: { 'x-operator': 'ada' } });
    }
    await world.saved(policy());
    await world.synced();
    await answered('/', 200);
  });

  it('takes the nearest page', async () => {
    const services = {
      app: { ...plain, maintenance: named(421) },
      bare: { endpoints: at(b), maintenance: { on: true } },
    };
    const rules: RuleInput[] = [
      { match: { path: '/rule' }, to: [{ service: 'app' }], maintenance: { page: { status: 423 } } },
      { match: { path: '/bare' }, to: [{ service: 'bare' }] },
      { to: [{ service: 'app' }] },
    ];
    await world.saved(pairPolicy(ports, { services, rules }));
    await world.synced();
    await answered('/rule', 423);
    await answered('/bare', 503);
    await answered('/', 421);
    const routes = { shop: { gateways: ['delta', 'sotw'], rules, maintenance: { page: { status: 422 } } } };
    await world.saved({ ...pairPolicy(ports, { services, rules }), routes });
    await world.synced();
    await answered('/rule', 423);
    await answered('/bare', 422);
    await answered('/', 422);
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { problem } from '../../../src/base/problem.ts';
import { AdminWorld, drain, now, policyText, shift } from './admin-world.ts';

const assignments = 'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment';

describe('GET /healthz and /readyz', () => {
  it('lives at once, is ready when a policy is in force', async () => {
    const world = new AdminWorld();
    assert.deepEqual((await world.call('GET', '/healthz')).json, { status: 'ok' });
    const waiting = await world.call('GET', '/readyz');
    assert.equal(waiting.status, 503);
    assert.equal(waiting.json.status, 'waiting');
    world.accept();
    const ready = await world.call('GET', '/readyz');
    assert.equal(ready.status, 200);
    assert.deepEqual(ready.json, { status: 'ready', revision: 7 });
  });
});

describe('GET /api/v1/policy', () => {
  it('is empty before the first policy', async () => {
    const { status, json } = await new AdminWorld().call('GET', '/api/v1/policy');
    assert.equal(status, 200);
    assert.deepEqual(json, {
      revision: null,
      documents: [],
      fleets: [],
      overrides: [],
      freeze: null,
      computed: [],
      quarantines: [],
      warnings: [],
      rejected: null,
    });
  });

  it('shows revision, documents, fleets and overrides', async () => {
    const world = new AdminWorld();
    const accepted = world.accept([shift, drain]);
    const edge = accepted.snapshots.get('edge');
    const { json } = await world.call('GET', '/api/v1/policy');
    assert.deepEqual(json.revision, {
      number: 7,
      at: '2026-03-01T12:00:00.000Z',
      author: 'bob',
      source: 'file',
      reason: 'saved',
    });
    assert.deepEqual(json.documents, [{ file: 'switchyard.yaml', format: 'yaml', text: policyText }]);
    assert.deepEqual(json.fleets, [
      {
        key: 'edge',
        role: 'edge',
        version: edge?.version,
        resources: { CDS: 2, EDS: edge?.types.get(assignments)?.resources.size, LDS: 1, RDS: 1, RTDS: 1 },
      },
    ]);
    assert.deepEqual(json.overrides, [
      {
        kind: 'shift',
        target: 'routes/shop/rules/everyone',
        effect: 'active',
        by: 'ada',
        since: '2026-03-01T12:00:00.000Z',
        reason: 'first tenth',
        weights: { 'catalog@v1': 90, 'catalog@v2': 10 },
      },
      {
        kind: 'endpoint',
        target: 'services/catalog/endpoints/10.0.0.1:8080',
        effect: 'active',
        by: 'ada',
        since: '2026-03-01T12:00:00.000Z',
        state: 'draining',
        expiresAt: '2026-03-01T12:01:00.000Z',
      },
    ]);
  });

  it('says why an override is suspended', async () => {
    const world = new AdminWorld();
    world.accept([{ ...shift, weights: { 'catalog@v1': 1, 'catalog@v3': 1 } }]);
    const [override] = (await world.call('GET', '/api/v1/policy')).json.overrides;
    assert.equal(override.effect, 'suspended');
    assert.match(override.why, /catalog@v[23]/);
  });

  it('shows the save that was refused, beside what goes on', async () => {
    const world = new AdminWorld();
    world.accept();
    const path = ['routes', 'shop', 'rules', 0, 'to', 0, 'service'];
    const found = problem('route.service_not_found', path, 'there is no service "catlog"', 'did you mean "catalog"?');
    const source = { file: 'switchyard.yaml', line: 12, column: 9 };
    world.control.rejected = { at: now, source: 'file', problems: [{ ...found, source }] };
    const { json } = await world.call('GET', '/api/v1/policy');
    assert.equal(json.revision.number, 7);
    assert.deepEqual(json.rejected, {
      at: '2026-03-01T12:00:00.000Z',
      problems: [
        {
          code: 'route.service_not_found',
          severity: 'error',
          message: 'there is no service "catlog"',
          path: 'routes.shop.rules[0].to[0].service',
          hint: 'did you mean "catalog"?',
          ...source,
        },
      ],
    });
  });
});

describe('GET /api/v1/fleets/{fleet}/snapshot', () => {
  it("shows what the fleet's proxies are sent, in Envoy's own JSON", async () => {
    const world = new AdminWorld();
    const snapshot = world.accept().snapshots.get('edge');
    const { status, json } = await world.call('GET', '/api/v1/fleets/edge/snapshot');
    assert.equal(status, 200);
    assert.equal(json.fleet, 'edge');
    assert.equal(json.version, snapshot?.version);
    const versions = [...(snapshot?.types.values() ?? [])].map(type => type.version);
    assert.deepEqual(Object.keys(json.versions).sort(), ['CDS', 'EDS', 'LDS', 'RDS', 'RTDS']);
    for (const version of Object.values(json.versions)) assert.ok(versions.includes(version as string));
    const names = (kind: string) => json.resources[kind].map((each: { name?: string }) => each.name);
    assert.deepEqual(names('clusters'), ['catalog@v1', 'catalog@v2']);
    assert.deepEqual(names('listeners'), ['gateway/public/8000']);
    assert.deepEqual(json.resources.endpoints[0].endpoints[0].lb_endpoints[0].endpoint.address.socket_address, {
      address: '10.0.0.1',
      port_value: 8080,
    });
  });

  it('shows what the process has to say beside the warnings of the policy', async () => {
    const world = new AdminWorld();
    world.notices = [problem('tls.certificate_expires', [], 'a.crt expires', 'renew it')];
    const { json } = await world.call('GET', '/api/v1/policy');
    assert.equal(json.warnings[0].code, 'tls.certificate_expires');
  });

  it('finds a sub-fleet by its percent-encoded key', async () => {
    const world = new AdminWorld();
    const { snapshots } = world.accept();
    const edge = snapshots.get('edge');
    const key = 'catalog/10.0.0.1:15006';
    assert.ok(edge);
    world.board.publish({ snapshots: new Map([[key, edge]]), assign: () => ({ kind: 'assigned', key }) });
    const { status, json } = await world.call('GET', `/api/v1/fleets/${encodeURIComponent(key)}/snapshot`);
    assert.equal(status, 200);
    assert.equal(json.fleet, key);
  });

  it('404 names the fleets that there are', async () => {
    const world = new AdminWorld();
    assert.match((await world.call('GET', '/api/v1/fleets/edge/snapshot')).json.hint, /none/);
    world.accept();
    const answer = await world.call('GET', '/api/v1/fleets/egde/snapshot');
    assert.equal(answer.status, 404);
    assert.match(answer.json.detail, /"egde"/);
    assert.match(answer.json.hint, /edge/);
  });
});

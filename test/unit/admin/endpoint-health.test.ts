import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { EndpointHealthReply } from '../../../src/admin/api.ts';
import type { ClusterHealth, HealthReport, HealthView } from '../../../src/base/endpoint-health.ts';
import { AdminWorld } from './admin-world.ts';

const edge = { kind: 'assigned', key: 'edge' } as const;
const [first, second] = ['10.0.0.1:8080', '10.0.0.2:8080'] as const;

type Troubled = Record<string, 'ejected' | 'failedCheck' | 'degraded' | 'unchecked'>;
const cluster = (hosts: readonly string[], troubled: Troubled = {}): ClusterHealth => ({
  hosts: new Set(hosts),
  troubled: new Map(Object.entries(troubled)),
});
const known = (clusters: Record<string, ClusterHealth>): HealthView => {
  const report: HealthReport = new Map(Object.entries(clusters));
  return { kind: 'known', report };
};

/** What the API says when each proxy says what is given. */
async function asked(views: Record<string, HealthView>, query = ''): Promise<EndpointHealthReply> {
  const world = new AdminWorld();
  world.accept();
  Object.keys(views).forEach((id, index) => {
    world.connect(index + 1, id, edge);
    world.views.set(id, views[id] ?? { kind: 'unknown', why: 'not given' });
  });
  world.connect(99, 'of-no-fleet', { kind: 'unmatched', nearest: undefined, why: 'fits none' });
  const { status, json } = await world.call('GET', `/api/v1/endpoint-health${query}`);
  assert.equal(status, 200);
  return json;
}

const counts = { failedCheck: 0, ejected: 0, unchecked: 0, degraded: 0, healthy: 0, unknown: 0 };
const all = { service: 'catalog', endpoint: first };
const other = { service: 'catalog', endpoint: second };

describe('GET /api/v1/endpoint-health', () => {
  it('counts by how many proxies an endpoint is found how', async () => {
    const views = {
      one: known({ 'catalog@v1': cluster([first]), 'catalog@v2': cluster([second]) }),
      two: known({ 'catalog@v1': cluster([first], { [first]: 'ejected' }), 'catalog@v2': cluster([second]) }),
      three: known({ 'catalog@v1': cluster([first], { [first]: 'failedCheck' }), 'catalog@v2': cluster([second]) }),
      four: { kind: 'unknown', why: 'no answer in time' } as const,
    };
    const { endpoints, count, proxies, unknown, unknownCount } = await asked(views);
    assert.deepEqual(endpoints, [{ ...all, ...counts, failedCheck: 1, ejected: 1, healthy: 1, unknown: 1 }]);
    assert.deepEqual([count, proxies, unknownCount], [1, 4, 1]);
    assert.deepEqual(unknown, [{ id: 'four', fleet: 'edge', why: 'no answer in time' }]);
    const ofService = await asked(views, '?service=catalog');
    assert.deepEqual(ofService.endpoints, [...endpoints, { ...other, ...counts, healthy: 3, unknown: 1 }]);
  });

  it('calls unknown what a proxy does not say, and passes over what it should not hold', async () => {
    const liar = known({
      'catalog@v1': cluster([]),
      'catalog@v2': cluster([second, '10.6.6.6:1'], { '10.6.6.6:1': 'ejected' }),
      elsewhere: cluster([first], { [first]: 'ejected' }),
    });
    const { endpoints } = await asked({ liar }, '?service=catalog');
    assert.deepEqual(endpoints, [
      { ...all, ...counts, unknown: 1 },
      { ...other, ...counts, healthy: 1 },
    ]);
    assert.deepEqual((await asked({ liar })).endpoints, []);
  });

  it('takes the worst of several clusters of a service', async () => {
    const views = {
      one: known({ 'catalog@v1': cluster([first]), 'catalog@v2': cluster([first, second], { [first]: 'ejected' }) }),
    };
    assert.deepEqual((await asked(views)).endpoints, [{ ...all, ...counts, ejected: 1 }]);
  });

  it('knows nothing where nobody asks proxies, and no service that is not declared', async () => {
    const world = new AdminWorld();
    world.accept();
    world.connect(1, 'edge-1', edge);
    const { json } = await world.call('GET', '/api/v1/endpoint-health');
    assert.equal(json.unknownCount, 1);
    const missing = await world.call('GET', '/api/v1/endpoint-health?service=catalgo');
    assert.equal(missing.status, 404);
    assert.match(missing.json.hint, /catalog/);
    assert.equal((await new AdminWorld().call('GET', '/api/v1/endpoint-health?service=a')).status, 404);
    assert.deepEqual((await new AdminWorld().call('GET', '/api/v1/endpoint-health')).json.endpoints, []);
  });
});

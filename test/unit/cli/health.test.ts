import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { AdminHere, edge } from './admin-here.ts';

const here = new AdminHere();
const [first, second] = ['10.0.0.1:8080', '10.0.0.2:8080'];

/** Three proxies: one finds all healthy, one has ejected an endpoint, of one nothing is known. */
function connect(): void {
  here.world.accept();
  const hosts = (address: string) => new Set([address]);
  const healthy = { 'catalog@v1': { hosts: hosts(first), troubled: new Map() } };
  const ejected = { 'catalog@v1': { hosts: hosts(first), troubled: new Map([[first, 'ejected' as const]]) } };
  const rest = { 'catalog@v2': { hosts: hosts(second), troubled: new Map() } };
  here.world.views.set('edge-1', { kind: 'known', report: new Map(Object.entries({ ...healthy, ...rest })) });
  here.world.views.set('edge-2', { kind: 'known', report: new Map(Object.entries({ ...ejected, ...rest })) });
  here.world.views.set('edge-3', { kind: 'unknown', why: 'no answer\n\u001b[2Jin time' });
  for (const stream of [1, 2, 3]) {
    here.world.connect(stream, `edge-${stream}`, edge);
    here.world.exchange(stream, 'Cluster', 'acked');
  }
}

describe('switchyard health', () => {
  it('shows all endpoints of a service, and of whom nothing is known', async () => {
    connect();
    const { code, out } = await here.run('health', 'catalog');
    assert.equal(code, 2);
    assert.match(
      out,
      /^SERVICE {2}ENDPOINT +HEALTHY {2}EJECTED {2}FAILED CHECK {2}NOT CHECKED {2}DEGRADED {2}UNKNOWN\n/,
    );
    assert.match(
      out,
      /\ncatalog {2}10\.0\.0\.1:8080 {2}1 +1 +- +- +- +1\ncatalog {2}10\.0\.0\.2:8080 {2}2 +- +- +- +- +1\n/,
    );
    assert.match(out, /\nunknown to us, 1 of 3:\n {2}edge-3 \(edge\): no answer.*in time\n$/);
    assert.ok(!out.includes('\u001b'));
  });

  it('shows what is in trouble when no service is named, and is content when nothing is', async () => {
    connect();
    const some = await here.run('health');
    assert.equal(some.code, 2);
    assert.doesNotMatch(some.out, /10\.0\.0\.2/);
    const view = here.world.views.get('edge-1');
    assert.ok(view);
    for (const id of ['edge-2', 'edge-3']) here.world.views.set(id, view);
    const none = await here.run('health');
    assert.deepEqual([none.code, none.out], [0, 'all endpoints are healthy to all proxies\n']);
  });

  it('is not content when nothing is known', async () => {
    const { code, out } = await here.run('health');
    assert.deepEqual([code, out], [2, 'no proxy is connected\n']);
    assert.match((await here.run('health', 'catalog')).err, /There is no service "catalog"/);
  });

  it('is part of the status, as far as something is in trouble', async () => {
    connect();
    const { code, out } = await here.run('status');
    assert.equal(code, 0);
    assert.match(out, /\nendpoint 10\.0\.0\.1:8080 of catalog: ejected by 1, healthy for 1, unknown for 1\n\nPROXY/);
  });
});

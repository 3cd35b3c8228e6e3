import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { Example } from '../../support/example.ts';
import { startLoad } from '../../support/load.ts';
import { assertValues } from '../../support/statistics.ts';
import { until } from '../../support/until.ts';

const example = await Example.start('zones-and-failover-site');
after(() => example[Symbol.asyncDispose]());

const a = ['10.0.0.11', '10.0.0.12'];
const b = ['10.0.0.21', '10.0.0.22'];
const far = ['10.1.0.11', '10.1.0.12'];
const edges = ['edge-1', 'edge-2'];
const from = (edge: string, count = 60) => example.answers(count, '/', { edge });
const healthy = (count: number) => Promise.all(edges.map(edge => example.healthy('shop', count, edge)));
/** Workers of Envoy learn of it a moment later. */
const untilOnly = (edge: string, servers: readonly string[]) =>
  until(`${edge} asks only ${servers}`, async () => {
    assertValues(await from(edge), servers);
    return true;
  });

describe('zones and a failover site', () => {
  it('each edge asks the servers of its own room; the far site is checked, and gets nothing', async () => {
    await healthy(6);
    assertValues(await from('edge-1', 200), a);
    assertValues(await from('edge-2', 200), b);
    for (const ip of far) {
      assert.deepEqual(example.backend(ip).seen, []);
      assert.ok(example.backend(ip).checks.length > 0);
    }
  });

  it('when half of a room is down, the other room helps', async () => {
    await example.dies('10.0.0.12');
    await healthy(5);
    await untilOnly('edge-1', ['10.0.0.11', ...b]);
  });

  it('when a room is down, the other room serves all, and no reader loses an answer', async () => {
    for (const ip of ['10.0.0.11', '10.0.0.21', '10.0.0.22']) example.backend(ip).behave({ delay: 20 });
    const load = startLoad(() => example.ask('/', { patience: 8000 }), { perSecond: 50 });
    await load.more(30);
    await example.backend('10.0.0.11').die();
    await healthy(4);
    await load.more(30);
    await load.end();
    assert.deepEqual(load.failures, []);
    for (const edge of edges) await untilOnly(edge, b);
  });

  it('when both are down, the far site serves all, from both edges', async () => {
    for (const ip of b) await example.backend(ip).die();
    await healthy(2);
    for (const edge of edges) await untilOnly(edge, far);
  });

  it('and nothing more as soon as one server is back', async () => {
    await example.backend('10.0.0.22').revive();
    await healthy(3);
    for (const edge of edges) await untilOnly(edge, ['10.0.0.22']);
    for (const ip of [...a, '10.0.0.21']) await example.backend(ip).revive();
    await healthy(6);
    await untilOnly('edge-1', a);
    await untilOnly('edge-2', b);
  });
});

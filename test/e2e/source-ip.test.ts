import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import type { PolicyInput } from '../../src/policy/kinds.ts';
import { firstLine, startTcpBackend } from '../support/tcp.ts';
import { until } from '../support/until.ts';
import { World } from '../support/world.ts';

const world = new World();
after(() => world.close());

const names = ['a', 'b', 'c'] as const;
const backends = await Promise.all(names.map(async name => world.use(await startTcpBackend(name))));
const policies = ['ringHash', 'maglev', 'roundRobin'] as const;
const ports = { ringHash: await world.port(), maglev: await world.port(), roundRobin: await world.port() };

const policyOf = (count: number): PolicyInput => ({
  services: Object.fromEntries(
    policies.map(policy => {
      const endpoints = backends.slice(0, count).map(({ address }) => ({ address }));
      return [policy.toLowerCase(), { protocol: 'tcp', endpoints, loadBalancing: { policy } }] as const;
    }),
  ),
  gateways: {
    public: {
      listeners: policies.map(policy => ({
        port: ports[policy],
        address: '127.0.0.1',
        protocol: 'tcp',
        to: [{ service: policy.toLowerCase() }],
      })),
    },
  },
  fleets: { edge: { match: { cluster: 'edge' }, gateways: ['public'] } },
});

await world.start(policyOf(3), [{ id: 'edge-1', cluster: 'edge' }]);

const callers = Array.from({ length: 40 }, (_, index) => `127.0.4.${index + 1}`);

async function homes(policy: (typeof policies)[number]): Promise<readonly string[]> {
  const all: string[] = [];
  for (const from of callers) all.push(await firstLine(ports[policy], '127.0.0.1', from));
  return all;
}

describe('TCP connections of one address', () => {
  for (const policy of ['ringHash', 'maglev'] as const) {
    it(`go to one endpoint with ${policy}, and those of many to all`, async () => {
      const first = await homes(policy);
      assert.deepEqual([...new Set(first)].sort(), [...names]);
      assert.deepEqual(await homes(policy), first);
    });
  }

  it('go anywhere without a hash', async () => {
    assert.notDeepEqual(await homes('roundRobin'), await homes('roundRobin'));
  });

  it('stay where they are when another endpoint goes, nearly all of them', async () => {
    const before = { ringHash: await homes('ringHash'), maglev: await homes('maglev') };
    await world.saved(policyOf(2));
    for (const policy of ['ringHash', 'maglev'] as const) {
      // Workers of Envoy learn of it one after the other.
      await until('nobody comes to the one that went', async () => !(await homes(policy)).includes('c'));
      const now = await homes(policy);
      const staying = before[policy].flatMap((home, index) => (home === 'c' ? [] : [[home, now[index]] as const]));
      const moved = staying.filter(([was, is]) => was !== is).length;
      // By the remainder of a division, half of them would have moved.
      assert.ok(moved < staying.length / 4, `${policy}: ${moved} of ${staying.length}`);
    }
  });
});

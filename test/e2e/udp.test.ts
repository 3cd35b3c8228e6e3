import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import type { PolicyInput } from '../../src/policy/kinds.ts';
import { covers } from '../support/covers.ts';
import { startEcho, type UdpCaller, udpCaller } from '../support/datagrams.ts';
import { firstLine, startTcpBackend } from '../support/tcp.ts';
import { until } from '../support/until.ts';
import { type ServiceInput, World } from '../support/world.ts';

const world = new World();
after(() => world.close());

const names = ['a', 'b', 'c'] as const;
const backends = await Promise.all(names.map(async name => world.use(await startEcho(name))));
const tcp = world.use(await startTcpBackend('tcp'));
const balancing = ['round', 'ring', 'maglev', 'brief', 'bounded'] as const;
const ports = {
  round: await world.port(),
  ring: await world.port(),
  maglev: await world.port(),
  brief: await world.port(),
  bounded: await world.port(),
};

function policyOf(state: 'active' | 'draining' = 'active', idleTimeout = '1m'): PolicyInput {
  const endpoints = backends.map(({ address, name }) => (name === 'a' ? { address, state } : { address }));
  const base: ServiceInput = { protocol: 'udp', endpoints, loadBalancing: { policy: 'roundRobin' } };
  return {
    services: {
      round: base,
      ring: { ...base, loadBalancing: { policy: 'ringHash' } },
      maglev: { ...base, loadBalancing: { policy: 'maglev' } },
      brief: base,
      bounded: { ...base, circuitBreakers: { maxConnections: 2 } },
      bytes: { protocol: 'tcp', endpoints: [{ address: tcp.address }] },
    },
    gateways: {
      public: {
        listeners: [
          ...balancing.map(service => ({
            port: ports[service],
            address: '127.0.0.1',
            protocol: 'udp' as const,
            to: [{ service }],
            idleTimeout: service === 'brief' ? '200ms' : idleTimeout,
          })),
          { port: ports.round, address: '127.0.0.1', protocol: 'tcp', to: [{ service: 'bytes' }] },
        ],
      },
    },
    fleets: { edge: { match: { cluster: 'edge' }, gateways: ['public'] } },
  };
}

const [edge] = await world.start(policyOf(), [{ id: 'edge-1', cluster: 'edge' }]);

/** Callers of their own ports, from the addresses; they are closed at the end. */
async function callers(service: (typeof balancing)[number], from: readonly string[]): Promise<readonly UdpCaller[]> {
  return await Promise.all(from.map(async each => world.use(await udpCaller(ports[service], each))));
}

const asked = (all: readonly UdpCaller[], text: string) => Promise.all(all.map(each => each.ask(text)));
const by = (answers: readonly ({ readonly by: string } | undefined)[]) => answers.map(each => each?.by);
const alike = (count: number) => Array.from({ length: count }, () => '127.0.0.1');
const addresses = (count: number) => Array.from({ length: count }, (_, index) => `127.0.5.${index + 1}`);

describe('datagrams', () => {
  it('come to one endpoint for each caller, and answers come back', async () => {
    covers('gateways.*.listeners[].to');
    const all = await callers('round', alike(12));
    const first = await asked(all, 'hello');
    assert.deepEqual([...new Set(by(first))].sort(), [...names]);
    for (const text of ['again', 'and again']) assert.deepEqual(by(await asked(all, text)), by(first));
  });

  it('and connections share the number of a port', async () => {
    assert.equal(await firstLine(ports.round), 'tcp');
  });

  for (const policy of ['ring', 'maglev'] as const) {
    it(`of one address come to one endpoint by a hash (${policy}), and those of many to all`, async () => {
      const same = by(await asked(await callers(policy, alike(12)), 'hello'));
      assert.equal(new Set(same).size, 1);
      const homes = by(await asked(await callers(policy, addresses(30)), 'hello'));
      assert.deepEqual([...new Set(homes)].sort(), [...names]);
      assert.deepEqual(by(await asked(await callers(policy, addresses(30)), 'hello')), homes);
    });
  }
});

describe('a session of datagrams', () => {
  it('ends when it has been silent for as long as the listener says', async () => {
    covers('gateways.*.listeners[].idleTimeout');
    const [brief] = await callers('brief', alike(1));
    const [lasting] = await callers('round', alike(1));
    assert.ok(brief && lasting);
    const first = [await brief.ask('one'), await lasting.ask('one')];
    await until('it has ended', async () => {
      const stats = (await edge?.admin('/stats?filter=downstream_sess_active')) ?? '';
      return new RegExp(`/${ports.brief}/udp.downstream_sess_active: 0`).test(stats);
    });
    const second = [await brief.ask('two'), await lasting.ask('two')];
    assert.notEqual(second[0]?.port, first[0]?.port);
    assert.equal(second[1]?.port, first[1]?.port);
  });

  it('is refused where a service has as many as it may have connections', async () => {
    const all = await callers('bounded', alike(2));
    assert.ok((await asked(all, 'hello')).every(each => each !== undefined));
    const [late] = await callers('bounded', alike(1));
    assert.equal(await late?.ask('hello', 500), undefined);
    assert.equal(await edge?.stat('cluster.bounded.upstream_cx_overflow'), 1);
    assert.ok((await asked(all, 'still')).every(each => each !== undefined));
  });

  it('goes on at another endpoint when its own drains, and the others stay', async () => {
    const all = await callers('round', alike(12));
    const first = by(await asked(all, 'hello'));
    assert.ok(first.includes('a'));
    await world.saved(policyOf('draining'));
    const moved = await until('nobody is at the endpoint that drains', async () => {
      const now = by(await asked(all, 'and now'));
      return !now.includes('a') && now;
    });
    assert.ok(first.every((home, index) => home === 'a' || moved[index] === home));
    await world.saved(policyOf());
  });

  it('begins anew when its listener changes, and no answer is missing', async () => {
    const all = await callers('round', alike(6));
    const before = await asked(all, 'hello');
    await world.saved(policyOf('active', '2m'));
    const later = await asked(all, 'hello again');
    assert.ok(later.every(each => each !== undefined));
    assert.ok(later.every((each, index) => each?.port !== before[index]?.port));
    await world.saved(policyOf());
  });
});

import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import type { PolicyInput } from '../../src/policy/kinds.ts';
import { ask } from '../support/client.ts';
import { type Load, startLoad } from '../support/load.ts';
import { until } from '../support/until.ts';
import { type ServiceInput, World } from '../support/world.ts';

const world = new World();
after(() => world.close());

const port = { edge: await world.port(), inbound: await world.port(), outbound: await world.port() };
const [a, b, plain, doomed, behind, beside] = await world.backends('a', 'b', 'plain', 'doomed', 'behind', 'beside');

/** Tries again whatever may be tried again when requests have no effects. */
const harmless: Partial<ServiceInput> = {
  loadBalancing: { policy: 'roundRobin' },
  healthCheck: { http: { path: '/health' } },
  outlierDetection: { baseEjection: '1s', ejectionJitter: '0s' },
  retries: { attempts: 2, on: ['connectFailure', 'refusedStream', 'reset', 'gatewayError'] },
};
const policy: PolicyInput = {
  services: {
    harmless: { endpoints: [{ address: a.address }, { address: b.address }], ...harmless },
    // Nothing but its endpoints is declared.
    defaults: { endpoints: [{ address: plain.address }, { address: doomed.address }] },
    sidecars: {
      endpoints: [
        { address: `127.0.0.2:${port.inbound}`, inbound: { application: behind.address, node: 'callee-1' } },
        { address: `127.0.0.3:${port.inbound}`, inbound: { application: beside.address, node: 'callee-2' } },
      ],
      ...harmless,
    },
  },
  gateways: { public: { listeners: [{ port: port.edge, address: '127.0.0.1', protocol: 'http' }] } },
  routes: {
    shop: {
      gateways: ['public'],
      rules: ['harmless', 'defaults'].map(service => ({ match: { path: `/${service}` }, to: [{ service }] })),
    },
  },
  fleets: {
    edge: { match: { cluster: 'edge' }, gateways: ['public'] },
    callee: { match: { cluster: 'callee' }, sidecar: { service: 'sidecars' } },
    caller: {
      match: { cluster: 'caller' },
      sidecar: { upstreams: ['sidecars'], outbound: { port: port.outbound } },
    },
  },
};

const [edge] = await world.start(policy, [
  { id: 'edge-1', cluster: 'edge' },
  { id: 'callee-1', cluster: 'callee' },
  { id: 'callee-2', cluster: 'callee' },
  { id: 'caller-1', cluster: 'caller' },
]);

/** Lets an endpoint die under load and come back, and asserts that no caller has noticed. */
async function killed(load: Load, backend: typeof a): Promise<void> {
  const got = (requests: number) => load.answers.slice(-requests);
  try {
    await until('both are in use', () => new Set(got(20)).size === 2);
    await backend.die();
    await until('its traffic has gone elsewhere', async () => {
      await load.more(20);
      return !got(20).includes(backend.name);
    });
    await backend.revive();
    await until('it has its traffic back', () => got(20).includes(backend.name));
  } finally {
    await load.end();
  }
  assert.deepEqual(load.failures, []);
}

describe('the death of an endpoint', () => {
  // Long enough that it dies with requests under way.
  for (const backend of [a, b, behind, beside]) backend.behave({ delay: 60 });

  it('is noticed by no caller, where requests may be tried again', async () => {
    await killed(
      startLoad(() => ask(port.edge, '/harmless'), { perSecond: 150 }),
      b,
    );
  });

  it('is noticed by no caller behind a sidecar, though its own sidecar lives on', async () => {
    await killed(
      startLoad(() => ask(port.outbound, '/', { host: 'sidecars.mesh' }), { perSecond: 150 }),
      beside,
    );
  });

  it('costs, by default, no request that begins afterwards', async () => {
    for (let request = 0; request < 10; request++) assert.equal((await ask(port.edge, '/defaults')).status, 200);
    assert.ok(doomed.seen.length > 0);
    const closed = async () => (await edge?.stat('cluster.defaults.upstream_cx_destroy_remote')) ?? 0;
    const before = await closed();
    await doomed.die();
    // A request on a connection that is dying meanwhile may have had an effect, so it is not done twice by default.
    await until('the proxy knows that its connection has ended', async () => (await closed()) > before);
    for (let request = 0; request < 60; request++) {
      const answer = await ask(port.edge, '/defaults', { method: request % 2 === 0 ? 'POST' : 'GET', body: '' });
      assert.deepEqual([answer.status, answer.by], [200, 'plain']);
    }
  });
});

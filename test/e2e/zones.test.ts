import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import type { PolicyInput } from '../../src/policy/kinds.ts';
import { ask, askMany } from '../support/client.ts';
import { covers } from '../support/covers.ts';
import { assertShare, assertValues } from '../support/statistics.ts';
import { until } from '../support/until.ts';
import { type ServiceInput, World } from '../support/world.ts';

const world = new World();
after(() => world.close());

const [east1, east2, west1, west2, beside] = await world.backends('east-1', 'east-2', 'west-1', 'west-2', 'beside');
const zonesOfEdges = ['east', 'west'] as const;
const ports = { east: await world.port(), west: await world.port() };
const outboundPorts = { east: await world.port(), west: await world.port() };
const inboundPorts = { east: await world.port(), west: await world.port() };

type Balancing = NonNullable<ServiceInput['loadBalancing']>;
type Zones = Extract<Balancing, { policy: 'leastRequest' }>['zones'];
type EndpointInput = NonNullable<ServiceInput['endpoints']>[number];

const healthCheck = { http: { path: '/health' } } as const;
const one = { east: east1, west: west1 };
/** One endpoint in each zone. */
const apart: EndpointInput[] = [
  { address: east1.address, zone: 'east' },
  { address: west1.address, zone: 'west' },
];
/** Three quarters of the endpoints stand in the west. */
const lopsided: EndpointInput[] = [
  { address: east1.address, zone: 'east' },
  { address: west1.address, zone: 'west' },
  { address: west2.address, zone: 'west', weight: 2 },
];
const apartWith = (zones: Zones, more: Partial<ServiceInput> = {}): ServiceInput => ({
  endpoints: apart,
  healthCheck,
  loadBalancing: { policy: 'roundRobin', zones },
  ...more,
});

const services: Record<string, ServiceInput> = {
  anywhere: apartWith('ignored'),
  own: apartWith('ownFirst'),
  'own-least': apartWith('ownFirst', { loadBalancing: { policy: 'leastRequest', zones: 'ownFirst' } }),
  'own-random': apartWith('ownFirst', { loadBalancing: { policy: 'random', zones: 'ownFirst' } }),
  half: apartWith({ mode: 'ownFirst', share: '50%' }),
  few: apartWith({ mode: 'ownFirst', minEndpoints: 3 }),
  lopsided: apartWith('ownFirst', { endpoints: lopsided }),
  forced: apartWith({ mode: 'ownFirst', forceOwnZone: 1 }, { endpoints: lopsided }),
  'forced-from-two': apartWith({ mode: 'ownFirst', forceOwnZone: 2 }, { endpoints: lopsided }),
  panicking: {
    endpoints: [
      { address: east2.address, zone: 'east' },
      { address: west2.address, zone: 'west' },
    ],
    loadBalancing: { policy: 'roundRobin', panicThreshold: '60%', zones: { mode: 'ownFirst', failInPanic: true } },
    healthCheck,
    outlierDetection: 'off',
  },
  'by-region': {
    endpoints: [
      { address: east1.address, zone: 'eu/east' },
      { address: west1.address, zone: 'us/west' },
    ],
    loadBalancing: { policy: 'roundRobin', zones: { mode: 'weighted', weights: { 'eu/east': 1, 'us/west': 9 } } },
  },
  'by-weight': apartWith({ mode: 'weighted', weights: { east: 9, west: 1 } }, { endpoints: lopsided }),
  'ring-by-weight': {
    endpoints: lopsided,
    loadBalancing: {
      policy: 'ringHash',
      minimumRingSize: 4000,
      hashBy: [{ header: 'x-user' }],
      zones: { mode: 'weighted', weights: { east: 9, west: 1 } },
    },
  },
  // What the sidecars stand beside: it decides where they are.
  shop: {
    endpoints: [
      {
        address: `127.0.0.1:${inboundPorts.east}`,
        zone: 'east',
        inbound: { application: beside.address, node: 'shop-east' },
      },
      {
        address: `127.0.0.1:${inboundPorts.west}`,
        zone: 'west',
        inbound: { application: beside.address, node: 'shop-west' },
      },
    ],
  },
};
const upstreams = ['own', 'anywhere'];

function policy(zones: Record<string, number> = { east: 1, west: 1 }): PolicyInput {
  const gateway = (port: number) => ({ listeners: [{ port, address: '127.0.0.1', protocol: 'http' as const }] });
  return {
    services,
    gateways: { east: gateway(ports.east), west: gateway(ports.west) },
    routes: {
      all: {
        gateways: ['east', 'west'],
        rules: Object.keys(services).map(service => ({ match: { path: `/${service}` }, to: [{ service }] })),
      },
    },
    fleets: {
      east: { match: { cluster: 'east' }, gateways: ['east'], ...(Object.keys(zones).length > 0 ? { zones } : {}) },
      west: {
        match: { cluster: 'west' },
        gateways: ['west'],
        xds: { streams: 'perType', variant: 'sotw' },
        ...(Object.keys(zones).length > 0 ? { zones } : {}),
      },
      ...Object.fromEntries(
        zonesOfEdges.map(zone => [
          `shop-${zone}`,
          {
            match: { id: `shop-${zone}`, cluster: 'shop' },
            sidecar: { service: 'shop', upstreams, outbound: { port: outboundPorts[zone] } },
          },
        ]),
      ),
    },
  };
}

await world.start(policy(), [
  { id: 'east-1', cluster: 'east', zone: 'east' },
  { id: 'west-1', cluster: 'west', zone: 'west', streams: 'perType', variant: 'sotw' },
  { id: 'shop-east', cluster: 'shop', zone: 'east' },
]);
await until('all checks have passed', async () => {
  const healthy = world.envoys.map(envoy => envoy.stat('cluster.own.membership_healthy'));
  return (await Promise.all(healthy)).every(count => count === 2);
});

const count = (port: number, service: string, requests = 400) => askMany(requests, () => ask(port, `/${service}`));
describe('zones', () => {
  it('do not count without a word', async () => {
    covers('services.*.loadBalancing.zones.mode');
    for (const zone of zonesOfEdges) assertShare(await count(ports[zone], 'anywhere'), 'east-1', 0.5);
  });

  it('keep requests in the zone of the proxy, with each policy that chooses freely', async () => {
    covers('services.*.loadBalancing.zones', 'services.*.loadBalancing.zones.mode', 'fleets.*.zones');
    for (const zone of zonesOfEdges) {
      for (const service of ['own', 'own-least', 'own-random']) {
        assertValues(await count(ports[zone], service, 100), [one[zone].name]);
      }
    }
  });

  it('count for a share of the requests', async () => {
    covers('services.*.loadBalancing.zones.share');
    assertShare(await count(ports.east, 'half'), 'west-1', 0.25);
  });

  it('do not count with few endpoints', async () => {
    covers('services.*.loadBalancing.zones.minEndpoints');
    assertShare(await count(ports.east, 'few'), 'east-1', 0.5);
  });

  it('are given no more than their endpoints are worth, by weight', async () => {
    // Half of the proxies and a quarter of the weight: half of what comes in here can stay.
    assertShare(await count(ports.east, 'lopsided'), 'east-1', 0.5);
    const counts = await count(ports.west, 'lopsided');
    assertValues(counts, ['west-1', 'west-2']);
    assertShare(counts, 'west-2', 2 / 3);
  });

  it('keep everything when they are to', async () => {
    covers('services.*.loadBalancing.zones.forceOwnZone');
    assertValues(await count(ports.east, 'forced', 100), ['east-1']);
    assertShare(await count(ports.east, 'forced-from-two'), 'east-1', 0.5);
  });

  it('have weights of their own', async () => {
    covers('services.*.loadBalancing.zones.weights', 'services.*.endpoints[].zone');
    for (const zone of zonesOfEdges) {
      assertShare(await count(ports[zone], 'by-weight'), 'east-1', 0.9);
      assertShare(await count(ports[zone], 'by-region'), 'west-1', 0.9);
    }
    let user = 0;
    const hashed = await askMany(400, () => ask(ports.east, '/ring-by-weight', { headers: { 'x-user': `${user++}` } }));
    const share = (hashed.get('east-1') ?? 0) / 400;
    assert.ok(share > 0.75, `${share} of the callers are hashed to the heavy zone`);
  });

  it('hand over to each other when one dies, and take back', async () => {
    const [port, service] = [ports.east, 'own'];
    await east1.die();
    await until('the other zone gets it all', async () => {
      const counts = await count(port, service, 20);
      return counts.get('west-1') === 20;
    });
    assertValues(await count(port, service, 100), ['west-1']);
    await east1.revive();
    await until('the own zone has it again', async () => (await count(port, service, 20)).get('east-1') === 20);
  });

  it('answer 503 in a panic when they are to', async () => {
    covers('services.*.loadBalancing.zones.failInPanic');
    assertValues(await count(ports.east, 'panicking', 20), ['east-2']);
    await west2.die();
    try {
      await until('nothing is sent', async () => (await count(ports.east, 'panicking', 10)).get('503') === 10);
    } finally {
      await west2.revive();
    }
    await until('it is over', async () => (await count(ports.east, 'panicking', 10)).get('east-2') === 10);
  });
});

describe('where the proxies of a fleet stand', () => {
  const sidecar = (service: string, requests = 200) =>
    askMany(requests, () => ask(outboundPorts.east, '/', { host: `${service}.mesh` }));

  it('is where the endpoints do that sidecars stand beside', async () => {
    assertValues(await sidecar('own', 100), ['east-1']);
    assertShare(await sidecar('anywhere'), 'east-1', 0.5);
  });

  it('follows the endpoints: one that drains counts no more', async () => {
    const url = `/api/v1/services/shop/endpoints/127.0.0.1:${inboundPorts.west}?wait=acked`;
    assert.equal((await world.plane.api('PATCH', url, { state: 'draining' })).status, 200);
    // All sidecars stand in the east now, so that half of what they send has to go west.
    assertShare(await sidecar('own', 400), 'east-1', 0.5);
    assert.equal((await world.plane.api('DELETE', url)).status, 200);
    assertValues(await sidecar('own', 100), ['east-1']);
  });

  it('is what a fleet declares, and decides how much stays', async () => {
    await world.saved(policy({ east: 3, west: 1 }));
    // Three quarters of the requests come in where half of the endpoints are.
    assertShare(await count(ports.east, 'own', 600), 'east-1', 2 / 3);
    assertValues(await count(ports.west, 'own', 100), ['west-1']);
  });

  it('is asked for where nobody says it, and zones do not count then', async () => {
    await world.saved(policy({}));
    const { warnings } = await world.plane.policy();
    const asked = warnings.filter(each => each.code === 'fleet.zones_unknown').map(each => each.path);
    assert.deepEqual(asked, ['fleets.east', 'fleets.west']);
    assertShare(await count(ports.east, 'own'), 'east-1', 0.5);
    await world.saved(policy());
    assertValues(await count(ports.east, 'own', 100), ['east-1']);
  });
});

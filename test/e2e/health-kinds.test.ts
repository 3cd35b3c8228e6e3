// Runs alone: it measures the paces of checks.
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import type { Backend } from '../support/backend.ts';
import { answerChecks, bare, checksAfter, gaps, quick } from '../support/checks.ts';
import { ask, askMany } from '../support/client.ts';
import { covers } from '../support/covers.ts';
import { connectHttp2, startGrpcBackend } from '../support/grpc.ts';
import { assertValues } from '../support/statistics.ts';
import { connectTcp, startTcpBackend } from '../support/tcp.ts';
import { startUdpBackend } from '../support/udp.ts';
import { until } from '../support/until.ts';
import { type ServiceInput, World } from '../support/world.ts';

const world = new World();
after(() => world.close());

type CheckInput = NonNullable<ServiceInput['healthCheck']>;
type EndpointInput = NonNullable<ServiceInput['endpoints']>[number];

const port = await world.port();
const services: Record<string, ServiceInput> = {};

/** A service with an endpoint of its own, and what else it says. */
async function checked(
  name: string,
  check: CheckInput,
  more: Partial<ServiceInput> = {},
  own: Partial<EndpointInput> = {},
) {
  const protocol = more.protocol === 'http2' ? 'http2' : 'http';
  const backend = await world.backend({ name, protocol });
  services[name] = { ...bare, endpoints: [{ address: backend.address, ...own }], healthCheck: check, ...more };
  return backend;
}

const path = { path: '/health' };
const http = { http: path };
/** Nothing but failures may count as one, however busy the machine is. */
const slow = { ...quick, timeout: '5s' };
const byProfile = {
  fast: await checked('fast', { ...http, ...slow }),
  standard: await checked('standard', { ...http, ...slow, profile: 'standard' }),
  custom: await checked('custom', { ...http, ...slow, profile: 'custom', unhealthyAfter: 4, healthyAfter: 2 }),
};
const posted = await checked('posted', {
  http: { ...path, method: 'POST', headers: { 'x-probe': 'edge', 'user-agent': 'probe' } },
  ...quick,
});
const plainCheck = await checked(
  'plain-check',
  { http: { ...path, protocol: 'http' }, ...quick, port: 1 },
  { protocol: 'http2' },
);
const plainHealth = await world.backend('plain-health');
const sameCheck = await checked('same-check', { ...http, ...quick }, { protocol: 'http2' });
const body = await checked('body', { http: { ...path, receive: ['"status":', { hex: '227570' }] }, ...quick });
const near = await checked('near', { http: { ...path, receive: 'up', receiveWithin: 1024 }, ...quick });
const far = await checked('far', { http: { ...path, receive: 'up' }, ...quick });
const oneWay = await checked('one-way', {
  ...http,
  ...quick,
  edgeInterval: '50ms',
  healthyEdgeInterval: '400ms',
  healthyAfter: 4,
});
const unused = await checked('unused', { ...http, ...quick, idleInterval: '60ms', idleHealthyInterval: '500ms' });
const kept = await checked('kept', { ...http, ...quick });
const anew = await checked('anew', { ...http, ...quick, reuseConnection: false });
const elsewhere = await world.backend('elsewhere');
const portOfAll = await checked('port-of-all', { ...http, ...quick, port: elsewhere.port });
const ownPlace = await world.backend('own-place');
const portOfOne = await checked(
  'port-of-one',
  { ...http, ...quick, port: elsewhere.port },
  {},
  {
    healthCheck: { port: ownPlace.port, host: 'one.internal' },
  },
);
const otherAddress = await world.backend({ name: 'other-address', on: '127.0.0.2' });
const addressOfOne = await checked(
  'address-of-one',
  { ...http, ...quick },
  {},
  {
    healthCheck: { address: otherAddress.address },
  },
);
const unchecked = await checked('unchecked', { ...http, ...quick }, {}, { healthCheck: 'off' });
if (services['plain-check'])
  services['plain-check'].healthCheck = { http: { ...path, protocol: 'http' }, ...quick, port: plainHealth.port };

const spread = await Promise.all(Array.from({ length: 16 }, (_, index) => world.backend(`spread-${index}`)));
const together = await Promise.all(Array.from({ length: 8 }, (_, index) => world.backend(`together-${index}`)));
const allOf = (backends: readonly Backend[]) => backends.map(({ address }) => ({ address }));
services['spread'] = { ...bare, endpoints: allOf(spread), healthCheck: { ...http, ...quick, initialJitter: '3s' } };
services['together'] = { ...bare, endpoints: allOf(together), healthCheck: { ...http, ...quick } };

const rpc = await world.use(await startGrpcBackend('rpc'));
services['rpc'] = {
  ...bare,
  protocol: 'grpc',
  endpoints: [{ address: rpc.address }],
  healthCheck: { grpc: { host: 'rpc.internal', metadata: { 'x-probe': 'edge' } }, ...quick },
};

const tcpPorts = new Map<string, number>();
/** A service of bytes with two endpoints, whose applications greet nobody, and a port of its own. */
async function bytes(name: string, check: CheckInput) {
  const own = await Promise.all([0, 1].map(async index => world.use(await startTcpBackend(`${name}-${index}`))));
  for (const each of own) each.greet('');
  tcpPorts.set(name, await world.port());
  services[name] = { ...bare, protocol: 'tcp', endpoints: own.map(({ address }) => ({ address })), healthCheck: check };
  return own as [Awaited<ReturnType<typeof startTcpBackend>>, Awaited<ReturnType<typeof startTcpBackend>>];
}

/** A server that knows two commands of Redis, and `WHO` for the tests. */
const redis = (name: string, ping: string, exists: string) => (text: string) => {
  if (text.includes('PING')) return ping;
  return text.includes('EXISTS') ? exists : `${name}\n`;
};
const pinged = await bytes('pinged', { redis: {}, ...quick });
const flagged = await bytes('flagged', { redis: { maintenanceKey: 'away' }, ...quick });
for (const each of [...pinged, ...flagged]) each.answer(redis(each.name, '+PONG\r\n', ':0\r\n'));
const hex = await bytes('hex', { tcp: { send: { hex: '50494E470A' }, receive: [{ hex: '504f' }, 'NG'] }, ...quick });
for (const each of hex) each.answer(text => (text.includes('PING') ? 'a PO-NG b' : `${each.name}\n`));
const closing = await bytes('closing', { tcp: {}, ...quick });
const open = await bytes('open', { tcp: {}, ...quick, closeConnections: false });
const datagrams = await bytes('datagrams', { udp: { send: { hex: '0001' }, receive: 'PONG' }, ...quick });
for (const each of datagrams) each.answer(() => `${each.name}\n`);
const udp = await Promise.all(datagrams.map(async each => world.use(await startUdpBackend(each.port))));
for (const each of udp) each.answer(() => Buffer.from('PONG'));
for (const each of [...closing, ...open]) each.answer(() => `${each.name}\n`);

const [edge] = await world.start(
  {
    services,
    gateways: {
      public: {
        listeners: [
          { port, address: '127.0.0.1', protocol: 'http' },
          ...[...tcpPorts].map(([service, own]) => ({
            ...{ port: own, address: '127.0.0.1', protocol: 'tcp' as const },
            to: [{ service }],
          })),
        ],
      },
    },
    routes: {
      shop: {
        gateways: ['public'],
        rules: Object.keys(services)
          .filter(service => !tcpPorts.has(service))
          .map(service => ({ match: { path: `/${service}` }, to: [{ service }] })),
      },
    },
    fleets: { edge: { match: { cluster: 'edge' }, gateways: ['public'] } },
  },
  [{ id: 'edge-1', cluster: 'edge' }],
);

const healthy = (service: string) => edge?.stat(`cluster.${service}.membership_healthy`);
const untilHealthy = (service: string, count: number) =>
  until(`${count} of ${service} healthy`, async () => (await healthy(service)) === count);
/** Who answers on the port of a service of bytes, in several connections. */
const answering = async (service: string) => {
  const names = new Set<string>();
  for (let time = 0; time < 4; time++) {
    using client = await connectTcp(tcpPorts.get(service) ?? 0);
    client.send('WHO\n');
    names.add(await client.line());
  }
  return names;
};
/** A change of health is felt by the workers of an Envoy a little after it shows in its numbers. */
const untilOnly = async (service: string, name: string) => {
  await untilHealthy(service, 1);
  await until(`${name} alone answers`, async () => [...(await answering(service))].join() === name);
};
const failed = { status: 500 };

describe('the profile of a check', () => {
  it('says what is not said, and nothing more', async () => {
    covers('services.*.healthCheck.profile');
    const { fast, standard, custom } = byProfile;
    /** So many failures, and one good answer, which brings nobody back that needs two. */
    const inRuns = (length: number) => {
      let check = 0;
      return () => (++check % (length + 1) === 0 ? {} : failed);
    };
    for (const backend of [fast, standard]) backend.behaveOnChecks(inRuns(2));
    await untilHealthy('fast', 0);
    await checksAfter(standard, 6);
    assert.equal(await healthy('standard'), 1);
    for (const backend of [standard, custom]) backend.behaveOnChecks(inRuns(3));
    // Its own 2s would take longer; the fields that are given win.
    await untilHealthy('standard', 0);
    await checksAfter(custom, 8);
    assert.equal(await healthy('custom'), 1);
    custom.behaveOnChecks(failed);
    await untilHealthy('custom', 0);
  });
});

describe('checks over HTTP', () => {
  it('send their method and headers', () => {
    covers('services.*.healthCheck.http.headers');
    const check = posted.checks.at(-1);
    assert.equal(check?.method, 'POST');
    assert.equal(check?.headers['x-probe'], 'edge');
    assert.equal(check?.headers['user-agent'], 'probe');
    assert.match(String(kept.checks.at(-1)?.headers['user-agent']), /^Envoy/);
  });

  it('speak what they are told, else what the service speaks', async () => {
    covers('services.*.healthCheck.http.protocol', 'services.*.healthCheck.port');
    await checksAfter(plainHealth, 2);
    assert.equal(plainHealth.checks.at(-1)?.protocol, '1.1');
    assert.equal(plainCheck.checks.length, 0);
    await untilHealthy('plain-check', 1);
    assert.equal(sameCheck.checks.at(-1)?.protocol, '2.0');
  });

  it('look for texts and bytes in the body, in order', async () => {
    covers('services.*.healthCheck.http.receive', 'services.*.healthCheck.http.receive.hex');
    await untilHealthy('body', 0);
    body.behaveOnChecks({ body: '{"status": "up"}' });
    await untilHealthy('body', 1);
    body.behaveOnChecks({ body: '{"up": "status":}' });
    await untilHealthy('body', 0);
  });

  it('take an endpoint out for a wrong body at once', async () => {
    body.behaveOnChecks({ body: '{"status": "up"}' });
    await untilHealthy('body', 1);
    answerChecks(body, { body: 'down' }, ...Array.from({ length: 50 }, () => ({ body: '{"status": "up"}' })));
    await untilHealthy('body', 0);
    await untilHealthy('body', 1);
  });

  it('search as much of the body as they are told', async () => {
    covers('services.*.healthCheck.http.receiveWithin');
    for (const backend of [near, far]) backend.behaveOnChecks({ body: `${' '.repeat(2000)}up` });
    await untilHealthy('far', 1);
    await checksAfter(near, 4);
    assert.equal(await healthy('near'), 0);
    near.behaveOnChecks({ body: `${' '.repeat(1000)}up` });
    await untilHealthy('near', 1);
  });
});

describe('checks of other kinds', () => {
  it('send bytes, and find bytes in order with others between them', async () => {
    covers('services.*.healthCheck.tcp.send.hex', 'services.*.healthCheck.tcp.receive.hex');
    assert.equal((await answering('hex')).size, 2);
    hex[1].answer(text => (text.includes('PING') ? 'a NG-PO b' : 'wrong\n'));
    await untilOnly('hex', 'hex-0');
  });

  it('name host and metadata to gRPC', async () => {
    covers('services.*.healthCheck.grpc.host', 'services.*.healthCheck.grpc.metadata');
    using client = connectHttp2(port);
    assert.equal((await client.call('/rpc')).grpcStatus, 0);
    assert.equal(rpc.checkHeaders[':authority'], 'rpc.internal');
    assert.equal(rpc.checkHeaders['x-probe'], 'edge');
  });

  it('ping Redis, and take no other answer than PONG', async () => {
    covers('services.*.healthCheck.redis');
    assert.equal((await answering('pinged')).size, 2);
    for (const wrong of [
      '+PING\r\n',
      '-NOAUTH Authentication required.\r\n',
      '$4\r\nPONG\r\n',
      ':1\r\n',
      'no such protocol\r\n',
    ]) {
      pinged[1].answer(redis('wrong', wrong, wrong));
      await untilOnly('pinged', 'pinged-0');
      pinged[1].answer(redis('pinged-1', '+PONG\r\n', ':0\r\n'));
      await untilHealthy('pinged', 2);
    }
  });

  it('take a Redis server out while the key exists that says so', async () => {
    covers('services.*.healthCheck.redis.maintenanceKey');
    assert.match(flagged[1].received, /EXISTS\r\n\$4\r\naway/);
    assert.doesNotMatch(pinged[1].received, /EXISTS/);
    flagged[1].answer(redis('wrong', '+PONG\r\n', ':1\r\n'));
    await untilOnly('flagged', 'flagged-0');
    flagged[1].answer(redis('flagged-1', '+PONG\r\n', ':0\r\n'));
    await untilHealthy('flagged', 2);
  });

  it('send a datagram, and wait for exactly one', async () => {
    covers(
      'services.*.healthCheck.udp',
      'services.*.healthCheck.udp.send',
      'services.*.healthCheck.udp.send.hex',
      'services.*.healthCheck.udp.receive',
    );
    assert.equal((await answering('datagrams')).size, 2);
    assert.deepEqual(new Set(udp[1]?.received), new Set(['0001']));
    for (const wrong of [undefined, Buffer.from('PONG!'), Buffer.from('PON')]) {
      udp[1]?.answer(() => wrong);
      await untilOnly('datagrams', 'datagrams-0');
      udp[1]?.answer(() => Buffer.from('PONG'));
      await untilHealthy('datagrams', 2);
    }
  });
});

describe('where endpoints are checked', () => {
  it('is at another port, for all endpoints', async () => {
    covers('services.*.healthCheck.port');
    await checksAfter(elsewhere, 2);
    assert.equal(portOfAll.checks.length, 0);
    elsewhere.behaveOnChecks(failed);
    await untilHealthy('port-of-all', 0);
    elsewhere.behaveOnChecks({});
    await untilHealthy('port-of-all', 1);
    assert.equal((await ask(port, '/port-of-all')).by, 'port-of-all');
  });

  it('is at a port, an address and under a name of its own, for one', async () => {
    covers(
      'services.*.endpoints[].healthCheck.port',
      'services.*.endpoints[].healthCheck.host',
      'services.*.endpoints[].healthCheck.address',
    );
    await checksAfter(ownPlace, 2);
    assert.equal(portOfOne.checks.length, 0);
    assert.equal(ownPlace.checks.at(-1)?.headers.host, 'one.internal');
    assert.equal(elsewhere.checks.at(-1)?.headers.host, 'port-of-all');
    await checksAfter(otherAddress, 2);
    assert.equal(addressOfOne.checks.length, 0);
    otherAddress.behaveOnChecks(failed);
    await untilHealthy('address-of-one', 0);
    await untilHealthy('port-of-one', 1);
  });

  it('is nowhere when it is off', async () => {
    covers('services.*.endpoints[].healthCheck');
    assert.equal(unchecked.checks.length, 0);
    unchecked.behaveOnChecks(failed);
    assert.equal(await healthy('unchecked'), 1);
    assertValues(await askMany(5, () => ask(port, '/unchecked')), ['unchecked']);
  });
});

describe('the pace of checks', () => {
  it('may differ on the way up', async () => {
    covers('services.*.healthCheck.healthyEdgeInterval');
    await ask(port, '/one-way');
    oneWay.behaveOnChecks(failed);
    await untilHealthy('one-way', 0);
    const from = oneWay.checks.length;
    oneWay.behaveOnChecks({});
    await untilHealthy('one-way', 1);
    // Of the four good ones the second and those after it came at the slow pace.
    assert.ok((gaps(oneWay, from).at(-1) ?? 0) > 350, gaps(oneWay, from).join());
  });

  it('may be slow for what is healthy and unused, and quick for what is in doubt', async () => {
    covers('services.*.healthCheck.idleHealthyInterval');
    const from = unused.checks.length;
    await checksAfter(unused, 3);
    for (const gap of gaps(unused, from)) assert.ok(gap > 440, `${gap}`);
    unused.behaveOnChecks(failed);
    const doubtFrom = unused.checks.length;
    await untilHealthy('unused', 0);
    assert.ok((gaps(unused, doubtFrom)[0] ?? 0) < 350, gaps(unused, doubtFrom).join());
  });

  it('begins at a random time when told so', () => {
    covers('services.*.healthCheck.initialJitter');
    const width = (backends: readonly Backend[]) => {
      const first = backends.map(each => each.checks[0]?.at ?? 0);
      return Math.max(...first) - Math.min(...first);
    };
    // Sixteen times of 3 s lie within a second by a chance of less than one to a million.
    assert.ok(width(spread) > 1000, `${width(spread)}`);
    assert.ok(width(together) < 1000, `${width(together)}`);
  });
});

describe('the connections of checks', () => {
  it('are kept, unless told otherwise', async () => {
    covers('services.*.healthCheck.reuseConnection');
    const [before, beforeAnew] = [kept.opened, anew.opened];
    await Promise.all([checksAfter(kept, 5), checksAfter(anew, 5)]);
    assert.equal(kept.opened, before);
    assert.ok(anew.opened >= beforeAnew + 4, `${anew.opened - beforeAnew}`);
  });

  it('decide over those of callers, unless told otherwise', async () => {
    covers('services.*.healthCheck.closeConnections');
    /** A connection to the first endpoint of a service, which then takes no further ones. */
    const heldAfterDeath = async (service: string, first: (typeof closing)[0]) => {
      for (;;) {
        const client = await connectTcp(tcpPorts.get(service) ?? 0);
        client.send('WHO\n');
        if ((await client.line()) !== first.name) {
          client.end();
          continue;
        }
        await first.refuse();
        await untilHealthy(service, 1);
        return client;
      }
    };
    using cut = await heldAfterDeath('closing', closing[0]);
    await cut.closed;
    using held = await heldAfterDeath('open', open[0]);
    held.send('WHO\n');
    assert.equal(await held.line(), 'open-0');
  });
});

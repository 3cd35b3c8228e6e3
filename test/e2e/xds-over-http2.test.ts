import '../support/on-http2.ts';
import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import type { PolicyInput } from '../../src/policy/kinds.ts';
import { ask } from '../support/client.ts';
import { until } from '../support/until.ts';
import { World } from '../support/world.ts';

/** The product on the transport over node:http2, with proxies that ask in each of the ways that there are. */

const world = new World();
after(() => world.close());

const casts = await Promise.all(
  (['delta', 'sotw'] as const).flatMap(variant =>
    (['ads', 'perType'] as const).map(async streams => ({
      name: `${streams.toLowerCase()}-${variant}`,
      variant,
      streams,
      port: await world.port(),
    })),
  ),
);
const [one, two] = await world.backends('one', 'two');

function policy(address: string): PolicyInput {
  return {
    services: { shop: { endpoints: [{ address }] } },
    gateways: Object.fromEntries(
      casts.map(({ name, port }) => [name, { listeners: [{ port, address: '127.0.0.1', protocol: 'http' }] }]),
    ),
    routes: { shop: { gateways: casts.map(each => each.name), rules: [{ to: [{ service: 'shop' }] }] } },
    fleets: Object.fromEntries(
      casts.map(({ name, variant, streams }) => [
        name,
        { match: { cluster: name }, gateways: [name], xds: streams === 'ads' ? { streams } : { streams, variant } },
      ]),
    ),
  };
}

describe('xDS over node:http2', { timeout: 120_000 }, () => {
  it('brings real Envoys what they ask for, and each change', async () => {
    await world.start(
      policy(one.address),
      casts.map(({ name, variant, streams }) => ({ id: name, cluster: name, variant, streams })),
    );
    for (const { name, port } of casts) assert.equal((await ask(port, '/')).by, 'one', name);
    await world.saved(policy(two.address));
    for (const { name, port } of casts) assert.equal((await ask(port, '/')).by, 'two', name);
  });

  it('ends with the server, leaves them what they have, and takes them on when it is back', async () => {
    await world.plane.stop();
    for (const { name, port } of casts) assert.equal((await ask(port, '/')).by, 'two', name);
    await world.plane.start();
    await until(
      'all have come back',
      async () => {
        const states = (await world.plane.proxies()).map(each => each.state);
        return states.length === casts.length && states.every(each => each === 'synced');
      },
      60_000,
    );
    await world.saved(policy(one.address));
    for (const { name, port } of casts) assert.equal((await ask(port, '/')).by, 'one', name);
  });
});

import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import type { PolicyInput } from '../../src/policy/kinds.ts';
import { ask } from '../support/client.ts';
import { covers } from '../support/covers.ts';
import { World } from '../support/world.ts';

const world = new World();
after(() => world.close());

const backends = await world.backends('one', 'two', 'three');
const ports = await Promise.all([world.port(), world.port(), world.port()]);
const [direct = 0, behindOne = 0, behindTwo = 0] = ports;

const policy: PolicyInput = {
  services: {
    shop: {
      endpoints: backends.map(({ address }) => ({ address })),
      loadBalancing: { policy: 'maglev', hashBy: [{ sourceIp: true }] },
    },
  },
  gateways: {
    public: {
      listeners: ports.map((port, trustedProxies) => ({
        port,
        address: '127.0.0.1',
        protocol: 'http' as const,
        trustedProxies,
      })),
    },
  },
  routes: {
    shop: {
      gateways: ['public'],
      rules: [
        { match: { path: '/cart', headers: { 'x-forwarded-proto': 'http' } }, redirect: { scheme: 'https' } },
        { to: [{ service: 'shop' }] },
      ],
    },
  },
  fleets: { edge: { match: { cluster: 'edge' }, gateways: ['public'] } },
};

await world.start(policy, [{ id: 'edge-1', cluster: 'edge' }]);

/** Which endpoints answer callers of thirty addresses, when this is what the headers say of each. */
async function spread(port: number, forwarded: (caller: string) => string): Promise<number> {
  const answers = await Promise.all(
    Array.from({ length: 30 }, (_, index) =>
      ask(port, '/', { headers: { 'x-forwarded-for': forwarded(`192.0.2.${index}`) } }),
    ),
  );
  return new Set(answers.map(each => each.by)).size;
}

const overTls = (port: number) => ask(port, '/cart', { headers: { 'x-forwarded-proto': 'https' } });

describe('trusted proxies', () => {
  it('say who calls, each for the one before it; what callers claim does not count', async () => {
    covers('gateways.*.listeners[].trustedProxies');
    assert.equal(await spread(direct, caller => caller), 1);
    assert.equal(await spread(behindOne, caller => caller), 3);
    assert.equal(await spread(behindOne, claimed => `${claimed}, 198.51.100.1`), 1);
    assert.equal(await spread(behindTwo, caller => `${caller}, 10.0.0.1`), 3);
    assert.equal(await spread(behindTwo, claimed => `${claimed}, 198.51.100.1, 10.0.0.1`), 1);
  });

  it('say whether the caller came over TLS', async () => {
    assert.equal((await overTls(direct)).status, 302);
    assert.equal((await overTls(behindOne)).seen().headers['x-forwarded-proto'], 'https');
    const { status, headers } = await ask(behindOne, '/cart', {
      host: 'shop.example.com',
      headers: { 'x-forwarded-proto': 'http' },
    });
    assert.deepEqual([status, headers.location], [302, 'https://shop.example.com/cart']);
  });
});

import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import type { PolicyInput } from '../../src/policy/kinds.ts';
import { ask } from '../support/client.ts';
import { covers } from '../support/covers.ts';
import { edgePolicy, World } from '../support/world.ts';

const world = new World();
after(() => world.close());

const [a, b, c, successor] = await world.backends('a', 'b', 'c', 'successor');
const port = await world.port();
const policies = ['ringHash', 'maglev'] as const;

/** Services of three endpoints, with keys and without, by either policy. */
function policyOf(last: { readonly address: string }): PolicyInput {
  const addresses = [a, b, last].map(({ address }) => address);
  const services = Object.fromEntries(
    policies.flatMap(policy => {
      const loadBalancing = { policy, hashBy: [{ header: 'x-user' }] };
      const keyed = addresses.map((address, index) => ({ address, hashKey: `cache-${index}` }));
      return [
        [`${policy}-keyed`.toLowerCase(), { endpoints: keyed, loadBalancing }],
        [`${policy}-plain`.toLowerCase(), { endpoints: addresses.map(address => ({ address })), loadBalancing }],
      ];
    }),
  );
  const rules = Object.keys(services).map(service => ({ match: { path: `/${service}` }, to: [{ service }] }));
  return edgePolicy(port, { services, rules });
}

await world.start(policyOf(c), [{ id: 'edge-1', cluster: 'edge' }]);

const users = Array.from({ length: 200 }, (_, index) => `user-${index}`);

async function homes(service: string): Promise<readonly string[]> {
  const all: string[] = [];
  for (const user of users) all.push((await ask(port, `/${service}`, { headers: { 'x-user': user } })).by);
  return all;
}

describe('an endpoint that another takes the place of', () => {
  it('leaves all of its callers to the one with its key, and everybody else where they are', async () => {
    covers('services.*.endpoints[].hashKey');
    const services = policies.flatMap(policy => [`${policy}-keyed`, `${policy}-plain`]).map(each => each.toLowerCase());
    const before = new Map<string, readonly string[]>();
    for (const service of services) before.set(service, await homes(service));
    await world.saved(policyOf(successor));
    for (const service of services) {
      const expected = before.get(service)?.map(home => (home === 'c' ? 'successor' : home));
      const now = await homes(service);
      if (service.endsWith('keyed')) assert.deepEqual(now, expected, service);
      else assert.notDeepEqual(now, expected, service);
    }
  });
});

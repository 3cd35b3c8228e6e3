import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Assigner } from '../../../src/ir/assign.ts';
import type { PolicyInput } from '../../../src/policy/kinds.ts';
import type { Assignment, NodeIdentity } from '../../../src/snapshot/board.ts';
import { compiled } from './compiled.ts';

const policy = {
  services: {
    checkout: {
      endpoints: [1, 2].map(each => ({
        address: `10.0.0.${each}:15006`,
        inbound: { application: '127.0.0.1:8080', node: `checkout-${each}` },
      })),
    },
  },
  gateways: { public: { listeners: [{ port: 80, protocol: 'http' }] } },
  fleets: {
    edge: { match: { cluster: 'edge', metadata: { tier: 'web-*' } }, gateways: ['public'] },
    checkout: { match: { id: 'checkout-*', region: 'eu', zone: '*' }, sidecar: { service: 'checkout' } },
  },
} satisfies PolicyInput;

const node = (facts: Partial<NodeIdentity>): NodeIdentity => ({
  id: '',
  cluster: '',
  region: '',
  zone: '',
  subZone: '',
  metadata: {},
  version: '1.40.0',
  ...facts,
});

describe('assigning nodes to fleets', () => {
  const { assign } = compiled(policy);

  it('is what a publication needs', () => {
    const assigner: Assigner = assign;
    const needed: (node: NodeIdentity) => Assignment = assigner;
    assert.equal(needed, assign);
  });

  it('needs everything that the match names', () => {
    const metadata = { tier: 'web-1' };
    assert.deepEqual(assign(node({ cluster: 'edge', metadata })), { kind: 'assigned', key: 'edge' });
    assert.equal(assign(node({ cluster: 'edge' })).kind, 'unmatched');
    assert.equal(assign(node({ cluster: 'edge', metadata: { tier: 'db' } })).kind, 'unmatched');
    assert.equal(assign(node({ cluster: 'edges', metadata })).kind, 'unmatched');
  });

  it('finds the sub-fleet by the node id', () => {
    const of = (id: string) => assign(node({ id, region: 'eu' }));
    assert.deepEqual(of('checkout-1'), { kind: 'assigned', key: 'checkout/10.0.0.1:15006' });
    assert.deepEqual(of('checkout-2'), { kind: 'assigned', key: 'checkout/10.0.0.2:15006' });
    const other = of('checkout-3');
    assert.ok(other.kind === 'unmatched');
    assert.equal(other.nearest, 'checkout');
    assert.match(other.why, /"checkout-3".*`inbound\.node`/);
  });

  it('names the nearest fleet and what does not fit', () => {
    const answer = assign(node({ id: 'x', cluster: 'egde', metadata: { tier: 'web-1' } }));
    assert.deepEqual(answer, {
      kind: 'unmatched',
      nearest: 'edge',
      why: 'Nearest is fleet "edge", but the node\'s cluster is "egde" instead of "edge".',
    });
    const abroad = assign(node({ id: 'checkout-1', region: 'us' }));
    assert.ok(abroad.kind === 'unmatched');
    assert.equal(abroad.nearest, 'checkout');
    const bare = assign(node({ cluster: 'edge' }));
    assert.match(bare.kind === 'unmatched' ? bare.why : '', /has no metadata tier \("web-\*" is wanted\)/);
  });

  it('says so when there is no fleet, and when two fit', () => {
    const none = compiled({}).assign(node({}));
    assert.deepEqual(none, { kind: 'unmatched', nearest: undefined, why: 'The policy declares no fleet.' });
    const match = { cluster: 'edge' };
    const two = compiled({
      ...policy,
      fleets: { a: { match, gateways: ['public'] }, b: { match, gateways: ['public'] } },
    });
    assert.deepEqual(two.assign(node({ cluster: 'edge' })), { kind: 'ambiguous', keys: ['a', 'b'] });
  });
});

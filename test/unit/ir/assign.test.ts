import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Assigner } from '../../../src/ir/assign.ts';
import { Policy, type PolicyInput } from '../../../src/policy/kinds.ts';
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

describe('certificates of nodes', () => {
  const identified = (san: string[]) =>
    compiled({
      gateways: policy.gateways,
      fleets: { edge: { match: { cluster: 'edge' }, gateways: ['public'], identity: { san } } },
    }).assign;
  const kind = (san: string[], id: string, uris: string[], hosts: string[] = []) =>
    identified(san)(node({ id, cluster: 'edge', certificate: { uris, hosts } })).kind;

  it('P23: speak for the node that they name, where the pattern has its id', () => {
    const san = ['spiffe://shop/edge/{id}', '{id}.internal'];
    assert.equal(kind(san, 'edge-1', ['spiffe://shop/edge/edge-1']), 'assigned');
    assert.equal(kind(san, 'edge-1', [], ['other.internal', 'edge-1.internal']), 'assigned');
    assert.equal(kind(san, 'edge-1', ['spiffe://shop/edge/edge-2'], ['edge-2.internal']), 'refused');
    assert.equal(
      kind(san, 'edge-1', ['edge-1.internal'], ['spiffe://shop/edge/edge-1']),
      'refused',
      'of the other kind',
    );
    assert.equal(kind(san, 'edge-1', ['spiffe://shop/edge/edge-1/x', 'xspiffe://shop/edge/edge-1']), 'refused');
    assert.equal(kind(san, '*', ['spiffe://shop/edge/edge-1'], ['edge-1.internal']), 'refused');
    assert.equal(kind(san, '{id}', ['spiffe://shop/edge/edge-1']), 'refused');
    assert.equal(kind(san, '$&', ['spiffe://shop/edge/{id}']), 'refused');
  });

  it('P23: speak for any node of the fleet, where it has none', () => {
    assert.equal(kind(['edge-*.internal'], 'any', [], ['edge-7.internal']), 'assigned');
    assert.equal(kind(['edge-*.internal'], 'any', [], ['web-7.internal']), 'refused');
    assert.equal(kind(['*'], 'any', ['spiffe://shop/edge/edge-1']), 'refused', 'a host name is wanted');
    assert.equal(kind(['*:*'], 'any', ['spiffe://shop/edge/edge-1']), 'assigned');
  });

  it('are needed, and what is wrong is told', () => {
    const assign = identified(['{id}.internal']);
    const plain = assign(node({ id: 'edge-1', cluster: 'edge' }));
    assert.ok(plain.kind === 'refused' && plain.fleet === 'edge');
    assert.match(plain.why, /"edge-1" has no certificate.*"\{id\}\.internal".*--xds-client-ca/);
    const certificate = { uris: [], hosts: Array.from({ length: 20 }, (_, index) => `h${index}`) };
    const wrong = assign(node({ id: 'edge-1', cluster: 'edge', certificate }));
    assert.ok(wrong.kind === 'refused');
    assert.match(wrong.why, /"h0", "h1".* and 12 more, and fleet "edge" wants/);
    const bare = assign(node({ id: 'edge-1', cluster: 'edge', certificate: { uris: [], hosts: [] } }));
    assert.ok(bare.kind === 'refused');
    assert.match(bare.why, /named neither by a URI nor by a host name/);
  });

  it('do not matter to fleets that say nothing of them, nor to nodes of no fleet', () => {
    const facts = { cluster: 'edge', metadata: { tier: 'web-1' } };
    const { assign } = compiled(policy);
    assert.equal(assign(node({ ...facts, certificate: { uris: [], hosts: [] } })).kind, 'assigned');
    assert.equal(identified(['x'])(node({ cluster: 'web' })).kind, 'unmatched');
  });

  it('have patterns of which it is clear what they mean', () => {
    const problems = (san: string[]) => {
      const fleets = { edge: { match: { cluster: 'edge' }, gateways: ['public'], identity: { san } } };
      return Policy.safeParse({ gateways: policy.gateways, fleets }).error?.issues.map(each => each.message) ?? [];
    };
    assert.deepEqual(problems(['spiffe://shop/{id}', 'edge-*.internal', 'urn:x']), []);
    assert.match(problems(['*.{id}'])[0] ?? '', /not both/);
    assert.match(problems(['{id}{id}'])[0] ?? '', /\{id\} once/);
    assert.match(problems(['{cluster}'])[0] ?? '', /no other braces/);
    assert.match(problems(['a b'])[0] ?? '', /may hold letters/);
    assert.equal(problems([]).length, 1);
  });
});

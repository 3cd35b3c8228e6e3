import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { typeUrl } from '../../../proto/codec.ts';
import type { Finding } from '../../../src/control/control.ts';
import { readableSnapshot } from '../../../src/snapshot/readable.ts';
import { MemoryStore } from '../../../src/store/memory.ts';
import { FailingStore, shopPolicy, world } from './controller-world.ts';

const clusters = typeUrl('envoy.config.cluster.v3.Cluster');
const routes = typeUrl('envoy.config.route.v3.RouteConfiguration');

type World = ReturnType<typeof world>;

const resource = ({ board }: World, url: string, name: string, fleet = 'edge') =>
  board.current?.snapshots.get(fleet)?.types.get(url)?.resources.get(name);

/** What the policy comes to, as far as proxies are sent it. */
const versions = ({ board }: World) => [...(board.current?.snapshots.values() ?? [])].map(each => each.version);

function finding(of: World, url: string, name: string, more: Partial<Finding> = {}): Finding {
  const version = resource(of, url, name)?.version ?? '';
  return {
    fleet: 'edge',
    typeUrl: url,
    name,
    version,
    message: 'no',
    proxies: ['a', 'b'],
    instead: undefined,
    ...more,
  };
}

const changed = shopPolicy().replace('  other:\n', '  other:\n    connectTimeout: 2s\n');
const withNew = `${shopPolicy({ to: '[{ service: spare }]' })}`.replace(
  '  other:\n',
  '  spare:\n    endpoints: [{ address: "10.0.2.1:80" }]\n  other:\n',
);

describe('a quarantine', () => {
  it('P12: puts in place of a content what was sent before, in its fleet only, until there is another one', async () => {
    const shop = world();
    const { controller, submit, store } = shop;
    await submit(shopPolicy());
    const good = resource(shop, clusters, 'other');
    await submit(changed);
    const bad = resource(shop, clusters, 'other');
    assert.notEqual(bad?.version, good?.version);
    const outcome = await controller.changeQuarantine({
      found: finding(shop, clusters, 'other', { instead: good?.version }),
    });
    assert.equal(outcome.kind, 'done');
    assert.equal(resource(shop, clusters, 'other')?.version, good?.version);
    assert.equal(resource(shop, clusters, 'other', 'back')?.version, bad?.version);
    assert.deepEqual(
      controller.accepted?.quarantines.map(each => [each.name, each.since, each.lastGood.map(kept => kept.name)]),
      [['other', shop.clock.now(), ['other']]],
    );
    assert.equal(store.quarantines().length, 1);
    await submit(changed.replace('connectTimeout: 2s', 'connectTimeout: 3s'));
    assert.deepEqual(controller.accepted?.quarantines, []);
    assert.deepEqual(store.quarantines(), []);
    const [cluster] = readableSnapshot(shop.board.current!.snapshots.get('edge')!).clusters.filter(
      each => each.name === 'other',
    );
    assert.equal(cluster?.connect_timeout, '3s');
  });

  it('P12: leaves out a new cluster, and sends the routes of before with what these lead to', async () => {
    const shop = world();
    await shop.submit(shopPolicy());
    const before = resource(shop, routes, 'gateway/public');
    await shop.submit(withNew);
    assert.ok(resource(shop, clusters, 'spare'));
    assert.equal(resource(shop, clusters, 'catalog@v1'), undefined);
    await shop.controller.changeQuarantine({ found: finding(shop, clusters, 'spare') });
    assert.equal(resource(shop, clusters, 'spare'), undefined);
    assert.equal(resource(shop, routes, 'gateway/public')?.version, before?.version);
    assert.ok(resource(shop, clusters, 'catalog@v1'), 'what the routes of before lead to');
    assert.ok(resource(shop, typeUrl('envoy.config.endpoint.v3.ClusterLoadAssignment'), 'catalog@v1'));
  });

  it('P12: is the same after a restart, to the byte', async () => {
    const store = new MemoryStore();
    const shop = world({ store });
    await shop.submit(shopPolicy());
    await shop.submit(withNew);
    await shop.controller.changeQuarantine({ found: finding(shop, clusters, 'spare') });
    const again = world({ store });
    again.controller.start();
    assert.deepEqual(versions(again), versions(shop));
    assert.deepEqual(again.controller.accepted?.quarantines, shop.controller.accepted?.quarantines);
  });

  it('ends by hand, and the content is sent again', async () => {
    const shop = world();
    const { controller, submit, store } = shop;
    await submit(shopPolicy());
    await submit(withNew);
    const bad = versions(shop);
    await controller.changeQuarantine({ found: finding(shop, clusters, 'spare') });
    const key = { fleet: 'edge', typeUrl: clusters, name: 'spare' };
    assert.equal((await controller.changeQuarantine({ release: key })).kind, 'done');
    assert.deepEqual(versions(shop), bad);
    assert.deepEqual(store.quarantines(), []);
    assert.equal((await controller.changeQuarantine({ release: key })).kind, 'notFound');
  });

  it('is not made of a content that is not sent, twice, or where nobody knows what proxies hold', async () => {
    const shop = world();
    const { controller, submit, published } = shop;
    assert.equal((await controller.changeQuarantine({ found: finding(shop, clusters, 'spare') })).kind, 'notFound');
    await submit(shopPolicy());
    await submit(withNew);
    const found = finding(shop, clusters, 'spare');
    const count = published.length;
    assert.equal((await controller.changeQuarantine({ found: { ...found, version: 'old' } })).kind, 'notFound');
    assert.equal((await controller.changeQuarantine({ found: { ...found, instead: 'older' } })).kind, 'unknown');
    assert.equal(published.length, count);
    assert.equal((await controller.changeQuarantine({ found })).kind, 'done');
    assert.equal((await controller.changeQuarantine({ found })).kind, 'notFound');
  });

  it('is not in force when it cannot be stored', async () => {
    const store = new FailingStore();
    const shop = world({ store });
    await shop.submit(shopPolicy());
    await shop.submit(withNew);
    const before = versions(shop);
    store.failing = true;
    await assert.rejects(shop.controller.changeQuarantine({ found: finding(shop, clusters, 'spare') }));
    assert.deepEqual(versions(shop), before);
    store.failing = false;
    await shop.submit(withNew.replace('10.0.2.1', '10.0.2.2'));
    assert.ok(resource(shop, clusters, 'spare'));
  });

  it('is taken out of the store later when that cannot be written at its end, and does not come back', async () => {
    const store = new MemoryStore();
    const shop = world({ store });
    await shop.submit(shopPolicy());
    await shop.submit(withNew);
    await shop.controller.changeQuarantine({ found: finding(shop, clusters, 'spare') });
    const removing = store.deleteQuarantine.bind(store);
    let fails = true;
    store.deleteQuarantine = key => {
      if (fails) throw new Error('the disk is full');
      return removing(key);
    };
    await shop.submit(withNew.replace('10.0.2.1:80" }]', '10.0.2.1:80" }]\n    connectTimeout: 3s'));
    assert.deepEqual(shop.controller.accepted?.quarantines, []);
    assert.equal(store.quarantines().length, 1);
    assert.deepEqual(shop.reports, ['the end of a quarantine was not stored']);
    fails = false;
    await shop.submit(withNew);
    assert.deepEqual(store.quarantines(), []);
    assert.ok(resource(shop, clusters, 'spare'), 'the content of then is sent again');
  });

  it('P12: waits for its fleet when that is renamed, and is in force again when it is named so once more', async () => {
    const store = new MemoryStore();
    const shop = world({ store });
    await shop.submit(shopPolicy());
    await shop.submit(withNew);
    await shop.controller.changeQuarantine({ found: finding(shop, clusters, 'spare') });
    const before = versions(shop);
    await shop.submit(withNew.replace('  edge: { match', '  front: { match'));
    assert.deepEqual(shop.controller.accepted?.quarantines, []);
    assert.ok(resource(shop, clusters, 'spare', 'front'));
    assert.equal(store.quarantines().length, 1);
    const again = world({ store });
    again.controller.start();
    await again.submit(withNew);
    assert.deepEqual(versions(again), before);
    assert.equal(again.controller.accepted?.quarantines.length, 1);
    await again.submit(withNew.replace('  edge: { match', '  front: { match'));
    const key = { fleet: 'edge', typeUrl: clusters, name: 'spare' };
    assert.equal((await again.controller.changeQuarantine({ release: key })).kind, 'done');
    assert.deepEqual(store.quarantines(), []);
  });

  it('of fleets that are not there are kept up to a number, the newest of them', async () => {
    const store = new MemoryStore();
    for (let since = 0; since < 300; since++) {
      const about = { typeUrl: clusters, name: 'x', version: '1', message: 'no', proxies: [], lastGood: [] };
      store.putQuarantine({ ...about, fleet: `gone-${since}`, since });
    }
    const shop = world({ store });
    shop.controller.start();
    await shop.submit(shopPolicy());
    const left = store.quarantines();
    assert.equal(left.length, 256);
    assert.equal(Math.min(...left.map(each => each.since)), 44);
  });
});

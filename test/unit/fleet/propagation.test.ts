import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Propagation } from '../../../src/fleet/propagation.ts';
import type { Snapshot } from '../../../src/snapshot/snapshot.ts';

const typeUrl = 'type.googleapis.com/envoy.config.cluster.v3.Cluster';
const ack = (clientId: number, version: string) => ({ clientId, fleet: 'edge', typeUrl, version });

function published(version: string): ReadonlyMap<string, Snapshot> {
  const type = { typeUrl, version, resources: new Map(), order: [] };
  return new Map([['edge', { version, types: new Map([[typeUrl, type]]) } as unknown as Snapshot]]);
}

describe('how long a change takes to reach proxies', () => {
  it('is measured from its beginning to the first acknowledgement of each proxy', () => {
    const propagation = new Propagation();
    propagation.connected(1, 0);
    propagation.connected(2, 0);
    propagation.published(published('a'), 95, 100);
    assert.equal(propagation.acked(ack(1, 'a'), 120), 25);
    assert.equal(propagation.acked(ack(2, 'a'), 150), 55);
    assert.equal(propagation.acked(ack(1, 'a'), 60_000), undefined, 'removals linger, and are acknowledged again');
  });

  it('is not measured for who came later, for what is older, and for what did not change', () => {
    const propagation = new Propagation();
    propagation.connected(1, 0);
    propagation.published(published('a'), 10, 10);
    propagation.connected(2, 50);
    assert.equal(propagation.acked(ack(2, 'a'), 60), undefined, 'its first set is no push of a change');
    propagation.published(published('b'), 70, 70);
    assert.equal(propagation.acked(ack(1, 'a'), 80), undefined);
    assert.equal(propagation.acked(ack(1, 'b'), 90), 20);
    propagation.published(published('b'), 100, 100);
    assert.equal(propagation.acked(ack(2, 'b'), 110), 40, 'published once, however often it is built');
    assert.equal(propagation.acked(ack(3, 'b'), 110), undefined);
    propagation.gone(1);
    propagation.published(published('c'), 120, 120);
    assert.equal(propagation.acked(ack(1, 'c'), 130), undefined);
  });

  it('says for how long a proxy is owed what is newest', () => {
    const propagation = new Propagation();
    propagation.connected(1, 0);
    propagation.published(published('a'), 10, 10);
    propagation.connected(2, 50);
    assert.equal(propagation.owedFor(1, 'edge', typeUrl, 100), 90);
    assert.equal(propagation.owedFor(2, 'edge', typeUrl, 100), 50);
    assert.equal(propagation.owedFor(1, 'gone', typeUrl, 100), 0);
    propagation.published(new Map(), 20, 20);
    assert.equal(propagation.owedFor(1, 'edge', typeUrl, 100), 0);
  });
});

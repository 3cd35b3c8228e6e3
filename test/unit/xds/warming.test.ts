import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encode } from '../../../proto/codec.ts';
import type { Cluster } from '../../../proto/gen/envoy.config.cluster.v3.ts';
import { rawSnapshot } from '../../../src/snapshot/raw.ts';
import type { Snapshot } from '../../../src/snapshot/snapshot.ts';
import { initialState } from '../../../src/xds/progress.ts';
import { type Subscription, subscriptionOf } from '../../../src/xds/subscription.ts';
import { isWarm, warmUp } from '../../../src/xds/warming.ts';
import { typeSnapshot, urls } from '../../support/xds-fixtures.ts';

const message = 'envoy.config.cluster.v3.Cluster';

function clusters(of: Readonly<Record<string, Cluster>>): Snapshot {
  return rawSnapshot(
    'fleet',
    Object.entries(of).map(([name, cluster]) => ({
      typeUrl: urls.CDS,
      name,
      value: encode(message, { name, ...cluster }),
    })),
  );
}

const eds: Cluster = { type: 'EDS', eds_cluster_config: { eds_config: { ads: {} } } };

/** A stream of endpoints whose client has acknowledged these. */
function acknowledged(names: readonly string[], subscription?: Subscription) {
  const acked = typeSnapshot('EDS', Object.fromEntries(names.map(name => [name, '1'])));
  const state = {
    ...initialState(urls.EDS, false),
    acked,
    subscription: subscription ?? subscriptionOf(false, names),
  };
  return { aggregated: false, state };
}

describe('warming', () => {
  const from = clusters({ a: eds });
  const to = clusters({ a: eds, b: eds, c: { ...eds, eds_cluster_config: { service_name: 'd' } } });

  it('R41: is over when the endpoints of all new clusters are acknowledged, on whatever streams', () => {
    assert.equal(isWarm([], from, to), false);
    assert.equal(isWarm([acknowledged(['b'])], from, to), false);
    assert.equal(isWarm([acknowledged(['b']), acknowledged(['d'])], from, to), true);
  });

  it('R41: takes endpoints for held only where they are subscribed to', () => {
    const set = ['a', 'b', 'd'];
    assert.equal(isWarm([acknowledged(set, subscriptionOf(false, ['a', 'b']))], from, to), false);
    assert.equal(isWarm([acknowledged(set, subscriptionOf(true, []))], from, to), true);
  });

  it('R41: asks nothing of clusters that were there before, nor of other types of clusters', () => {
    assert.equal(isWarm([], to, from), true);
    assert.equal(
      isWarm([], from, clusters({ a: eds, s: { type: 'STATIC' }, x: { cluster_type: { name: 'x' } } })),
      true,
    );
    assert.equal(isWarm([], undefined, from), false);
  });

  it('R39, R41: does not take for warm what is to be sent again on an aggregated stream', () => {
    const { state } = acknowledged(['b', 'd']);
    assert.equal(isWarm([{ aggregated: true, state }], from, to), true);
    const again = { ...state, again: subscriptionOf(false, ['b']) };
    assert.equal(isWarm([{ aggregated: true, state: again }], from, to), false);
  });

  it('R41: lasts as long as health checks and lookups of names may take', () => {
    const check = (timeout: string) => ({ health_checks: [{ timeout }] }) as Cluster;
    assert.equal(warmUp(undefined, clusters({ a: eds })), 0);
    assert.equal(
      warmUp(undefined, clusters({ a: { ...eds, ...check('0.500s') }, b: { ...eds, ...check('2s') } })),
      2250,
    );
    assert.equal(warmUp(undefined, clusters({ a: { type: 'STRICT_DNS' } })), 1000);
    assert.equal(warmUp(undefined, clusters({ a: { cluster_type: { name: 'x' }, ...check('1s') } })), 2250);
    assert.equal(warmUp(undefined, clusters({ a: { cluster_type: { name: 'envoy.clusters.aggregate' } } })), 0);
    assert.equal(warmUp(undefined, clusters({ a: { type: 'ORIGINAL_DST' }, b: {} })), 0);
  });

  it('R41: asks for no time for clusters that were there before, or whose bytes are none', () => {
    const dns = clusters({ a: { type: 'STRICT_DNS' } });
    assert.equal(warmUp(dns, clusters({ a: { type: 'STRICT_DNS', connect_timeout: '2s' } })), 0);
    const broken = rawSnapshot('fleet', [{ typeUrl: urls.CDS, name: 'a', value: Uint8Array.of(0xff) }]);
    assert.equal(warmUp(undefined, broken), 0);
    assert.equal(isWarm([], undefined, broken), true);
  });
});

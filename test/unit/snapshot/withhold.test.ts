import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { encode, typeUrl } from '../../../proto/codec.ts';
import type { Cluster } from '../../../proto/gen/envoy.config.cluster.v3.ts';
import { rawSnapshot } from '../../../src/snapshot/raw.ts';
import type { Snapshot } from '../../../src/snapshot/snapshot.ts';
import { type LastGood, type Withheld, withhold } from '../../../src/snapshot/withhold.ts';
import { type Sets, snapshot, type TypeName, urls } from '../../support/xds-fixtures.ts';

const before = snapshot('fleet', {
  CDS: { old: '1', shared: '1' },
  EDS: { old: '1', shared: '1' },
  LDS: { l: '1' },
  RDS: { r: 'to-old', s: 'to-shared' },
});
const now = snapshot(
  'fleet',
  {
    CDS: { new: '1', shared: '2' },
    EDS: { new: '1', shared: '1' },
    LDS: { l: '1' },
    RDS: { r: 'to-new', s: 'to-shared' },
  },
  before,
);
/** The client has accepted all of `before`. */
const had: LastGood = (url, name) => before.types.get(url)?.resources.get(name);
const nothing: LastGood = () => undefined;

function content(type: TypeName, name: string, lastGood: LastGood, of = now): Withheld {
  const version = of.types.get(urls[type])?.resources.get(name)?.version ?? 'none';
  return { typeUrl: urls[type], name, version, instead: lastGood(urls[type], name) };
}

function without(lastGood: LastGood, ...contents: readonly (readonly [TypeName, string])[]): Snapshot {
  const withheld = contents.map(([type, name]) => content(type, name, lastGood));
  return withhold(now, withheld, lastGood, { quietly: true });
}

/** What a snapshot has of the types that say something. */
function sets({ types }: Snapshot): Sets {
  return Object.fromEntries(
    (['CDS', 'EDS', 'RDS'] as const).map(type => [
      type,
      Object.fromEntries([...(types.get(urls[type])?.resources.values() ?? [])].map(each => [each.name, each.version])),
    ]),
  );
}

const published = sets(now);

describe('withhold', () => {
  it('passes over contents that the snapshot does not have', () => {
    const other = { ...content('CDS', 'shared', had), version: 'other' };
    assert.equal(withhold(now, [other, content('CDS', 'old', had)], had, { quietly: true }), now);
    assert.equal(withhold(now, [], had, { quietly: true }), now);
  });

  it('R42: has the last good content in its place', () => {
    const made = without(had, ['CDS', 'shared']);
    assert.deepEqual(sets(made), { ...published, CDS: { new: '1', shared: '1' } });
    assert.notEqual(made.version, now.version);
    assert.deepEqual([...(made.types.get(urls.CDS)?.withheld ?? [])], ['shared']);
    assert.equal(made.types.get(urls.EDS), now.types.get(urls.EDS));
  });

  it('R42: tells clients of what it withholds unless they have what stands in its place', () => {
    const made = withhold(now, [content('CDS', 'shared', had)], had, { quietly: false });
    assert.equal(made.types.get(urls.CDS)?.withheld, undefined);
  });

  it('R42: leaves out what there is no last good content of', () => {
    const { types } = without(nothing, ['RDS', 's']);
    assert.deepEqual([...(types.get(urls.RDS)?.resources.keys() ?? [])], ['r']);
    assert.deepEqual([...(types.get(urls.RDS)?.withheld ?? [])], ['s']);
  });

  it('R40, R42: brings along what a last good content refers to, and what that does', () => {
    assert.deepEqual(sets(without(had, ['RDS', 'r'])), {
      CDS: { new: '1', old: '1', shared: '2' },
      EDS: { new: '1', old: '1', shared: '1' },
      RDS: { r: 'to-old', s: 'to-shared' },
    });
  });

  it('R40, R42: sends routes to a cluster that is left out back to where they led before', () => {
    assert.deepEqual(sets(without(had, ['CDS', 'new'])), {
      CDS: { old: '1', shared: '2' },
      EDS: { new: '1', old: '1', shared: '1' },
      RDS: { r: 'to-old', s: 'to-shared' },
    });
  });

  it('R40, R42: sends routes to a cluster without endpoints back as well, and leaves the cluster', () => {
    assert.deepEqual(sets(without(had, ['EDS', 'new'])), {
      CDS: { new: '1', old: '1', shared: '2' },
      EDS: { old: '1', shared: '1' },
      RDS: { r: 'to-old', s: 'to-shared' },
    });
  });

  it('R42: leaves routes that were never anything else, or led there before', () => {
    assert.deepEqual(sets(without(nothing, ['CDS', 'new'])), { ...published, CDS: { shared: '2' } });
    const same: LastGood = (url, name) => (url === urls.RDS ? now.types.get(url)?.resources.get(name) : undefined);
    assert.deepEqual(sets(without(same, ['CDS', 'new'])), { ...published, CDS: { shared: '2' } });
  });

  it('R46: withholds aliases with a resource', () => {
    const hosts = snapshot('fleet', { VHDS: { v: '1 aliases=x,y' } });
    const made = withhold(hosts, [content('VHDS', 'v', nothing, hosts)], nothing, { quietly: true });
    assert.deepEqual([...(made.types.get(urls.VHDS)?.withheld ?? [])].sort(), ['v', 'x', 'y']);
  });

  it('R42: withholds more from what already lacks something', () => {
    const once = without(nothing, ['RDS', 's']);
    const twice = withhold(once, [content('RDS', 'r', nothing)], nothing, { quietly: true });
    assert.deepEqual([...(twice.types.get(urls.RDS)?.withheld ?? [])].sort(), ['r', 's']);
  });

  it('is the same set for all from which the same is withheld', () => {
    const types = () => without(had, ['CDS', 'shared']).types;
    assert.equal(types().get(urls.CDS), types().get(urls.CDS));
    assert.notEqual(types().get(urls.CDS), without(nothing, ['CDS', 'shared']).types.get(urls.CDS));
  });

  it('is that set however many others were made before', () => {
    const names = Array.from({ length: 600 }, (_, index) => `c${index}`);
    const clusters = snapshot('fleet', { CDS: Object.fromEntries(names.map(name => [name, '1'])) });
    const without = (name: string) => {
      const withheld = { typeUrl: urls.CDS, name, version: '1', instead: undefined };
      return withhold(clusters, [withheld], nothing, { quietly: true }).types.get(urls.CDS);
    };
    for (const name of names) without(name);
    const set = without('c599');
    assert.equal(set?.resources.size, 599);
    assert.equal(without('c599'), set);
  });

  describe('an aggregate cluster', () => {
    const typed = { '@type': typeUrl('envoy.extensions.clusters.aggregate.v3.ClusterConfig'), clusters: ['a', 'b'] };
    const cluster_type = { name: 'envoy.clusters.aggregate', typed_config: typed };
    const made = (name: string, message: Cluster) => ({
      typeUrl: urls.CDS,
      name,
      value: encode('envoy.config.cluster.v3.Cluster', message),
    });
    const both = made('a+b', { cluster_type });
    const plain = (name: string) => made(name, {});
    const found = (name: string) => made(name, { name, type: 'EDS' });
    const endpoints = (name: string) => ({
      typeUrl: urls.EDS,
      name,
      value: encode('envoy.config.endpoint.v3.ClusterLoadAssignment', { cluster_name: name }),
    });
    const routesTo = (cluster: string) => {
      const host = { name: 'all', domains: ['*'], routes: [{ match: { prefix: '/' }, route: { cluster } }] };
      const value = encode('envoy.config.route.v3.RouteConfiguration', { virtual_hosts: [host] });
      return { typeUrl: urls.RDS, name: 'r', value };
    };
    const old = rawSnapshot('fleet', [plain('old'), routesTo('old')]);
    const lastGood: LastGood = (url, name) => old.types.get(url)?.resources.get(name);
    /** The cluster that routes lead to without some of what `next` has. */
    const leads = (next: Snapshot, type: TypeName, ...names: readonly string[]) => {
      const contents = names.map(name => content(type, name, nothing, next));
      const left = withhold(next, contents, lastGood, { quietly: true }).types.get(urls.RDS)?.resources.get('r');
      return left === lastGood(urls.RDS, 'r') ? 'old' : 'a+b';
    };

    it('R42: keeps its routes while a member is left', () => {
      const next = rawSnapshot('fleet', [plain('a'), plain('b'), both, routesTo('a+b')]);
      assert.equal(leads(next, 'CDS', 'b'), 'a+b');
      assert.equal(leads(next, 'CDS', 'a+b'), 'old');
      assert.equal(leads(next, 'CDS', 'a', 'b'), 'old');
    });

    it('R42: has no member in a cluster whose endpoints are left out', () => {
      const next = rawSnapshot('fleet', [
        ...['a', 'b'].flatMap(name => [found(name), endpoints(name)]),
        both,
        routesTo('a+b'),
      ]);
      assert.equal(leads(next, 'EDS', 'b'), 'a+b');
      assert.equal(leads(next, 'EDS', 'a', 'b'), 'old');
    });
  });

  it('reads no references out of bytes that are no message', () => {
    const broken = rawSnapshot('fleet', [
      { typeUrl: urls.CDS, name: 'c', value: Uint8Array.of(0xff) },
      { typeUrl: urls.RDS, name: 'r', value: Uint8Array.of(0xff) },
    ]);
    const made = withhold(broken, [content('CDS', 'c', nothing, broken)], nothing, { quietly: true });
    assert.deepEqual([...(made.types.get(urls.RDS)?.resources.keys() ?? [])], ['r']);
  });
});

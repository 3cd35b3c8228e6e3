import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Resource } from '../../../src/base/resource.ts';
import { shortType } from '../../../src/base/short-type.ts';
import { describeInconsistency, findInconsistencies, type Inconsistency } from '../../../src/snapshot/consistency.ts';
import { aggregate, assignment, cluster, httpListener, routeTable, tcpListener } from './resources.ts';

const whole: readonly Resource[] = [
  cluster('a'),
  cluster('b'),
  assignment('a'),
  assignment('b'),
  httpListener('http', 'table'),
  tcpListener('tcp', 'a'),
  tcpListener('weighted', 'a', 'b'),
  routeTable('table', 'a', 'b'),
];

const sentence = (each: Inconsistency) => `${shortType(each.type)} "${each.name}" ${describeInconsistency(each)}`;

function sentences(resources: readonly Resource[]): readonly string[] {
  return findInconsistencies(resources).map(sentence);
}

const without = (type: string, name: string) =>
  whole.filter(each => !(each.type.endsWith(`.${type}`) && each.name === name));

describe('findInconsistencies', () => {
  it('finds nothing in a whole set', () => assert.deepEqual(findInconsistencies(whole), []));

  it('R40: takes an empty assignment for what it is', () => {
    const empty: Resource = { ...assignment('a'), message: { cluster_name: 'a' } };
    assert.deepEqual(sentences([...without('ClusterLoadAssignment', 'a'), empty]), []);
  });

  it('R40: finds a cluster whose endpoints are missing', () => {
    assert.deepEqual(sentences(without('ClusterLoadAssignment', 'b')), [
      'Cluster "b" refers to ClusterLoadAssignment "b", which does not exist',
    ]);
  });

  it('R40: goes by the service name of a cluster that has one', () => {
    const eds = { eds_config: { ads: {} }, service_name: 'other' };
    const named: Resource = { ...cluster('c'), message: { name: 'c', type: 'EDS', eds_cluster_config: eds } };
    assert.deepEqual(sentences([...whole, named]), [
      'Cluster "c" refers to ClusterLoadAssignment "other", which does not exist',
    ]);
  });

  it('R40: finds an aggregate cluster of which a member is missing', () => {
    const both = aggregate('a+b', 'a', 'b');
    assert.deepEqual(sentences([...whole, both]), []);
    assert.deepEqual(sentences([...whole, { ...both, message: aggregate('a+b', 'a', 'c').message }]), [
      'Cluster "a+b" refers to Cluster "c", which does not exist',
    ]);
  });

  it('R40: finds a listener whose routes are missing', () => {
    assert.deepEqual(sentences(without('RouteConfiguration', 'table')), [
      'Listener "http" refers to RouteConfiguration "table", which does not exist',
    ]);
  });

  it('R40: finds missing clusters of routes and of TCP listeners, each once', () => {
    const twice = routeTable('table', 'a', 'b', 'b');
    assert.deepEqual(sentences([...without('Cluster', 'b').filter(each => each.name !== 'table'), twice]), [
      'Listener "weighted" refers to Cluster "b", which does not exist',
      'RouteConfiguration "table" refers to Cluster "b", which does not exist',
    ]);
  });

  it('R40: finds missing clusters of weighted and mirrored routes', () => {
    const table: Resource = {
      type: 'envoy.config.route.v3.RouteConfiguration',
      name: 'split',
      message: {
        name: 'split',
        virtual_hosts: [
          {
            name: 'all',
            domains: ['*'],
            routes: [
              {
                match: { prefix: '/' },
                route: {
                  weighted_clusters: {
                    clusters: [
                      { name: 'a', weight: 1 },
                      { name: 'x', weight: 1 },
                    ],
                  },
                  request_mirror_policies: [{ cluster: 'y' }],
                },
              },
            ],
          },
        ],
      },
    };
    assert.deepEqual(sentences([...whole, table]), [
      'RouteConfiguration "split" refers to Cluster "x", which does not exist',
      'RouteConfiguration "split" refers to Cluster "y", which does not exist',
    ]);
  });

  it('R28: finds names that stand twice within a type, and only there', () => {
    assert.deepEqual(sentences([...whole, cluster('a')]), ['Cluster "a" stands twice']);
  });

  it('R32: finds a message under another name than its own', () => {
    const wrong: Resource = { ...routeTable('right'), name: 'wrong' };
    const nameless: Resource = { ...cluster('c'), message: {} };
    assert.deepEqual(sentences([...whole, wrong, nameless]), [
      'RouteConfiguration "wrong" calls itself "right"',
      'Cluster "c" calls itself nothing',
    ]);
  });

  describe('beside a list that is sound', () => {
    const replaced = (name: string, next: Resource) => whole.map(each => (each.name === name ? next : each));
    const after = (resources: readonly Resource[]) => findInconsistencies(resources, whole).map(sentence);

    for (const [what, resources] of [
      ['nothing', whole],
      ['a good table', replaced('table', routeTable('table', 'b'))],
      ['a reference to nothing', replaced('table', routeTable('table', 'x'))],
      ['another name inside', replaced('table', { ...routeTable('other', 'a'), name: 'table' })],
      ['what others refer to', without('Cluster', 'b')],
      ['one more of the same name', [...whole, cluster('a')]],
      ['a name that stands twice, in another place', replaced('weighted', tcpListener('tcp', 'b'))],
    ] as const) {
      it(`finds what it finds alone: ${what}`, () => {
        findInconsistencies(whole);
        assert.deepEqual(after(resources), sentences([...resources]));
      });
    }

    it('looks only at what is new', () => {
      const bad = replaced('table', routeTable('table', 'x'));
      findInconsistencies(bad);
      const next = bad.map(each => (each.name === 'tcp' ? tcpListener('tcp', 'y') : each));
      const found = findInconsistencies(next, bad).map(sentence);
      assert.deepEqual(found, ['Listener "tcp" refers to Cluster "y", which does not exist']);
    });
  });
});

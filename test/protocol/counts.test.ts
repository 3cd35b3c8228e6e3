import assert from 'node:assert/strict';
import { describe, type TestContext, test } from 'node:test';
import { shareStructure } from '../../src/base/memo.ts';
import { resource, SnapshotBoard } from '../../src/index.ts';
import { compile } from '../../src/ir/compile.ts';
import type { PolicyInput } from '../../src/policy/kinds.ts';
import { noOperationalState, type OperationalState } from '../../src/policy/operational-state.ts';
import { parse } from '../../src/policy/parse.ts';
import { buildSnapshot } from '../../src/snapshot/build.ts';
import type { EncodedResource, Snapshot, TypeSnapshot } from '../../src/snapshot/snapshot.ts';
import { translate } from '../../src/translate/translate.ts';
import type { FrameCounts } from '../../src/xds/frame.ts';
import { until } from '../support/until.ts';
import { XdsClient } from '../support/xds-client.ts';
import { publication, snapshot, testNode, urls } from '../support/xds-fixtures.ts';
import { serveXds } from '../support/xds-server.ts';

/**
 * What a change costs in things that can be counted exactly: messages made, resources encoded, sets and snapshots
 * built, frames and bytes built for the fan-out. Times are measured in `bench` and asserted nowhere.
 */

const services = 200;

interface Facts {
  readonly weight?: number;
  readonly timeout?: number;
  readonly connectTimeout?: number;
}

/** Two fleets of one gateway each, which share every service. */
function policyOf({ weight = 1, timeout = 3, connectTimeout = 250 }: Facts): readonly PolicyInput[] {
  const each = <T>(make: (index: number) => T) =>
    Object.fromEntries(Array.from({ length: services }, (_, index) => [`s${index}`, make(index)]));
  const listener = (port: number) => ({ listeners: [{ port, protocol: 'http' as const }] });
  return [
    {
      services: each(index => ({
        endpoints: [0, 1, 2].map(at => ({
          address: `10.${at}.${index >> 8}.${index & 255}:80`,
          weight: index === 7 && at === 0 ? weight : 1,
        })),
        connectTimeout: index === 7 ? `${connectTimeout}ms` : '250ms',
      })),
    },
    {
      routes: each(index => ({
        gateways: ['one', 'two'],
        hosts: [`host-${index}.test`],
        rules: [{ name: 'all', to: [{ service: `s${index}` }], timeout: index === 7 ? `${timeout}s` : '3s' }],
      })),
      gateways: { one: listener(8001), two: listener(8002) },
      fleets: {
        one: { match: { cluster: 'one' }, gateways: ['one'] },
        two: { match: { cluster: 'two' }, gateways: ['two'] },
      },
    },
  ];
}

interface Made {
  readonly policy: Parameters<typeof compile>[0]['policy'];
  readonly fleets: ReturnType<typeof compile>['fleets'];
  readonly messages: ReadonlySet<object>;
  readonly snapshots: readonly Snapshot[];
}

/** The stages of a save, as the server runs them one after the other. */
function save(facts: Facts, before?: Made, state: OperationalState = noOperationalState): Made {
  const documents = policyOf(facts).map((part, index) => ({
    file: `${index}.json`,
    format: 'json' as const,
    text: JSON.stringify(part),
  }));
  const { policy: fresh, problems } = parse(documents);
  assert.ok(fresh, JSON.stringify(problems));
  const policy = shareStructure(before?.policy, fresh);
  const { fleets } = compile({ policy, state, resolved: new Map() });
  const translated = fleets.map(fleet => translate(fleet));
  return {
    policy,
    fleets,
    messages: new Set(translated.flat().map(each => each.message)),
    snapshots: fleets.map((fleet, at) => buildSnapshot(fleet.key, translated[at]!, before?.snapshots[at])),
  };
}

function newIn<T>(after: Iterable<T>, before: Iterable<T>): number {
  const known = new Set(before);
  return [...new Set(after)].filter(each => !known.has(each)).length;
}

/** How many objects are new, by identity: each was made once more. */
function made(before: Made, after: Made): Readonly<Record<string, number>> {
  const fresh = <T>(of: (each: Made) => Iterable<T>): number => newIn(of(after), of(before));
  const sets = ({ snapshots }: Made): TypeSnapshot[] => snapshots.flatMap(({ types }) => [...types.values()]);
  const all = (each: Made): EncodedResource[] => sets(each).flatMap(set => [...set.resources.values()]);
  return {
    specs: fresh(({ policy }) => [...Object.values(policy.services), ...Object.values(policy.routes)]),
    clusters: fresh(({ fleets }) => fleets.flatMap(each => each.clusters)),
    hosts: fresh(({ fleets }) => fleets.flatMap(each => each.routeTables.flatMap(table => table.virtualHosts))),
    messages: fresh(each => each.messages),
    resources: fresh(all),
    sets: fresh(sets),
    snapshots: fresh(each => each.snapshots),
  };
}

describe('a save makes anew what it changes, and nothing else', () => {
  const first = save({});
  const cases: readonly (readonly [what: string, facts: Facts, counts: Readonly<Record<string, number>>])[] = [
    ['nothing', {}, { specs: 0, clusters: 0, hosts: 0, messages: 0, resources: 0, sets: 0, snapshots: 0 }],
    // Fleets share messages and their bytes; each has a set and a snapshot of its own. A service is both a cluster and its
    // endpoints: the messages of both are made, and that which comes out equal is dropped.
    [
      'an endpoint',
      { weight: 2 },
      { specs: 1, clusters: 1, hosts: 0, messages: 2, resources: 1, sets: 2, snapshots: 2 },
    ],
    [
      'a service',
      { connectTimeout: 300 },
      { specs: 1, clusters: 1, hosts: 0, messages: 2, resources: 1, sets: 2, snapshots: 2 },
    ],
    // Each gateway has routes of its own.
    ['a route', { timeout: 4 }, { specs: 1, clusters: 0, hosts: 1, messages: 2, resources: 2, sets: 2, snapshots: 2 }],
  ];
  for (const [what, facts, counts] of cases) {
    test(`${what} of ${services} services and routes, in two fleets`, () => {
      assert.deepEqual(made(first, save(facts, first)), counts);
    });
  }
});

test('the library encodes what is put, and finds out that it was there', () => {
  const cluster = (name: string, timeout = '1s') =>
    resource('envoy.config.cluster.v3.Cluster', { name, connect_timeout: timeout });
  const all = (changed = '1s') =>
    Array.from({ length: 100 }, (_, index) => cluster(`c${index}`, index === 7 ? changed : '1s'));
  const board = new SnapshotBoard(() => 'all');
  let publications = 0;
  board.publications.subscribe(() => publications++);
  const objects = (snapshot: Snapshot) => snapshot.types.get(urls.CDS)!.resources.values();
  const first = board.set('all', all());
  assert.equal(publications, 1);
  assert.equal(board.set('all', all()), first, 'equal content is the snapshot that there was');
  assert.equal(board.put('all', cluster('c7')), first);
  assert.equal(publications, 1, 'of which nobody is told');
  const put = board.put('all', cluster('c7', '2s'));
  assert.equal(newIn(objects(put), objects(first)), 1);
  const set = board.set('all', all('3s'));
  assert.equal(newIn(objects(set), objects(put)), 1, 'also when all is set anew');
  assert.equal(publications, 3);
});

const names = Array.from({ length: 20 }, (_, index) => `c${index}`);

function contents(changed = '1') {
  const each = Object.fromEntries(names.map(name => [name, name === 'c7' ? changed : '1']));
  return { CDS: Object.fromEntries(names.map(name => [name, '1'])), EDS: each };
}

function ask(client: XdsClient, variant: 'sotw' | 'delta', typeUrl: string, asked: readonly string[] = []): void {
  if (variant === 'sotw') client.sotw({ typeUrl, names: asked, node: testNode.id });
  else client.delta({ typeUrl, subscribe: asked, node: testNode.id });
}

interface Cost {
  /** For all that they ask for, for one change, and for their acknowledgements of it. */
  readonly frames: readonly FrameCounts[];
  /** Of clients, found for the change and for the acknowledgements. */
  readonly steps: number;
  /** Of what clients hold, for the same. */
  readonly folds: number;
}

/** What so many streams cost. */
async function costOf(t: TestContext, variant: 'sotw' | 'delta', streams: number): Promise<Cost> {
  const xds = await serveXds(t);
  xds.publish(contents());
  const clients = Array.from({ length: streams }, () => new XdsClient(xds.port, variant));
  t.after(() => {
    for (const client of clients) client.end();
  });
  const settled = (): Promise<unknown> =>
    until('everything is acknowledged', () =>
      xds.fleet.proxies().every(each => [...each.types.values()].every(type => type.state === 'synced')),
    );
  for (const client of clients) {
    ask(client, variant, urls.CDS);
    client.ack(await client.response(1));
    ask(client, variant, urls.EDS, names);
    client.ack(await client.response(2), names);
  }
  await settled();
  const connected = [xds.service.frames.counts, xds.service.steps, xds.fleet.folds] as const;

  xds.publish(contents('2'));
  for (const client of clients) {
    const response = await client.response(3);
    assert.deepEqual(
      response.resources.map(each => each.name),
      ['c7'],
    );
    client.ack(response, names);
  }
  const changed = xds.service.frames.counts;
  await settled();
  const steps = xds.service.steps - connected[1];
  const folds = xds.fleet.folds - connected[2];

  // What is asked for after them is answered after they have been read.
  for (const client of clients) ask(client, variant, urls.LDS);
  for (const client of clients) await client.response(4);
  return { frames: [connected[0], changed, xds.service.frames.counts], steps, folds };
}

for (const variant of ['sotw', 'delta'] as const) {
  test(`fifty streams cost the frames, bytes, steps and folds that one costs (${variant})`, async t => {
    const one = await costOf(t, variant, 1);
    assert.deepEqual(
      one.frames.map(each => each.frames),
      [2, 3, 4],
      'a frame for each type, for the change, and for the listeners that there are not',
    );
    assert.equal(one.steps, 2, 'a step for the change, and one for its acknowledgement');
    assert.equal(one.folds, 2, 'what is known of it changes as often');
    assert.deepEqual(await costOf(t, variant, 50), one);
  });
}

for (const variant of ['sotw', 'delta'] as const) {
  test(`who asks for other names takes no step for a change, and is known to hold it (${variant})`, async t => {
    const xds = await serveXds(t);
    let last = snapshot('fleet', contents());
    xds.board.publish(publication(last));
    const clients = [0, 4, 8, 12].map(from => ({
      client: new XdsClient(xds.port, variant),
      own: names.slice(from, from + 4),
    }));
    t.after(() => {
      for (const { client } of clients) client.end();
    });
    const held = () =>
      until('all hold what is published', () =>
        xds.fleet.proxies().every(({ types }) => types.get(urls.EDS)?.acked === last.types.get(urls.EDS)?.version),
      );
    for (const { client, own } of clients) {
      ask(client, variant, urls.EDS, own);
      client.ack(await client.response(1), own);
    }
    await held();
    for (const version of ['2', '3']) {
      const before = xds.service.steps;
      last = snapshot('fleet', contents(version), last);
      xds.board.publish(publication(last));
      const [, concerned] = clients;
      if (concerned) concerned.client.ack(await concerned.client.response(Number(version)), concerned.own);
      await held();
      assert.equal(xds.service.steps - before, 2, 'a push and its acknowledgement');
    }
  });
}

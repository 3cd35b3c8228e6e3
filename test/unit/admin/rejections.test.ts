import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Rejected } from '../../../src/xds/events.ts';
import { AdminWorld, now, policyText, shift, typeUrls } from './admin-world.ts';

const edge = { kind: 'assigned', key: 'edge' } as const;
const weights = '/api/v1/routes/shop/rules/everyone/weights';
const shifted = { 'catalog@v1': 90, 'catalog@v2': 10 };
const table = 'gateway/public';

/** What cluster `catalog@v1` is made of. */
const line = policyText.split('\n').findIndex(text => text.includes('versions:')) + 1;
const catalog = { path: 'services.catalog.versions.v1', file: 'switchyard.yaml', line, column: 17 };
const catalogAt = `switchyard.yaml:${line}:17`;

/** A world with a policy in force and one proxy of its fleet, from which something is withheld. */
function withheld(rejects: (world: AdminWorld) => readonly Rejected[], suspects: readonly Rejected[] = []): AdminWorld {
  const world = new AdminWorld();
  world.accept();
  world.connect(1, 'edge-1', edge);
  world.exchange(1, 'Cluster', 'acked');
  world.apply({ kind: 'withheld', clientId: 1, rejects: rejects(world), suspects });
  return world;
}

async function only(world: AdminWorld) {
  const { proxies } = (await world.call('GET', '/api/v1/proxies')).json;
  assert.equal(proxies.length, 1);
  return proxies[0];
}

describe('GET /api/v1/proxies: a proxy that rejects something', () => {
  it('is rejected, and says what, where it stands, and that it has everything else', async () => {
    const world = withheld(made => [made.reject('Cluster', 'catalog@v1', 'no such filter')]);
    const row = await only(world);
    assert.equal(row.state, 'rejected');
    assert.equal(row.why, `it rejected CDS catalog@v1 at ${catalogAt}, and has everything else: no such filter`);
    const { version } = world.content('Cluster', 'catalog@v1');
    const at = new Date(now).toISOString();
    assert.deepEqual(row.rejects, [
      { type: 'CDS', name: 'catalog@v1', version, message: 'no such filter', at, ...catalog },
    ]);
    assert.deepEqual([row.rejectCount, row.suspects, row.suspectCount], [1, [], 0]);
    assert.equal(row.types.CDS.state, 'rejected');
    assert.equal(row.types.CDS.withheld, 1);
    assert.equal(row.types.CDS.acked, row.types.CDS.sent, 'the rest is there');
  });

  it('says that the rest is on its way, or that nobody knows', async () => {
    const pending = withheld(made => [made.reject('Cluster', 'catalog@v1', 'no')]);
    pending.exchange(1, 'RouteConfiguration', 'sent');
    assert.match((await only(pending)).why, /, and everything else is on its way: no$/);
    const unknown = withheld(made => [made.reject('Cluster', 'catalog@v1', 'no', 'unknown')]);
    assert.match((await only(unknown)).why, /, and partial application is unknown: no$/);
    const whole = withheld(made => [made.reject('Cluster', 'catalog@v1', 'no')]);
    whole.exchange(1, 'RouteConfiguration', 'nacked');
    assert.match((await only(whole)).why, /, and partial application is unknown: no$/);
  });

  it('does not say that it has what it only waits for', async () => {
    const world = withheld(made => [made.reject('Cluster', 'catalog@v1', 'no')]);
    world.exchange(1, 'RouteConfiguration', 'acked');
    assert.match((await only(world)).why, /, and has everything else: no$/);
    const { snapshots, assign } = world.board.current!;
    const edges = snapshots.get('edge')!;
    const routes = edges.types.get(typeUrls.RouteConfiguration)!;
    const types = new Map(edges.types).set(typeUrls.RouteConfiguration, { ...routes, version: 'newer' });
    world.board.publish({ snapshots: new Map([...snapshots, ['edge', { ...edges, types }]]), assign });
    assert.match((await only(world)).why, /, and everything else is on its way: no$/);
  });

  it('names what is under suspicion, and does not call it rejected', async () => {
    const world = new AdminWorld();
    world.accept();
    world.connect(1, 'edge-1', edge);
    world.exchange(1, 'Cluster', 'acked');
    const suspects = ['catalog@v1', 'catalog@v2'].map(name => world.reject('Cluster', name, 'bad'));
    world.apply({ kind: 'withheld', clientId: 1, rejects: [], suspects });
    const row = await only(world);
    assert.equal(
      row.why,
      'it rejected something, perhaps CDS catalog@v1; what, is being found out, and partial application is unknown: bad',
    );
    assert.deepEqual(row.rejects, []);
    assert.deepEqual(row.suspects, [
      { type: 'CDS', name: 'catalog@v1' },
      { type: 'CDS', name: 'catalog@v2' },
    ]);
    assert.deepEqual([row.state, row.suspectCount, row.types.CDS.withheld], ['rejected', 2, 2]);
  });

  it('lists twenty and counts the others', async () => {
    const many = (name: string) => (made: AdminWorld) =>
      Array.from({ length: 1000 }, (_, at) => ({
        ...made.reject('Cluster', 'catalog@v1', 'no'),
        name: `${name}${at}`,
      }));
    const world = withheld(many('r'));
    world.apply({ kind: 'withheld', clientId: 1, rejects: many('r')(world), suspects: many('s')(world) });
    const row = await only(world);
    assert.deepEqual([row.rejects.length, row.rejectCount], [20, 1000]);
    assert.deepEqual([row.suspects.length, row.suspectCount], [20, 1000]);
    assert.match(row.why, /^it rejected CDS r0 and 999 more, what else it rejects is being found out, /);
    assert.equal(row.rejects[0].path, undefined, 'a name that the fleet does not have');
  });

  it('looks a place up once, however many proxies reject the same, and never for metrics', async () => {
    const world = withheld(made => [made.reject('Cluster', 'catalog@v1', 'no')]);
    for (let client = 2; client <= 50; client++) {
      world.connect(client, `edge-${client}`, edge);
      const rejects = [world.reject('Cluster', 'catalog@v1', 'no')];
      world.apply({ kind: 'withheld', clientId: client, rejects, suspects: [] });
    }
    await world.call('GET', '/api/v1/proxies');
    assert.equal(world.control.lookups, 1);
    await world.call('GET', '/metrics');
    assert.equal(world.control.lookups, 1);
  });
});

describe('POST /api/v1/proxies/{id}/retry', () => {
  it('sends once more what is withheld', async () => {
    const world = withheld(made => [made.reject('Cluster', 'catalog@v1', 'no')]);
    const { status, json } = await world.call('POST', '/api/v1/proxies/edge-1/retry');
    assert.deepEqual([status, json], [202, { id: 'edge-1', resources: 1 }]);
    assert.deepEqual(world.retried, ['edge-1']);
  });

  it('takes a percent-encoded id, and says when there is nothing to send', async () => {
    const world = new AdminWorld();
    world.connect(1, 'site/edge-1', edge);
    const { status, json } = await world.call('POST', '/api/v1/proxies/site%2Fedge-1/retry');
    assert.deepEqual([status, json], [202, { id: 'site/edge-1', resources: 0 }]);
  });

  it('404 with the nearest id', async () => {
    const world = new AdminWorld();
    const nobody = await world.call('POST', '/api/v1/proxies/egde-1/retry');
    assert.deepEqual([nobody.status, nobody.json.hint], [404, 'GET /api/v1/proxies lists those that are']);
    world.connect(1, 'edge-1', edge);
    const answer = await world.call('POST', '/api/v1/proxies/egde-1/retry');
    assert.equal(answer.status, 404);
    assert.equal(answer.json.detail, 'No proxy "egde-1" is connected.');
    assert.equal(answer.json.hint, 'did you mean "edge-1"?');
  });
});

describe('quarantines', () => {
  it('are shown with place, words, what is sent instead, and the revision in force', async () => {
    const world = new AdminWorld();
    world.accept();
    const left = world.quarantine('Cluster', 'catalog@v1');
    const kept = [{ typeUrl: typeUrls.RouteConfiguration, name: table, value: '' }];
    const replaced = world.quarantine('RouteConfiguration', table, { lastGood: kept, message: 'bad route' });
    world.accept([], [left, replaced]);
    const { status, json } = await world.call('GET', '/api/v1/quarantines');
    assert.equal(status, 200);
    assert.deepEqual(json.quarantines[0], {
      fleet: 'edge',
      type: 'CDS',
      name: 'catalog@v1',
      version: left.version,
      since: '2026-03-01T12:00:00.000Z',
      message: 'no such thing',
      proxies: ['edge-1', 'edge-2'],
      ...catalog,
      instead: 'left out',
      author: 'bob',
      revision: 7,
    });
    const { type, name, instead, message } = json.quarantines[1];
    assert.deepEqual([type, name, instead, message], ['RDS', table, 'last good', 'bad route']);
    const policy = (await world.call('GET', '/api/v1/policy')).json;
    assert.deepEqual(policy.quarantines, json.quarantines);
    assert.deepEqual(
      policy.warnings.map((each: { code: string; line: number }) => [each.code, each.line]),
      json.quarantines.map((each: { line: number }) => ['proxy.quarantined', each.line]),
    );
  });

  it('are none before the first policy', async () => {
    assert.deepEqual((await new AdminWorld().call('GET', '/api/v1/quarantines')).json, { quarantines: [] });
  });

  it('DELETE releases one, by its percent-encoded name', async () => {
    const world = new AdminWorld();
    const { snapshots } = world.accept();
    world.accept([], [world.quarantine('RouteConfiguration', table)]);
    world.control.quarantineAnswer = { kind: 'done', effect: { concerned: snapshots, changed: true } };
    for (const type of ['RDS', 'rds']) {
      const url = `/api/v1/quarantines/edge/${type}/${encodeURIComponent(table)}`;
      const { status, json } = await world.call('DELETE', url);
      assert.deepEqual([status, json], [200, { changed: true, fleets: ['edge'] }]);
      const release = { fleet: 'edge', typeUrl: typeUrls.RouteConfiguration, name: table };
      assert.deepEqual(world.control.asked.pop(), ['changeQuarantine', { release }]);
    }
  });

  it('DELETE waits when asked, and says that nobody is there', async () => {
    const world = new AdminWorld();
    const { snapshots } = world.accept();
    world.accept([], [world.quarantine('Cluster', 'catalog@v1')]);
    world.control.quarantineAnswer = { kind: 'done', effect: { concerned: snapshots, changed: true } };
    const { status, json } = await world.call('DELETE', '/api/v1/quarantines/edge/CDS/catalog@v1?wait=acked');
    assert.equal(status, 202);
    assert.match(json.acknowledged.summary, /no proxy of edge is connected/);
    const nonsense = await world.call('DELETE', '/api/v1/quarantines/edge/CDS/catalog@v1?wait=yes');
    assert.equal(nonsense.status, 400);
    assert.equal(world.control.asked.length, 1, 'nothing was done');
  });

  it('DELETE 404 says what there is, and what was meant', async () => {
    const world = new AdminWorld();
    world.accept();
    const release = (path: string) => world.call('DELETE', `/api/v1/quarantines/${path}`);
    const none = await release('edge/CDS/catalog@v1');
    assert.deepEqual([none.status, none.json.hint], [404, 'nothing is']);
    assert.equal(none.json.detail, 'CDS "catalog@v1" of fleet "edge" is not in quarantine.');
    world.accept([], [world.quarantine('Cluster', 'catalog@v1')]);
    assert.equal((await release('edge/CDS/catlog@v1')).json.hint, 'did you mean "edge CDS catalog@v1"?');
    assert.equal((await release('other/RDS/x')).json.hint, 'in quarantine: edge CDS catalog@v1');
    assert.deepEqual(world.control.asked, []);
    const raced = await release('edge/CDS/catalog@v1');
    assert.deepEqual([raced.status, raced.json.detail], [404, 'The test has set no answer.']);
  });
});

describe('?wait=acked, when something is rejected', () => {
  function world(): AdminWorld {
    const made = new AdminWorld();
    made.accept();
    made.control.answer = made.done({ override: shift, effect: 'active' });
    made.connect(1, 'edge-1', edge);
    return made;
  }

  it('202 with who rejected what, and where that stands', async () => {
    const made = world();
    made.exchange(1, 'Cluster', 'sent');
    const rejects = [made.reject('Cluster', 'catalog@v1', 'no such filter')];
    made.apply({ kind: 'withheld', clientId: 1, rejects, suspects: [] });
    const answer = await made.call('PUT', `${weights}?wait=acked&timeout=60s`, { body: shifted });
    assert.equal(answer.status, 202);
    const { complete, missing, quarantined } = answer.json.acknowledged;
    assert.deepEqual([complete, quarantined], [false, []]);
    const [{ id, why, rejected }] = missing;
    assert.equal(id, 'edge-1');
    assert.equal(why, `it rejected CDS catalog@v1 at ${catalogAt}: no such filter`);
    assert.deepEqual([rejected.type, rejected.name, rejected.line], ['CDS', 'catalog@v1', catalog.line]);
  });

  it('202 when something of it was quarantined meanwhile, though all have acknowledged', async () => {
    const made = world();
    made.exchange(1, 'Cluster', 'sent');
    const answer = made.call('PUT', `${weights}?wait=acked&timeout=60s`, { body: shifted });
    while (made.control.asked.length === 0) await new Promise(setImmediate);
    made.accept([shift], [made.quarantine('Cluster', 'catalog@v1')]);
    made.exchange(1, 'Cluster', 'acked');
    const { status, json } = await answer;
    assert.equal(status, 202);
    const { complete, concerned, acked, missing, quarantined, summary } = json.acknowledged;
    assert.deepEqual([complete, concerned, acked, missing], [false, 1, 1, []]);
    assert.deepEqual(
      quarantined.map((each: Record<string, unknown>) => [each['fleet'], each['type'], each['name'], each['line']]),
      [['edge', 'CDS', 'catalog@v1', catalog.line]],
    );
    assert.equal(
      summary,
      '1 of 1 connected proxies have acknowledged; proxies rejected this, and it is in quarantine: CDS catalog@v1',
    );
  });

  it('200 with quarantines from before: the write does not bring what is in them', async () => {
    const made = world();
    made.accept([], [made.quarantine('Cluster', 'catalog@v1')]);
    made.control.answer = made.done({ override: shift, effect: 'active' });
    made.exchange(1, 'Cluster', 'acked');
    const { status, json } = await made.call('PUT', `${weights}?wait=acked`, { body: shifted });
    assert.deepEqual([status, json.acknowledged.quarantined], [200, []]);
  });
});

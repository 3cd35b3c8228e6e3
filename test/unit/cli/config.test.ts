import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { shift } from '../admin/admin-world.ts';
import { AdminHere, edge } from './admin-here.ts';

const here = new AdminHere();
const table = 'gateway/public';

/** An Envoy that holds what was in force before a shift of weights. */
function behind(): void {
  here.world.accept();
  here.world.connect(1, 'site/edge-1', edge);
  for (const type of ['Cluster', 'RouteConfiguration'] as const) here.world.exchange(1, type, 'acked');
  here.world.accept([shift]);
}

describe('switchyard config', () => {
  it('says why a proxy is of its fleet, and how far it has got with each resource', async () => {
    here.world.accept();
    here.world.connect(1, 'site/edge-1', edge);
    for (const type of ['Cluster', 'RouteConfiguration'] as const) here.world.exchange(1, type, 'acked');
    const { code, out, err } = await here.run('config', 'site/edge-1');
    assert.deepEqual([code, err], [0, '']);
    assert.match(
      out,
      /^site\/edge-1: synced, delta, Envoy 1\.40\.0\nfleet edge at switchyard\.yaml:21:11, since its cluster is "edge"\n\nKIND /,
    );
    assert.match(out, /\nroutes +gateway\/public +held\n/);
    assert.match(out, /\nclusters +catalog@v1 +held\n/);
    const routes = await here.run('pc', 'site/edge-1', 'routes');
    assert.doesNotMatch(routes.out, /clusters/);
    assert.match((await here.run('config', 'site/edge-1', 'secrets')).out, /\n\nnothing of secrets\n$/);
    const names = await here.run('config', 'site/edge-1', 'clusters', '-o', 'name');
    assert.equal(names.out, 'catalog@v1\ncatalog@v2\n');
  });

  it("prints it in Envoy's own form", async () => {
    behind();
    const all = JSON.parse((await here.run('config', 'site/edge-1', '-o', 'json')).out);
    assert.deepEqual(Object.keys(all).sort(), ['clusters', 'endpoints', 'listeners', 'routes', 'secrets']);
    const { json } = await here.world.call('GET', '/api/v1/fleets/edge/snapshot');
    assert.deepEqual({ ...all, secrets: undefined }, { ...json.resources, secrets: undefined });
    const routes = parse((await here.run('config', 'site/edge-1', 'routes', '-o', 'yaml')).out);
    assert.deepEqual(routes, all.routes);
    const held = JSON.parse((await here.run('config', 'site/edge-1', 'routes', '--acked', '-o', 'json')).out);
    assert.notDeepEqual(held, all.routes, 'it holds the weights of before');
    assert.equal(held[0].name, table);
  });

  it('tells field by field what is still to come, and where it stands', async () => {
    behind();
    const { code, out } = await here.run('config', 'site/edge-1', '--diff');
    assert.equal(code, 2);
    assert.match(out, /\n~ RDS gateway\/public {2}at switchyard\.yaml:\d+:\d+\n {4}virtual_hosts.*weight: 95 → 90\n/);
    assert.doesNotMatch(out, /CDS/);
    assert.match(
      (await here.run('config', 'site/edge-1')).out,
      /\nroutes +gateway\/public +changes +switchyard\.yaml:/,
    );
    const json = JSON.parse((await here.run('config', 'site/edge-1', 'routes', '--diff', '-o', 'json')).out);
    assert.deepEqual(Object.keys(json), ['RDS']);
    assert.equal(json.RDS.changes[0].change, 'changed');
    here.world.exchange(1, 'RouteConfiguration', 'acked');
    const done = await here.run('config', 'site/edge-1', '--diff');
    assert.deepEqual([done.code, done.out.split('\n').at(-2)], [0, 'it holds all that is intended']);
  });

  it('shows what a proxy rejected, in its words, at its line', async () => {
    here.world.accept();
    here.world.connect(1, 'edge-1', edge);
    here.world.exchange(1, 'Cluster', 'acked');
    const rejects = [here.world.reject('Cluster', 'catalog@v1', 'no \u001b[2Jsuch\nthing')];
    here.world.apply({ kind: 'withheld', clientId: 1, rejects, suspects: [] });
    const { code, out } = await here.run('config', 'edge-1');
    assert.equal(code, 2);
    assert.match(out, /\nclusters +catalog@v1 +rejected +switchyard\.yaml:7:17\n/);
    assert.match(out, /\nrejected CDS catalog@v1 at switchyard\.yaml:7:17: no \\u001b\[2Jsuch thing\n$/);
  });

  it('says when what it holds is not known, and who was meant', async () => {
    here.world.accept();
    here.world.connect(1, 'edge-1', edge);
    here.world.apply({
      kind: 'current',
      clientId: 1,
      typeUrl: 'type.googleapis.com/envoy.config.cluster.v3.Cluster',
      version: 'of long ago',
    });
    assert.match((await here.run('config', 'edge-1', '--diff')).out, /\nCDS: what it holds was sent too long ago/);
    const nobody = await here.run('config', 'egde-1');
    assert.deepEqual(nobody, {
      code: 1,
      out: '',
      err: 'error: Not found: No proxy "egde-1" is connected.\nhint: did you mean "edge-1"?\n',
    });
    here.world.connect(2, 'lost', { kind: 'unmatched', nearest: 'edge', why: 'no' });
    assert.match((await here.run('config', 'lost')).err, /is given no fleet.*\nhint: "switchyard status" says why\n$/);
  });
});

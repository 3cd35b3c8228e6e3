import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { typeUrls } from '../admin/admin-world.ts';
import { AdminHere, edge } from './admin-here.ts';

const here = new AdminHere();

describe('switchyard retry', () => {
  it('sends a proxy once more what it rejected', async () => {
    here.world.accept();
    here.world.connect(1, 'site/edge-1', edge);
    const nothing = await here.run('retry', 'site/edge-1');
    assert.deepEqual(nothing, {
      code: 0,
      out: 'nothing is withheld from site/edge-1: there is nothing to send once more\n',
      err: '',
    });
    here.world.apply({
      kind: 'withheld',
      clientId: 1,
      rejects: [here.world.reject('Cluster', 'catalog@v1', 'no')],
      suspects: [],
    });
    const { code, out } = await here.run('retry', 'site/edge-1');
    assert.equal(code, 0);
    assert.match(out, /^sent to site\/edge-1 once more: 1 resource; /);
    assert.deepEqual(here.world.retried, ['site/edge-1', 'site/edge-1']);
    assert.deepEqual(JSON.parse((await here.run('retry', 'site/edge-1', '-o', 'json')).out), {
      id: 'site/edge-1',
      resources: 1,
    });
  });

  it('says who was meant', async () => {
    here.world.connect(1, 'edge-1', edge);
    const nobody = await here.run('retry', 'nobody');
    assert.equal(
      nobody.err,
      'error: Not found: No proxy "nobody" is connected.\nhint: "switchyard status" lists those that are\n',
    );
    assert.deepEqual(await here.run('retry', 'egde-1'), {
      code: 1,
      out: '',
      err: 'error: Not found: No proxy "egde-1" is connected.\nhint: did you mean "edge-1"?\n',
    });
  });
});

describe('switchyard quarantine', () => {
  const table = 'gateway/public';

  it('lists what is in quarantine', async () => {
    assert.deepEqual(await here.run('quarantine', 'list'), { code: 0, out: 'nothing is in quarantine\n', err: '' });
    here.world.accept();
    const quarantine = here.world.quarantine('RouteConfiguration', table, { message: 'bad\u001b[2J\nroute' });
    here.world.accept([], [quarantine]);
    const { code, out } = await here.run('quarantine', 'list');
    assert.equal(code, 0);
    assert.match(
      out,
      /^FLEET {2}TYPE {2}NAME {12}SINCE .*\nedge {3}RDS {3}gateway\/public {2}\d+d ago +left out {2}switch/,
    );
    assert.match(
      out,
      /: bad\\u001b\[2J route\n {4}mend it .*: switchyard quarantine release edge RDS gateway\/public\n$/,
    );
    const json = JSON.parse((await here.run('quarantine', 'list', '-o', 'json')).out);
    assert.equal(json.quarantines[0].message, 'bad\u001b[2J\nroute');
  });

  it('releases one, and waits when asked', async () => {
    const { snapshots } = here.world.accept();
    here.world.accept([], [here.world.quarantine('RouteConfiguration', table)]);
    here.world.control.quarantineAnswer = { kind: 'done', effect: { concerned: snapshots, changed: true } };
    const release = ['quarantine', 'release', 'edge', 'RDS', table];
    assert.deepEqual(await here.run(...release), {
      code: 0,
      out: `RDS ${table} is sent to fleet edge again\nchanged what these hold: edge\n`,
      err: '',
    });
    const asked = { fleet: 'edge', typeUrl: typeUrls.RouteConfiguration, name: table };
    assert.deepEqual(here.world.control.asked, [['changeQuarantine', { release: asked }]]);
    const waited = await here.run(...release, '--wait');
    assert.equal(waited.code, 2);
    assert.match(waited.out, /\n0 of 0 connected proxies have acknowledged: no proxy of edge is connected\n/);
    here.world.connect(1, 'edge-1', edge);
    here.world.exchange(1, 'RouteConfiguration', 'acked');
    const again = await here.run(...release, '--wait', '--timeout', '1s');
    assert.equal(again.code, 2, 'it is in quarantine still, or again');
    assert.match(
      again.out,
      /\n {2}quarantined: RDS gateway\/public at switchyard\.yaml:\d+:\d+ of fleet edge: no such thing\n$/,
    );
  });

  it('says what there is', async () => {
    here.world.accept();
    here.world.accept([], [here.world.quarantine('Cluster', 'catalog@v1')]);
    const { code, err } = await here.run('quarantine', 'release', 'edge', 'CDS', 'catalog@v2');
    assert.equal(code, 1);
    assert.match(
      err,
      /^error: Not found: CDS "catalog@v2" .* is not in quarantine\.\nhint: did you mean "edge CDS catalog@v1"\?\n$/,
    );
  });
});

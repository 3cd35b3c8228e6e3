import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { stripVTControlCharacters } from 'node:util';
import { type ProxyReply, type ProxyState, worstFirst } from '../../../src/admin/api.ts';
import { problem } from '../../../src/base/problem.ts';
import { until } from '../../support/until.ts';
import { type AdminWorld, drain, now, shift } from '../admin/admin-world.ts';
import { crowdOf, many } from '../admin/crowd.ts';
import { AdminHere } from './admin-here.ts';
import { runHere } from './here.ts';

const here = new AdminHere();

const onScreen = (rows: number, columns: number) => ({
  adminTarget: here.target,
  screen: () => ({ rows, columns }),
});

/** Rows of a terminal that a text takes. */
function heightOf(text: string, columns: number): number {
  const lines = stripVTControlCharacters(text).replace(/\n$/, '').split('\n');
  return lines.reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / columns)), 0);
}

/** Whatever may be amiss, and much of it. */
function everythingAmiss(world: AdminWorld): void {
  const overrides = Array.from({ length: 300 }, (_, at) => ({ ...drain, by: `operator ${at}` }));
  const quarantine = world.quarantine('Cluster', 'catalog@v1', { message: 'y'.repeat(5000) });
  const accepted = world.accept([shift, ...overrides], [quarantine]);
  const mistake = problem('route.service_not_found', ['routes', 'shop'], 'there is no service "x"', 'mend it');
  const warnings = Array.from({ length: 200 }, () => ({ ...mistake, severity: 'warning' as const }));
  world.control.accepted = {
    ...accepted,
    warnings,
    fleets: Array.from({ length: 3000 }, (_, at) => ({
      ...(accepted.fleets[0] as (typeof accepted.fleets)[number]),
      key: at < 2000 ? `catalog/10.0.${at >> 8}.${at & 255}:1` : `fleet-${at}`,
    })),
    quarantines: Array.from({ length: 100 }, () => quarantine),
  };
  world.control.rejected = { at: now, source: 'file', problems: Array.from({ length: 100 }, () => mistake) };
  world.control.freezing.freeze({ by: 'ada', reason: 'errors in eu' });
}

describe('switchyard status of ten thousand proxies', () => {
  it('is a screen: the worst first, counted by fleet, and how many more there are', async () => {
    crowdOf(here.world);
    for (const [rows, columns] of [
      [24, 80],
      [40, 120],
      [60, 200],
    ] as const) {
      const { code, out } = await runHere(['status'], onScreen(rows, columns));
      assert.equal(code, 2);
      assert.ok(heightOf(out, columns) < rows, `${heightOf(out, columns)} of ${rows} rows:\n${out}`);
      assert.match(out, /\nFLEET +PROXIES +.*REJECTED/);
      assert.match(out, /\ncatalog +\d+ /);
      assert.match(out, /\nproxy-\d+-\d+ .* rejected /);
      const [, more] = /\nand (\d+) more: --limit/.exec(out) ?? [];
      const shown = out.match(/^proxy-\d+-\d+ {2}/gm)?.length ?? 0;
      assert.equal(shown + Number(more), many);
      assert.match(out, /it rejected CDS catalog@v1/);
    }
  });

  it('is a screen also when everything else is amiss', async () => {
    crowdOf(here.world);
    everythingAmiss(here.world);
    const [rows, columns] = [50, 120];
    const { out } = await runHere(['status'], onScreen(rows, columns));
    assert.ok(heightOf(out, columns) < rows, `${heightOf(out, columns)} of ${rows} rows:\n${out}`);
    for (const said of [
      /\nfleets: .* and \d+ more\n/,
      /\nfrozen at revision 7/,
      /\noverride .*\nand \d+ more overrides/,
      /\na save was refused/,
      /\n100 contents in quarantine/,
      /\nand \d+ more problems/,
      /\nFLEET +PROXIES/,
      /\nproxy-\d+-\d+ .* rejected /,
      /it rejected CDS catalog@v1/,
    ])
      assert.match(out, said);
  });

  it('has all of them for programs, each once, the worst first, while they come and go', async () => {
    const { ids } = crowdOf(here.world);
    const call = { count: 0 };
    const changing = setInterval(() => {
      call.count += 1;
      for (let client = call.count; client <= many; client += 501)
        here.world.exchange(client, 'Cluster', call.count % 2 === 0 ? 'acked' : 'nacked');
    }, 20);
    const { out } = await here.run('status', '-o', 'json').finally(() => clearInterval(changing));
    const proxies: readonly ProxyReply[] = JSON.parse(out).proxies;
    assert.ok(call.count > 0);
    assert.deepEqual(proxies.map(each => each.id).sort(), ids.toSorted());
    const ranks = proxies.map(each => worstFirst.indexOf(each.state as ProxyState));
    assert.deepEqual(
      ranks,
      ranks.toSorted((a, b) => a - b),
    );
    const one = await here.run('status', '-o', 'name', '--fleet', 'edge', '--sort', 'fleet', '--state', 'disconnected');
    assert.deepEqual(one.out.trim().split('\n'), one.out.trim().split('\n').toSorted());
  });

  it('is drawn again at the cost of one look at each, a screen and no texts of the policy', async () => {
    const { snapshots, world } = crowdOf(here.world);
    const end = new AbortController();
    const shown: string[] = [];
    const out = (text: string) => void shown.push(text);
    const options = { ...onScreen(30, 100), terminal: true, signal: end.signal, out };
    const watching = runHere(['status', '--watch'], options);
    await until('it is drawn', () => shown.length === 1);
    Object.defineProperty(world.control.accepted?.revision ?? {}, 'documents', {
      get: () => assert.fail('the texts of the policy are read'),
    });
    const [before, places] = [snapshots.lookups, world.control.lookups];
    await until('it is drawn again', () => shown.length === 2);
    end.abort();
    assert.equal((await watching).code, 0);
    assert.ok(snapshots.lookups - before <= 2 * (many + 30), `${snapshots.lookups - before} looks`);
    assert.ok(world.control.lookups - places <= 2 * 30 * 20, `${world.control.lookups - places} places`);
    for (const text of shown) {
      assert.ok(heightOf(text, 100) <= 30);
      assert.doesNotMatch(text, /more lines; make the window larger/);
    }
  });
});

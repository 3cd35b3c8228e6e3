import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { problem } from '../../../src/base/problem.ts';
import { until } from '../../support/until.ts';
import { drain, shift } from '../admin/admin-world.ts';
import { AdminHere, edge } from './admin-here.ts';
import { runHere } from './here.ts';

const here = new AdminHere();

describe('switchyard status', () => {
  it('shows who holds what, and is content when all is synced', async () => {
    here.world.accept();
    for (const stream of [1, 2]) {
      here.world.connect(stream, `edge-${stream}`, edge);
      here.world.exchange(stream, 'Cluster', 'acked');
    }
    const { code, out, err } = await here.run('status');
    assert.deepEqual([code, err], [0, '']);
    assert.match(out, /^revision 7, \d+d ago by bob: saved\nfleets: edge\n\n/);
    assert.equal(
      out
        .slice(out.indexOf('PROXY'))
        .replaceAll(/ \d+[sd] {2,}/g, ' 0s   ')
        .replace(/FOR +XDS/, 'FOR  XDS'),
      [
        'PROXY   FLEET  STATE   FOR  XDS    CDS     EDS  LDS  RDS  ENVOY',
        'edge-1  edge   synced  0s   delta  synced  -    -    -    1.40.0',
        'edge-2  edge   synced  0s   delta  synced  -    -    -    1.40.0',
        '',
      ].join('\n'),
    );
  });

  it('exits with 2 when something is not as it should be', async () => {
    const empty = await here.run('status');
    assert.equal(empty.code, 2);
    assert.equal(empty.out, 'no policy has been accepted yet: nothing is served\n\nno proxy is connected\n');
    here.world.accept();
    assert.equal((await here.run('status')).code, 2, 'nobody is connected');
    here.world.connect(1, 'edge-1', edge);
    here.world.exchange(1, 'Cluster', 'acked');
    assert.equal((await here.run('status')).code, 0);
    here.world.connect(2, 'edge-2', edge);
    here.world.exchange(2, 'RouteConfiguration', 'nacked');
    const rejected = await here.run('status');
    assert.equal(rejected.code, 2);
    assert.match(rejected.out, /\n\nedge-2: it rejected RDS, and partial application is unknown: no such filter\n$/);
    assert.equal((await here.run('status', '--state', 'synced')).code, 0, 'of those asked for, all are synced');
    assert.equal((await here.run('status', '--fleet', 'other')).code, 2);
  });

  it('lets no proxy write to the terminal what it likes', async () => {
    here.world.accept();
    const why = 'the cluster is "\u001b[2J\u009b31m\u202eegde\nedge-9  edge  synced"';
    here.world.connect(1, 'edge-1', { kind: 'unmatched', nearest: 'edge', why });
    const { out } = await here.run('status');
    assert.match(out, /\n\nedge-1: the cluster is "\\u001b\[2J\\u009b31m\\u202eegde edge-9 {2}edge {2}synced"\n$/);
    const [json, yaml] = [await here.run('status', '-o', 'json'), await here.run('status', '-o', 'yaml')];
    assert.ok(JSON.parse(json.out).proxies[0].why === why, 'programs get it as it is');
    assert.ok(parse(yaml.out).proxies[0].why === why, 'in YAML too');
    for (const text of [json.out, yaml.out]) assert.doesNotMatch(text, /[\p{Bidi_Control}\u009b]/u);
  });

  it('shows what is rejected, the worst first, once for all that reject the same, with what to do', async () => {
    here.world.accept();
    const long = `\u001b[31m${'x'.repeat(4000)}\nvalue must be greater than 0s`;
    for (const clientId of [1, 2, 3, 4, 5, 6, 7]) {
      here.world.connect(clientId, `edge-${clientId}`, edge);
      here.world.exchange(clientId, 'Cluster', clientId === 1 ? 'sent' : 'acked');
      if (clientId === 1) continue;
      const names = clientId === 2 ? ['catalog@v2'] : ['catalog@v1', 'catalog@v2'];
      const rejects = names.map(name => here.world.reject('Cluster', name, long));
      here.world.apply({ kind: 'withheld', clientId, rejects, suspects: [] });
    }
    const { code, out } = await here.run('status');
    assert.equal(code, 2);
    assert.doesNotMatch(out, /[^\P{Cc}\n]/u);
    const reasons = out.slice(out.indexOf('\n\n', out.indexOf('PROXY')) + 2).split('\n');
    assert.deepEqual(
      reasons.map(line => line.replace(/x+ … x+/, '…').slice(0, 150)),
      [
        'edge-3, edge-4, edge-5, edge-6, edge-7: it rejected CDS catalog@v1 at switchyard.yaml:7:17 and 1 more, and has everything else: \\u001b[31m… value must be greater than 0s'.slice(
          0,
          150,
        ),
        '    CDS catalog@v2 at switchyard.yaml:7:50: \\u001b[31m… value must be greater than 0s',
        '    mend it and save; or send it once more: switchyard retry edge-3',
        'edge-2: it rejected CDS catalog@v2 at switchyard.yaml:7:50, and has everything else: \\u001b[31m… value must be greater than 0s',
        '    mend it and save; or send it once more: switchyard retry edge-2',
        'edge-1: it has not acknowledged CDS yet',
        '',
      ],
    );
    for (const line of reasons) assert.ok(line.length < 360, line);
    const { proxies } = JSON.parse((await here.run('status', '-o', 'json')).out);
    assert.equal(proxies[1].rejects[0].message, long, 'programs get it as it is');
  });

  it('shows what is in quarantine once, and how to end it', async () => {
    here.world.accept();
    const quarantine = here.world.quarantine('Cluster', 'catalog@v1', { message: 'bad\u001b[2J\nfilter' });
    here.world.accept([], [quarantine]);
    here.world.connect(1, 'edge-1', edge);
    here.world.exchange(1, 'Cluster', 'acked');
    const { code, out } = await here.run('status');
    assert.equal(code, 2, 'what is declared is not what is served');
    assert.match(
      out,
      /\n\n1 content in quarantine: not sent, since proxies reject it\nswitchyard\.yaml:7:17: CDS catalog@v1 of fleet edge, \d+d ago, by edge-1, edge-2; it is left out: bad\\u001b\[2J filter\n {4}mend it and save; or send it again: switchyard quarantine release edge CDS catalog@v1\n\nPROXY/,
    );
    assert.equal(out.split('catalog@v1 of fleet').length, 2);
    assert.doesNotMatch(out, /warning/);
  });

  it('shows overrides and refused saves', async () => {
    here.world.accept([shift, drain]);
    const mistake = problem('route.service_not_found', ['routes', 'shop'], 'there is no service "x"', 'mend it');
    const source = { file: 'switchyard.yaml', line: 3, column: 4 };
    here.world.control.rejected = { at: Date.now() - 3000, source: 'file', problems: [{ ...mistake, source }] };
    const { code, out } = await here.run('status');
    assert.equal(code, 2);
    assert.match(
      out,
      /\noverride \(active\) routes\/shop\/rules\/everyone: catalog@v1=90 catalog@v2=10, \d+d ago by ada: first tenth\n/,
    );
    assert.match(
      out,
      /\noverride \(active\) services\/catalog\/endpoints\/10\.0\.0\.1:8080: draining, until 2026-03-01T12:01:00\.000Z, /,
    );
    assert.match(
      out,
      /\na save was refused [345]s ago; revision 7 goes on:\nswitchyard\.yaml:3:4: error: there is no service "x" \[route\.service_not_found\]\n {4}routes\.shop: mend it\n/,
    );
  });

  it('shows a freeze, which is not as it should be', async () => {
    here.world.accept();
    here.world.connect(1, 'edge-1', edge);
    here.world.exchange(1, 'Cluster', 'acked');
    here.world.control.freezing.freeze({ by: 'ada', reason: 'errors in eu' });
    const { code, out } = await here.run('status');
    assert.equal(code, 2);
    assert.match(
      out,
      /\n\nfrozen at revision 7, \d+d ago by ada: errors in eu\nnothing waits; .*"switchyard thaw" ends it\n/,
    );
    const { freeze } = JSON.parse((await here.run('status', '-o', 'json')).out);
    assert.deepEqual([freeze.by, freeze.reason, freeze.revision, freeze.waitingCount], ['ada', 'errors in eu', 7, 0]);
  });

  it('prints all of it for machines, but the texts of the policy', async () => {
    here.world.accept([shift]);
    here.world.connect(1, 'edge-1', edge);
    const { code, out } = await here.run('status', '-o', 'json');
    assert.equal(code, 2);
    const status = JSON.parse(out);
    assert.deepEqual(Object.keys(status), [
      'revision',
      'fleets',
      'overrides',
      'computed',
      'quarantines',
      'warnings',
      'freeze',
      'rejected',
      'proxies',
      'total',
      'counts',
      'endpointHealth',
    ]);
    assert.equal(status.proxies[0].id, 'edge-1');
    assert.deepEqual(parse((await here.run('ps', '-o', 'yaml')).out), status);
  });

  it('counts many proxies by fleet, and shows the worst', async () => {
    here.world.accept();
    for (let id = 1; id <= 1200; id++) {
      here.world.connect(id, `edge-${id}`, edge);
      here.world.exchange(id, 'Cluster', id === 700 ? 'nacked' : 'acked');
    }
    const { code, out } = await here.run('status');
    assert.equal(code, 2);
    assert.match(out, /\nFLEET +PROXIES +SYNCED +REJECTED\nedge +1200 +1199 +1\n\nPROXY/);
    const table = out.slice(out.indexOf('\nPROXY')).trim().split('\n');
    assert.match(table[1] ?? '', /^edge-700 +edge +rejected /);
    assert.match(table[41] ?? '', /^and 1160 more: --limit, --fleet, --state and --name show others$/);
    const few = await here.run('status', '--limit', '2', '--name', 'edge-119', '--sort', 'id');
    assert.match(few.out, /\nedge-119 .*\nedge-1190 .*\nand 9 more/);
    const names = await here.run('status', '-o', 'name');
    assert.equal(names.out.trim().split('\n').length, 1200, 'programs get all of them, from all pages');
    assert.equal(names.out.split('\n')[0], 'edge-700');
    assert.match((await here.run('status', '--limit', '0')).err, /--limit 0 is no number above 0/);
  });

  it('has as many rows as the terminal, and more columns when asked', async () => {
    here.world.accept();
    for (let id = 1; id <= 30; id++) {
      here.world.connect(id, `edge-${id}`, edge);
      here.world.exchange(id, 'Cluster', 'acked');
    }
    const small = await runHere(['status'], { adminTarget: here.target, screen: () => ({ rows: 20, columns: 80 }) });
    assert.match(small.out, /\nand 19 more: /);
    const wide = await here.run('status', '-o', 'wide', '--limit', '1');
    assert.match(wide.out, /\nPROXY .* ENVOY +CLUSTER +ZONE +PEER +CDS HELD +EDS HELD +LDS HELD +RDS HELD\nedge-1 /);
  });

  it('follows what happens until it is ended', async () => {
    here.world.accept();
    const end = new AbortController();
    const shown: string[] = [];
    const out = (text: string) => void shown.push(text);
    const watching = runHere(['status', '--watch'], {
      adminTarget: here.target,
      signal: end.signal,
      terminal: true,
      out,
    });
    await until('it shows that nobody is there', () => shown.at(-1)?.includes('no proxy is connected'));
    here.world.connect(1, 'edge-1', edge);
    await until('it shows the proxy', () => shown.at(-1)?.includes('edge-1'));
    assert.ok(
      shown.every(text => text.startsWith('\u001b[H')),
      'each time over the last',
    );
    end.abort();
    assert.equal((await watching).code, 0);
  });

  it('repeats only what has changed where nobody looks', async () => {
    const end = new AbortController();
    const shown: string[] = [];
    const out = (text: string) => void shown.push(text);
    const watching = runHere(['status', '--watch'], { adminTarget: here.target, signal: end.signal, out });
    await until('the first', () => shown.length === 1);
    here.world.connect(1, 'edge-1');
    await until('the second', () => shown.length === 2);
    end.abort();
    await watching;
    assert.ok(!shown.join('').includes('\u001b'));
  });
});

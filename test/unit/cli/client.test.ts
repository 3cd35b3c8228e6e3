import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { parse } from 'yaml';
import { type RunningAdmin, startAdmin } from '../../../src/admin/server.ts';
import { problem } from '../../../src/base/problem.ts';
import type { AdminFlags } from '../../../src/cli/host.ts';
import { until } from '../../support/until.ts';
import { AdminWorld, drain, shift, token, typeUrls } from '../admin/admin-world.ts';
import { runHere } from './here.ts';

const edge = { kind: 'assigned', key: 'edge' } as const;

let world: AdminWorld;
let admin: RunningAdmin;

const target = (flags: AdminFlags) => ({
  url: `http://127.0.0.1:${admin.port}`,
  token: flags.token ?? token,
  dataFolder: './data',
});
const run = (...args: readonly string[]) => runHere(args, { adminTarget: target });

beforeEach(async () => {
  world = new AdminWorld();
  admin = await startAdmin(world.options);
});
afterEach(() => admin.close());

describe('switchyard status', () => {
  it('shows who holds what, and is content when all is synced', async () => {
    world.accept();
    for (const stream of [1, 2]) {
      world.connect(stream, `edge-${stream}`, edge);
      world.exchange(stream, 'Cluster', 'acked');
    }
    const { code, out, err } = await run('status');
    assert.deepEqual([code, err], [0, '']);
    assert.match(out, /^revision 7, \d+d ago by bob: saved\nfleets: edge\n\n/);
    assert.equal(
      out.slice(out.indexOf('PROXY')),
      [
        'PROXY   FLEET  STATE   XDS    CDS     EDS  LDS  RDS  ENVOY',
        'edge-1  edge   synced  delta  synced  -    -    -    1.40.0',
        'edge-2  edge   synced  delta  synced  -    -    -    1.40.0',
        '',
      ].join('\n'),
    );
  });

  it('exits with 2 when something is not as it should be', async () => {
    const empty = await run('status');
    assert.equal(empty.code, 2);
    assert.equal(empty.out, 'no policy has been accepted yet: nothing is served\n\nno proxy is connected\n');
    world.accept();
    assert.equal((await run('status')).code, 2, 'nobody is connected');
    world.connect(1, 'edge-1', edge);
    world.exchange(1, 'Cluster', 'acked');
    assert.equal((await run('status')).code, 0);
    world.connect(2, 'edge-2', edge);
    world.exchange(2, 'RouteConfiguration', 'nacked');
    const rejected = await run('status');
    assert.equal(rejected.code, 2);
    assert.match(rejected.out, /\n\nedge-2: it rejected RDS, and partial application is unknown: no such filter\n$/);
    assert.equal((await run('status', '--state', 'synced')).code, 0, 'of those asked for, all are synced');
    assert.equal((await run('status', '--fleet', 'other')).code, 2);
  });

  it('lets no proxy write to the terminal what it likes', async () => {
    world.accept();
    const why = 'the cluster is "\u001b[2J\u009b31m\u202eegde\nedge-9  edge  synced"';
    world.connect(1, 'edge-1', { kind: 'unmatched', nearest: 'edge', why });
    const { out } = await run('status');
    assert.match(out, /\n\nedge-1: the cluster is " \[2J 31m egde edge-9 {2}edge {2}synced"\n$/);
    assert.ok(JSON.parse((await run('status', '-o', 'json')).out).proxies[0].why === why, 'programs get it as it is');
  });

  it('shows what is rejected, the worst first, once for all that reject the same, with what to do', async () => {
    world.accept();
    const long = `\u001b[31m${'x'.repeat(4000)}\nvalue must be greater than 0s`;
    for (const clientId of [1, 2, 3, 4, 5, 6, 7]) {
      world.connect(clientId, `edge-${clientId}`, edge);
      world.exchange(clientId, 'Cluster', clientId === 1 ? 'sent' : 'acked');
      if (clientId === 1) continue;
      const names = clientId === 2 ? ['catalog@v2'] : ['catalog@v1', 'catalog@v2'];
      const rejects = names.map(name => world.reject('Cluster', name, long));
      world.apply({ kind: 'withheld', clientId, rejects, suspects: [] });
    }
    const { code, out } = await run('status');
    assert.equal(code, 2);
    assert.doesNotMatch(out, /[^\P{Cc}\n]/u);
    const reasons = out.slice(out.indexOf('\n\n', out.indexOf('PROXY')) + 2).split('\n');
    assert.deepEqual(
      reasons.map(line => line.replace(/x+ … x+/, '…').slice(0, 150)),
      [
        'edge-3, edge-4, edge-5, edge-6, edge-7: it rejected CDS catalog@v1 at switchyard.yaml:7:17 and 1 more, and has everything else:  [31m… value must be greater than 0s'.slice(
          0,
          150,
        ),
        '    CDS catalog@v2 at switchyard.yaml:7:50: [31m… value must be greater than 0s',
        '    mend it and save; or send it once more: switchyard retry edge-3',
        'edge-2: it rejected CDS catalog@v2 at switchyard.yaml:7:50, and has everything else:  [31m… value must be greater than 0s',
        '    mend it and save; or send it once more: switchyard retry edge-2',
        'edge-1: it has not acknowledged CDS yet',
        '',
      ],
    );
    for (const line of reasons) assert.ok(line.length < 360, line);
    const { proxies } = JSON.parse((await run('status', '-o', 'json')).out);
    assert.equal(proxies[1].withheld[0].message, long, 'programs get it as it is');
  });

  it('shows what is in quarantine once, and how to end it', async () => {
    world.accept();
    const quarantine = world.quarantine('Cluster', 'catalog@v1', { message: 'bad\u001b[2J\nfilter' });
    world.accept([], [quarantine]);
    world.connect(1, 'edge-1', edge);
    world.exchange(1, 'Cluster', 'acked');
    const { code, out } = await run('status');
    assert.equal(code, 2, 'what is declared is not what is served');
    assert.match(
      out,
      /\n\n1 content in quarantine: not sent, since proxies reject it\nswitchyard\.yaml:7:17: CDS catalog@v1 of fleet edge, \d+d ago, by edge-1, edge-2; it is left out: bad \[2J filter\n {4}mend it and save; or send it again: switchyard quarantine release edge CDS catalog@v1\n\nPROXY/,
    );
    assert.equal(out.split('catalog@v1 of fleet').length, 2);
    assert.doesNotMatch(out, /warning/);
  });

  it('shows overrides and refused saves', async () => {
    world.accept([shift, drain]);
    const mistake = problem('route.service_not_found', ['routes', 'shop'], 'there is no service "x"', 'mend it');
    const source = { file: 'switchyard.yaml', line: 3, column: 4 };
    world.control.rejected = { at: Date.now() - 3000, source: 'file', problems: [{ ...mistake, source }] };
    const { code, out } = await run('status');
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

  it('prints all of it for machines, but the texts of the policy', async () => {
    world.accept([shift]);
    world.connect(1, 'edge-1', edge);
    const { code, out } = await run('status', '-o', 'json');
    assert.equal(code, 2);
    const status = JSON.parse(out);
    assert.deepEqual(Object.keys(status), [
      'revision',
      'fleets',
      'overrides',
      'quarantines',
      'warnings',
      'rejected',
      'proxies',
    ]);
    assert.equal(status.proxies[0].id, 'edge-1');
    assert.deepEqual(parse((await run('ps', '-o', 'yaml')).out), status);
  });

  it('follows what happens until it is ended', async () => {
    world.accept();
    const end = new AbortController();
    const shown: string[] = [];
    const out = (text: string) => void shown.push(text);
    const watching = runHere(['status', '--watch'], { adminTarget: target, signal: end.signal, terminal: true, out });
    await until('it shows that nobody is there', () => shown.at(-1)?.includes('no proxy is connected'));
    world.connect(1, 'edge-1', edge);
    await until('it shows the proxy', () => shown.at(-1)?.includes('edge-1'));
    assert.ok(
      shown.every(text => text.startsWith('\u001b[H\u001b[J')),
      'each time over the last',
    );
    end.abort();
    assert.equal((await watching).code, 0);
  });

  it('repeats only what has changed where nobody looks', async () => {
    const end = new AbortController();
    const shown: string[] = [];
    const out = (text: string) => void shown.push(text);
    const watching = runHere(['status', '--watch'], { adminTarget: target, signal: end.signal, out });
    await until('the first', () => shown.length === 1);
    world.connect(1, 'edge-1');
    await until('the second', () => shown.length === 2);
    end.abort();
    await watching;
    assert.ok(!shown.join('').includes('\u001b'));
  });
});

describe('switchyard canary weights', () => {
  beforeEach(() => {
    world.accept();
    world.control.answer = world.done({ override: shift, effect: 'active' });
  });

  it('shows the weights', async () => {
    const plain = await run('canary', 'weights', 'shop/everyone');
    assert.equal(plain.code, 0);
    assert.equal(
      plain.out,
      [
        'DESTINATION  DECLARED  EFFECTIVE  SHARE',
        'catalog@v1   95        95         95.0%',
        'catalog@v2   5         5          5.0%',
        'not shifted',
        '',
      ].join('\n'),
    );
    world.accept([shift]);
    const { out } = await run('canary', 'weights', 'shop/everyone');
    assert.match(out, /catalog@v2 {3}5 {9}10 {9}10\.0%\nshifted \d+d ago by ada, active\n$/);
  });

  it('shifts them, waits when asked, and says who has not', async () => {
    const weights = ['canary', 'weights', 'shop/everyone', 'catalog@v1=90', 'catalog@v2=10'];
    const at = await run(...weights, '--reason', 'first tenth');
    assert.equal(at.code, 0);
    assert.match(at.out, /^override \(active\) .*\nchanged what these hold: edge\n$/);
    const [[call, asked]] = world.control.asked as [[string, { by: string }]];
    assert.equal(call, 'shift');
    const { by, ...rest } = asked;
    assert.match(by, /CLI/);
    const what = { route: 'shop', rule: 'everyone', weights: { 'catalog@v1': 90, 'catalog@v2': 10 } };
    assert.deepEqual(rest, { ...what, reason: 'first tenth' });

    world.connect(1, 'edge-1', edge);
    world.exchange(1, 'Cluster', 'acked');
    const waited = await run(...weights, '--wait');
    assert.equal(waited.code, 0);
    assert.match(waited.out, /\n1 of 1 connected proxies have acknowledged\n$/);

    world.connect(2, 'edge-2', edge);
    world.exchange(2, 'Cluster', 'sent');
    const late = await run(...weights, '--wait', '--timeout', '10ms');
    assert.equal(late.code, 2);
    assert.match(late.out, /1 of 2 .*\n {2}missing: edge-2 \(edge\): it has not acknowledged Cluster\n$/);
    const json = JSON.parse((await run(...weights, '--wait', '--timeout', '10ms', '-o', 'json')).out);
    assert.equal(json.acknowledged.missing[0].id, 'edge-2');
  });

  it('ends the shift', async () => {
    world.control.answer = world.done(undefined, false);
    const { code, out } = await run('canary', 'weights', 'shop/everyone', '--end');
    assert.deepEqual([code, out], [0, 'the override has ended\nnothing changed for edge\n']);
    assert.deepEqual(world.control.asked, [['endOverride', { kind: 'shift', route: 'shop', rule: 'everyone' }]]);
  });

  it('refuses what cannot be meant, before asking anybody', async () => {
    for (const [args, message] of [
      [['shop'], '"shop" is not ROUTE/RULE, e.g. shop/everyone'],
      [['shop/a/b'], '"shop/a/b" is not ROUTE/RULE, e.g. shop/everyone'],
      [['shop/everyone', 'catalog'], '"catalog" is not DESTINATION=WEIGHT, e.g. catalog@v2=10'],
      [['shop/everyone', 'catalog=-1'], '"catalog=-1" is not DESTINATION=WEIGHT, e.g. catalog@v2=10'],
      [['shop/everyone', 'catalog@v1=1', 'catalog@v1=2'], 'catalog@v1 is given two weights'],
      [['shop/everyone', 'catalog@v1=1', '--end'], 'give weights or --end, not both'],
    ] as const) {
      const result = await run('canary', 'weights', ...args);
      assert.deepEqual(result, { code: 1, out: '', err: `error: ${message}\n` });
    }
    assert.deepEqual(world.control.asked, []);
  });
});

describe('switchyard drain', () => {
  beforeEach(() => {
    world.accept();
    world.control.answer = world.done({ override: drain, effect: 'active' });
  });

  it('drains, disables and undoes', async () => {
    const { code, out } = await run('drain', 'catalog', '10.0.0.1:8080');
    assert.equal(code, 0);
    assert.match(out, /^override \(active\) services\/catalog\/endpoints\/10\.0\.0\.1:8080: draining, until /);
    await run('drain', 'catalog', '[::1]:80', '--disable', '--for', '10m', '--force');
    await run('drain', 'catalog', 'unix:/run/a.sock', '--undo');
    await run('drain', 'catalog', '10.0.0.2:8080', '--sessions-for', '10m');
    const asked = world.control.asked as [string, Record<string, unknown>, unknown?][];
    assert.deepEqual(
      asked.map(([call, about, options]) => [call, about['address'], about['state'], 'expiresAt' in about, options]),
      [
        ['overrideEndpoint', '10.0.0.1:8080', 'draining', false, { force: false }],
        ['overrideEndpoint', '[::1]:80', 'disabled', true, { force: true }],
        ['endOverride', 'unix:/run/a.sock', undefined, false, undefined],
        ['overrideEndpoint', '10.0.0.2:8080', 'draining', false, { force: false }],
      ],
    );
    assert.deepEqual(
      asked.map(([, about]) => 'sessionsUntil' in about),
      [false, false, false, true],
    );
  });

  it('says until when sessions go on, or when they ended', async () => {
    const override = { ...drain, sessionsUntil: drain.since + 1000 };
    world.control.answer = world.done({ override, effect: 'active' });
    const until = (await run('drain', 'catalog', '10.0.0.1:8080', '--sessions-for', '1s')).out;
    assert.match(until, /: draining, sessions until 2026-03-01T12:00:01\.000Z, until 2026-03-01T12:01:00\.000Z, /);
    world.control.answer = world.done({ override: { ...override, state: 'disabled' }, effect: 'active' });
    const ended = (await run('drain', 'catalog', '10.0.0.1:8080', '--disable')).out;
    assert.match(ended, /: disabled, sessions ended 2026-03-01T12:00:01\.000Z, until /);
  });

  it('names its own flag where the API names a query', async () => {
    world.control.answer = { kind: 'refused', why: 'It is the last usable endpoint.' };
    assert.deepEqual(await run('drain', 'catalog', '10.0.0.1:8080'), {
      code: 1,
      out: '',
      err: 'error: Refused: It is the last usable endpoint.\nhint: add --force to do it all the same\n',
    });
  });

  it('refuses --undo with what it would undo, and sessions with what is taken out', async () => {
    for (const flag of ['--for', '--sessions-for']) {
      const { code, err } = await run('drain', 'catalog', '10.0.0.1:8080', '--undo', flag, '1m');
      assert.deepEqual([code, err], [1, 'error: give --undo alone, without --disable, --for and --sessions-for\n']);
    }
    const { code, err } = await run('drain', 'catalog', '10.0.0.1:8080', '--disable', '--sessions-for', '1m');
    assert.equal(code, 1);
    assert.match(err, /^error: give --disable or --sessions-for: /);
  });
});

describe('switchyard retry', () => {
  it('sends a proxy once more what it rejected', async () => {
    world.accept();
    world.connect(1, 'site/edge-1', edge);
    const nothing = await run('retry', 'site/edge-1');
    assert.deepEqual(nothing, {
      code: 0,
      out: 'nothing is withheld from site/edge-1: there is nothing to send once more\n',
      err: '',
    });
    world.apply({
      kind: 'withheld',
      clientId: 1,
      rejects: [world.reject('Cluster', 'catalog@v1', 'no')],
      suspects: [],
    });
    const { code, out } = await run('retry', 'site/edge-1');
    assert.equal(code, 0);
    assert.match(out, /^sent to site\/edge-1 once more: 1 resource; /);
    assert.deepEqual(world.retried, ['site/edge-1', 'site/edge-1']);
    assert.deepEqual(JSON.parse((await run('retry', 'site/edge-1', '-o', 'json')).out), {
      id: 'site/edge-1',
      resources: 1,
    });
  });

  it('says who was meant', async () => {
    world.connect(1, 'edge-1', edge);
    assert.deepEqual(await run('retry', 'egde-1'), {
      code: 1,
      out: '',
      err: 'error: Not found: No proxy "egde-1" is connected.\nhint: did you mean "edge-1"?\n',
    });
  });
});

describe('switchyard quarantine', () => {
  const table = 'gateway/public';

  it('lists what is in quarantine', async () => {
    assert.deepEqual(await run('quarantine', 'list'), { code: 0, out: 'nothing is in quarantine\n', err: '' });
    world.accept();
    const quarantine = world.quarantine('RouteConfiguration', table, { message: 'bad\u001b[2J\nroute' });
    world.accept([], [quarantine]);
    const { code, out } = await run('quarantine', 'list');
    assert.equal(code, 0);
    assert.match(
      out,
      /^FLEET {2}TYPE {2}NAME {12}SINCE .*\nedge {3}RDS {3}gateway\/public {2}\d+d ago +left out {2}switch/,
    );
    assert.match(out, /: bad \[2J route\n {4}mend it .*: switchyard quarantine release edge RDS gateway\/public\n$/);
    const json = JSON.parse((await run('quarantine', 'list', '-o', 'json')).out);
    assert.equal(json.quarantines[0].message, 'bad\u001b[2J\nroute');
  });

  it('releases one, and waits when asked', async () => {
    const { snapshots } = world.accept();
    world.accept([], [world.quarantine('RouteConfiguration', table)]);
    world.control.quarantineAnswer = { kind: 'done', effect: { concerned: snapshots, changed: true } };
    const release = ['quarantine', 'release', 'edge', 'RDS', table];
    assert.deepEqual(await run(...release), {
      code: 0,
      out: `RDS ${table} is sent to fleet edge again\nchanged what these hold: edge\n`,
      err: '',
    });
    const asked = { fleet: 'edge', typeUrl: typeUrls.RouteConfiguration, name: table };
    assert.deepEqual(world.control.asked, [['changeQuarantine', { release: asked }]]);
    const waited = await run(...release, '--wait');
    assert.equal(waited.code, 2);
    assert.match(waited.out, /\n0 of 0 connected proxies have acknowledged: no proxy of edge is connected\n/);
    world.connect(1, 'edge-1', edge);
    world.exchange(1, 'RouteConfiguration', 'acked');
    const again = await run(...release, '--wait', '--timeout', '1s');
    assert.equal(again.code, 2, 'it is in quarantine still, or again');
    assert.match(
      again.out,
      /\n {2}quarantined: RDS gateway\/public at switchyard\.yaml:\d+:\d+ of fleet edge: no such thing\n$/,
    );
  });

  it('says what there is', async () => {
    world.accept();
    world.accept([], [world.quarantine('Cluster', 'catalog@v1')]);
    const { code, err } = await run('quarantine', 'release', 'edge', 'CDS', 'catalog@v2');
    assert.equal(code, 1);
    assert.match(
      err,
      /^error: Not found: CDS "catalog@v2" .* is not in quarantine\.\nhint: did you mean "edge CDS catalog@v1"\?\n$/,
    );
  });
});

describe('commands without their server', () => {
  it('say that there is no token, and where it is looked for', async () => {
    const adminTarget = () => ({ url: 'http://127.0.0.1:1', token: undefined, dataFolder: './data' });
    const { code, err } = await runHere(['status'], { adminTarget });
    assert.equal(code, 1);
    assert.match(err, /^error: no admin token in \.\/data: .* --data, or give --token\n$/);
  });

  it('say that the token is wrong', async () => {
    const { code, err } = await run('status', '--token', 'wrong');
    assert.equal(code, 1);
    assert.match(err, /^error: Not authorised: The token is wrong\.\nhint: .*admin-token/);
  });

  it('say that nobody answers', async () => {
    const adminTarget = () => ({ url: 'http://127.0.0.1:1', token, dataFolder: './data' });
    const { code, err } = await runHere(['drain', 'a', 'b:1'], { adminTarget });
    assert.equal(code, 1);
    assert.match(err, /^error: no admin API at http:\/\/127\.0\.0\.1:1 \(.+\): is "switchyard serve" running\?/);
  });

  it('say that somebody else answers', async () => {
    const other = createServer((_, response) => response.end('<html>')).listen(0, '127.0.0.1');
    await once(other, 'listening');
    try {
      const url = `http://127.0.0.1:${(other.address() as AddressInfo).port}`;
      const { code, err } = await runHere(['status'], { adminTarget: () => ({ url, token, dataFolder: '.' }) });
      assert.deepEqual([code, err], [1, `error: what answers at ${url} is not Switchyard's admin API\n`]);
    } finally {
      other.close();
      other.closeAllConnections();
    }
  });
});

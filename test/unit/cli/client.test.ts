import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { userInfo } from 'node:os';
import { beforeEach, describe, it } from 'node:test';
import { drain, shift, token } from '../admin/admin-world.ts';
import { AdminHere, edge } from './admin-here.ts';
import { runHere } from './here.ts';

const here = new AdminHere();

describe('switchyard canary status', () => {
  it('says that nothing is shifted, and what is', async () => {
    here.world.accept();
    here.world.connect(1, 'edge-1', edge);
    const none = await here.run('canary', 'status');
    assert.match(none.out, /^no rule is shifted\n/);
    here.world.accept([shift]);
    const { out } = await here.run('canary', 'status');
    assert.match(out, /^RULE +DESTINATION +DECLARED +EFFECTIVE +SHARE +SHIFTED\n/);
    assert.match(out, /\nshop\/everyone +catalog@v1 +95 +90 +90\.0% +\d+d ago by ada, active: first tenth\n/);
    assert.match(out, /\n +catalog@v2 +5 +10 +10\.0%\n/);
    assert.equal((await here.run('canary', 'status', '-o', 'name')).out, 'shop/everyone\n');
  });

  it('is good when all proxies have it, and not otherwise', async () => {
    here.world.accept([shift]);
    const nobody = await here.run('canary', 'status');
    assert.match(nobody.out, /\nno proxy is connected\n$/);
    assert.equal(nobody.code, 2);
    here.world.connect(1, 'edge-1', edge);
    const { out, code } = await here.run('canary', 'status');
    assert.match(out, /\nproxies: 1 pending; "switchyard status" shows them\n$/);
    assert.equal(code, 2);
  });

  it('shows one that waits for its rule, and why', async () => {
    here.world.accept([{ ...shift, rule: 'gone' }]);
    const { out, code } = await here.run('canary', 'status');
    assert.match(out, /\nshop\/gone +catalog@v1 +- +- +- +\d+d ago by ada, suspended: /);
    assert.equal(code, 2);
  });
});

describe('switchyard canary weights', () => {
  beforeEach(() => {
    here.world.accept();
    here.world.control.answer = here.world.done({ override: shift, effect: 'active' });
  });

  it('shows the weights', async () => {
    const plain = await here.run('canary', 'weights', 'shop/everyone');
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
    here.world.accept([shift]);
    const { out } = await here.run('canary', 'weights', 'shop/everyone');
    assert.match(out, /catalog@v2 {3}5 {9}10 {9}10\.0%\nshifted \d+d ago by ada, active\n$/);
  });

  it('says for whom the weights of a sticky rule are', async () => {
    const { accepted } = here.world.control;
    assert.ok(accepted);
    const policy = structuredClone(accepted.policy);
    for (const [sticky, whose] of [
      [{ cookie: {} }, 'new callers; '],
      [{ hashBy: [{ header: 'x-user' }] }, 'all callers, '],
    ] as const) {
      Object.assign(policy.routes['shop']?.rules[1] ?? {}, { sticky });
      here.world.control.accepted = { ...accepted, policy };
      const { out } = await here.run('canary', 'weights', 'shop/everyone');
      assert.match(out, new RegExp(`\nnot shifted\nsticky: the shares are those of ${whose}.*\n$`));
    }
  });

  it('shifts them, waits when asked, and says who has not', async () => {
    const weights = ['canary', 'weights', 'shop/everyone', 'catalog@v1=90', 'catalog@v2=10'];
    const at = await here.run(...weights, '--reason', 'first tenth');
    assert.equal(at.code, 0);
    assert.match(at.out, /^override \(active\) .*\nchanged what these hold: edge\n$/);
    const [[call, asked]] = here.world.control.asked as [[string, { by: string }]];
    assert.equal(call, 'shift');
    const { by, ...rest } = asked;
    assert.match(by, /CLI/);
    const what = { route: 'shop', rule: 'everyone', weights: { 'catalog@v1': 90, 'catalog@v2': 10 } };
    assert.deepEqual(rest, { ...what, reason: 'first tenth' });

    here.world.connect(1, 'edge-1', edge);
    here.world.exchange(1, 'Cluster', 'acked');
    const waited = await here.run(...weights, '--wait');
    assert.equal(waited.code, 0);
    assert.match(waited.out, /\n1 of 1 connected proxies have acknowledged\n$/);

    here.world.connect(2, 'edge-2', edge);
    here.world.exchange(2, 'Cluster', 'sent');
    const late = await here.run(...weights, '--wait', '--timeout', '10ms');
    assert.equal(late.code, 2);
    assert.match(late.out, /1 of 2 .*\n {2}missing: edge-2 \(edge\): it has not acknowledged Cluster\n$/);
    const json = JSON.parse((await here.run(...weights, '--wait', '--timeout', '10ms', '-o', 'json')).out);
    assert.equal(json.acknowledged.missing[0].id, 'edge-2');
  });

  it('ends the shift', async () => {
    here.world.control.answer = here.world.done(undefined, false);
    const { code, out } = await here.run('canary', 'weights', 'shop/everyone', '--end');
    assert.deepEqual([code, out], [0, 'the override has ended\nnothing changed for edge\n']);
    assert.deepEqual(here.world.control.asked, [
      ['endOverride', { kind: 'shift', route: 'shop', rule: 'everyone' }, { by: user }, {}],
    ]);
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
      const result = await here.run('canary', 'weights', ...args);
      assert.deepEqual(result, { code: 1, out: '', err: `error: ${message}\n` });
    }
    assert.deepEqual(here.world.control.asked, []);
  });
});

const user = `${userInfo().username} (CLI)`;

describe('switchyard drain', () => {
  beforeEach(() => {
    here.world.accept();
    here.world.control.answer = here.world.done({ override: drain, effect: 'active' });
  });

  it('drains, disables and undoes', async () => {
    const { code, out } = await here.run('drain', 'catalog', '10.0.0.1:8080');
    assert.equal(code, 0);
    assert.match(out, /^override \(active\) services\/catalog\/endpoints\/10\.0\.0\.1:8080: draining, until /);
    await here.run('drain', 'catalog', '[::1]:80', '--disable', '--for', '10m', '--force');
    await here.run('drain', 'catalog', 'unix:/run/a.sock', '--undo');
    await here.run('drain', 'catalog', '10.0.0.2:8080', '--sessions-for', '10m');
    const asked = here.world.control.asked as [string, Record<string, unknown>, unknown?][];
    assert.deepEqual(
      asked.map(([call, about, options]) => [call, about['address'], about['state'], 'expiresAt' in about, options]),
      [
        ['overrideEndpoint', '10.0.0.1:8080', 'draining', false, { force: false }],
        ['overrideEndpoint', '[::1]:80', 'disabled', true, { force: true }],
        ['endOverride', 'unix:/run/a.sock', undefined, false, { by: user }],
        ['overrideEndpoint', '10.0.0.2:8080', 'draining', false, { force: false }],
      ],
    );
    assert.deepEqual(
      asked.map(([, about]) => 'sessionsUntil' in about),
      [false, false, false, true],
    );
  });

  it('is about all endpoints of a service without an address', async () => {
    const second = { ...drain, address: '10.0.0.2:8080' };
    const addresses = [drain.address, second.address];
    here.world.control.answer = here.world.doneOfAll(addresses, [drain, second]);
    const drained = await here.run('drain', 'catalog', '--force', '--for', '10m');
    assert.equal(drained.code, 0);
    assert.match(
      drained.out,
      /^override .*\/10\.0\.0\.1:8080: draining, .*\noverride .*\/10\.0\.0\.2:8080: draining, /,
    );
    here.world.control.answer = here.world.doneOfAll(addresses);
    const { out } = await here.run('drain', 'catalog', '--undo');
    assert.match(out, /^the overrides of 10\.0\.0\.1:8080, 10\.0\.0\.2:8080 have ended\n/);
    const [[call, about, options], end] = here.world.control.asked as [
      [string, Record<string, unknown>, unknown],
      unknown,
    ];
    assert.deepEqual(
      [call, about['state'], 'expiresAt' in about, options],
      ['overrideEndpoints', 'draining', true, { force: true }],
    );
    assert.deepEqual(end, ['endEndpointOverrides', 'catalog', { by: user }, {}]);
  });

  it('takes an empty address for a mistake, not for all', async () => {
    for (const flags of [[], ['--undo']]) {
      const { code, err } = await here.run('drain', 'catalog', '', ...flags);
      assert.equal(code, 1);
      assert.match(err, /^error: the address is empty; leave it out to mean all endpoints of the service\n/);
    }
    assert.deepEqual(here.world.control.asked, []);
  });

  it('says until when sessions go on, or when they ended', async () => {
    const override = { ...drain, sessionsUntil: drain.since + 1000 };
    here.world.control.answer = here.world.done({ override, effect: 'active' });
    const until = (await here.run('drain', 'catalog', '10.0.0.1:8080', '--sessions-for', '1s')).out;
    assert.match(until, /: draining, sessions until 2026-03-01T12:00:01\.000Z, until 2026-03-01T12:01:00\.000Z, /);
    here.world.control.answer = here.world.done({ override: { ...override, state: 'disabled' }, effect: 'active' });
    const ended = (await here.run('drain', 'catalog', '10.0.0.1:8080', '--disable')).out;
    assert.match(ended, /: disabled, sessions ended 2026-03-01T12:00:01\.000Z, until /);
  });

  it('names its own flag where the API names a query', async () => {
    here.world.control.answer = { kind: 'refused', why: 'It is the last usable endpoint.' };
    assert.deepEqual(await here.run('drain', 'catalog', '10.0.0.1:8080'), {
      code: 1,
      out: '',
      err: 'error: Refused: It is the last usable endpoint.\nhint: add --force to do it all the same\n',
    });
  });

  it('refuses --undo with what it would undo, and sessions with what is taken out', async () => {
    for (const flag of ['--for', '--sessions-for']) {
      const { code, err } = await here.run('drain', 'catalog', '10.0.0.1:8080', '--undo', flag, '1m');
      assert.deepEqual([code, err], [1, 'error: give --undo alone, without --disable, --for and --sessions-for\n']);
    }
    const { code, err } = await here.run('drain', 'catalog', '10.0.0.1:8080', '--disable', '--sessions-for', '1m');
    assert.equal(code, 1);
    assert.match(err, /^error: give --disable or --sessions-for: /);
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
    const { code, err } = await here.run('status', '--token', 'wrong');
    assert.equal(code, 1);
    assert.match(
      err,
      /^error: Not authorised: The token is wrong\.\nhint: name that server's data directory with --data, or give --token; .*admin-token/,
    );
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

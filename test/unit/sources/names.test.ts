import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { systemNameQuery } from '../../../src/sources/name-query.ts';
import { NameSource, type NameSourceOptions } from '../../../src/sources/names.ts';
import { dnsServer } from '../../support/dns.ts';
import { until } from '../../support/until.ts';

let stop = new AbortController();
afterEach(() => {
  stop.abort();
  stop = new AbortController();
});

/** A name server whose answers a test sets. */
function nameServer(known: Record<string, readonly string[]> = {}, more: Partial<NameSourceOptions> = {}) {
  const answers = new Map<string, readonly string[] | 'fails'>();
  const asked: string[] = [];
  const saved = new Map<string, readonly string[] | undefined>();
  const reports: string[] = [];
  let open = 0;
  let most = 0;
  let changes = 0;
  let writes = 0;
  const source = new NameSource({
    query: async host => {
      asked.push(host);
      most = Math.max(most, ++open);
      await new Promise(done => setImmediate(done));
      open--;
      const answer = answers.get(host) ?? 'fails';
      if (answer === 'fails') throw new Error(`no ${host}`);
      return { addresses: answer, ttl: 0 };
    },
    known: new Map(Object.entries(known)),
    save: changes => {
      writes++;
      for (const [host, addresses] of changes) saved.set(host, addresses);
    },
    changed: () => changes++,
    report: message => reports.push(message),
    signal: stop.signal,
    random: () => 0.5,
    timing: { shortest: 2, longest: 20, retry: 2, gather: 5, patience: 2000 },
    ...more,
  });
  return { answers, asked, saved, reports, source, most: () => most, changes: () => changes, writes: () => writes };
}

describe('following host names', () => {
  it('gives sorted answers, once asked, and keeps them up to date', async () => {
    const { answers, source, saved, changes } = nameServer();
    answers.set('a.test', ['10.0.0.2', '10.0.0.1', '10.0.0.2']);
    await source.ask(['a.test']);
    assert.deepEqual([...source.answers], [['a.test', ['10.0.0.1', '10.0.0.2']]]);
    assert.deepEqual(saved.get('a.test'), ['10.0.0.1', '10.0.0.2']);
    answers.set('a.test', ['10.0.0.3']);
    await until('new answer', () => source.answers.get('a.test')?.[0] === '10.0.0.3');
    assert.equal(changes(), 2);
  });

  it('says nothing when an answer is the same in another order', async () => {
    const { answers, source, changes, asked } = nameServer();
    answers.set('a.test', ['10.0.0.1', '10.0.0.2']);
    await source.ask(['a.test']);
    const before = source.answers;
    answers.set('a.test', ['10.0.0.2', '10.0.0.1']);
    const count = asked.length;
    await until('more questions', () => asked.length > count + 2);
    assert.equal(source.answers, before);
    assert.equal(changes(), 1);
  });

  it('keeps the last good answer over failures and empty answers, and heals', async () => {
    const { answers, source, asked, reports } = nameServer();
    answers.set('a.test', ['10.0.0.1']);
    await source.ask(['a.test']);
    for (const bad of ['fails', []] as const) {
      answers.set('a.test', bad);
      const count = asked.length;
      await until('more questions', () => asked.length > count + 2);
      assert.deepEqual(source.answers.get('a.test'), ['10.0.0.1']);
    }
    answers.set('a.test', ['10.0.0.9']);
    await until('healed', () => source.answers.get('a.test')?.[0] === '10.0.0.9');
    assert.equal(reports.length, 1, 'a failure is said once, not at every try');
  });

  it('begins with the answers of the run before', () => {
    const { source } = nameServer({ 'a.test': ['10.0.0.1'] });
    assert.deepEqual(source.answers.get('a.test'), ['10.0.0.1']);
  });

  it('forgets hosts that are no longer wanted', async () => {
    const { answers, source, saved, asked } = nameServer();
    answers.set('a.test', ['10.0.0.1']);
    answers.set('b.test', ['10.0.0.2']);
    await source.ask(['a.test', 'b.test']);
    source.want(new Set(['b.test']));
    assert.deepEqual([...source.answers.keys()], ['b.test']);
    assert.ok(saved.has('a.test') && saved.get('a.test') === undefined);
    asked.length = 0;
    await until('questions', () => asked.length > 3);
    assert.ok(!asked.includes('a.test'));
  });

  it('does not wait for ever for the first answer', async () => {
    const source = new NameSource({
      query: () => new Promise(() => {}),
      known: new Map(),
      save: () => {},
      changed: () => {},
      report: () => {},
      signal: stop.signal,
      random: () => 0,
      timing: { patience: 20 },
    });
    await source.ask(['slow.test']);
    assert.equal(source.answers.size, 0);
  });

  it('asks for sixteen names at a time at most', async () => {
    const { answers, source, most } = nameServer();
    const hosts = Array.from({ length: 60 }, (_, n) => `h${n}.test`);
    for (const host of hosts) answers.set(host, ['10.0.0.1']);
    await source.ask(hosts);
    assert.equal(source.answers.size, 60);
    assert.ok(most() <= 16 && most() > 4, `${most()} at a time`);
  });

  it('stores many answers, and the end of many names, as few writes', async () => {
    const { answers, source, saved, changes, writes } = nameServer();
    const hosts = Array.from({ length: 300 }, (_, n) => `h${n}.test`);
    for (const host of hosts) answers.set(host, ['10.0.0.1']);
    await source.ask(hosts);
    assert.equal(saved.size, 300);
    // Each waits for the disk, and every proxy with it.
    assert.ok(writes() < 60 && writes() === changes(), `${writes()} writes, ${changes()} changes`);
    const before = writes();
    source.want(new Set());
    assert.equal(writes(), before + 1);
    assert.ok([...saved.values()].every(each => each === undefined));
  });

  it('waits no longer for a first answer once it is ended', async () => {
    const { promise: asked, resolve } = Promise.withResolvers<void>();
    const source = new NameSource({
      query: () => {
        resolve();
        return new Promise(() => {});
      },
      known: new Map(),
      save: () => {},
      changed: () => {},
      report: () => {},
      signal: stop.signal,
      random: () => 0,
      timing: { patience: 600_000 },
    });
    const waiting = source.ask(['slow.test']);
    await asked;
    stop.abort();
    await waiting;
  });

  it('asks nothing any more when it is ended', async () => {
    const { answers, source, asked } = nameServer();
    answers.set('a.test', ['10.0.0.1']);
    await source.ask(['a.test']);
    stop.abort();
    const count = asked.length;
    await new Promise(done => setTimeout(done, 30));
    assert.equal(asked.length, count);
  });
});

describe('a host name that loses too many addresses (P14)', () => {
  const four = ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4'];
  const shrinks = (_: string, before: readonly string[], now: readonly string[]) => now.length * 2 < before.length;
  const answer = (source: NameSource) => source.answers.get('a.test');
  const served = async () => {
    const server = nameServer({ 'a.test': four }, { shrinks });
    server.answers.set('a.test', four);
    await server.source.ask(['a.test']);
    return server;
  };

  it('keeps those that went beside the ones that came, until somebody accepts it', async () => {
    const { answers, source, saved, changes } = await served();
    answers.set('a.test', ['10.0.0.9']);
    await until('it is held', () => source.held.has('a.test'));
    await until('the new one is used', () => answer(source)?.includes('10.0.0.9'));
    assert.deepEqual(answer(source), [...four, '10.0.0.9']);
    assert.deepEqual(source.held.get('a.test'), { before: four, addresses: ['10.0.0.9'] });
    const before = changes();
    assert.equal(source.accept('other.test'), false);
    assert.equal(source.accept('a.test'), true);
    assert.deepEqual([answer(source), saved.get('a.test')], [['10.0.0.9'], ['10.0.0.9']]);
    assert.deepEqual([source.held.size, changes()], [0, before + 1]);
    assert.equal(source.accept('a.test'), false);
    await until('it is asked again', () => answer(source)?.length === 1);
  });

  it('lets go of them by itself when enough come back', async () => {
    const { answers, source } = await served();
    answers.set('a.test', ['10.0.0.9']);
    await until('it is held', () => source.held.has('a.test'));
    answers.set('a.test', ['10.0.0.1', '10.0.0.9']);
    await until('it is believed', () => !source.held.has('a.test'));
    await until('it is used', () => answer(source)?.join() === '10.0.0.1,10.0.0.9');
  });

  it('is not worn down by many small steps', async () => {
    const { answers, source } = await served();
    answers.set('a.test', ['10.0.0.9']);
    await until('it is held', () => source.held.has('a.test'));
    answers.set('a.test', ['10.0.0.8']);
    await until('the next is held', () => source.held.get('a.test')?.addresses[0] === '10.0.0.8');
    assert.deepEqual(source.held.get('a.test')?.before, four, 'measured by what was good, not by what is kept');
    await until('it is used', () => answer(source)?.includes('10.0.0.8'));
    assert.deepEqual(answer(source), [...four, '10.0.0.8']);
  });

  it('is forgotten with the name', async () => {
    const { answers, source } = await served();
    answers.set('a.test', ['10.0.0.9']);
    await until('it is held', () => source.held.has('a.test'));
    source.want(new Set());
    assert.deepEqual([source.held.size, source.accept('a.test')], [0, false]);
  });
});

describe('the system as name server', () => {
  it('tells addresses of a name with their time to live, IPv4 where there is any', async t => {
    const v6 = 'fd000000000000000000000000000001';
    const server = await dnsServer(
      { 'both.test A': ['10.0.0.1', '10.0.0.2'], 'both.test AAAA': [v6], 'six.test AAAA': [v6] },
      77,
    );
    t.after(server.close);
    const query = systemNameQuery({ timeoutMs: 1000, servers: [server.at] });
    const both = await query('both.test');
    assert.deepEqual([...both.addresses].sort(), ['10.0.0.1', '10.0.0.2']);
    assert.equal(both.ttl, 77);
    assert.deepEqual(await query('six.test'), { addresses: ['fd00::1'], ttl: 77 });
  });

  it('knows localhost, in one family only', async () => {
    const { addresses, ttl } = await systemNameQuery({ timeoutMs: 500 })('localhost');
    assert.ok(addresses.every(each => each.startsWith('127.')) || addresses.every(each => each === '::1'));
    assert.ok(ttl > 0);
  });

  it('rejects for what there is not', async () => {
    await assert.rejects(systemNameQuery({ timeoutMs: 500 })('no-such-host.invalid'));
  });
});

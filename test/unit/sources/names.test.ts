import assert from 'node:assert/strict';
import { afterEach, describe, it } from 'node:test';
import { systemNameQuery } from '../../../src/sources/name-query.ts';
import { NameSource } from '../../../src/sources/names.ts';
import { eventually } from '../../support/eventually.ts';

let stop = new AbortController();
afterEach(() => {
  stop.abort();
  stop = new AbortController();
});

/** A name server whose answers a test sets. */
function nameServer(known: Record<string, readonly string[]> = {}) {
  const answers = new Map<string, readonly string[] | 'fails'>();
  const asked: string[] = [];
  const saved = new Map<string, readonly string[] | undefined>();
  const reports: string[] = [];
  let open = 0;
  let most = 0;
  let changes = 0;
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
    save: (host, addresses) => saved.set(host, addresses),
    changed: () => changes++,
    report: message => reports.push(message),
    signal: stop.signal,
    random: () => 0.5,
    timing: { shortest: 2, longest: 20, retry: 2, patience: 200 },
  });
  return { answers, asked, saved, reports, source, most: () => most, changes: () => changes };
}

describe('following host names', () => {
  it('gives sorted answers, once asked, and keeps them up to date', async () => {
    const { answers, source, saved, changes } = nameServer();
    answers.set('a.test', ['10.0.0.2', '10.0.0.1', '10.0.0.2']);
    await source.ask(['a.test']);
    assert.deepEqual([...source.answers], [['a.test', ['10.0.0.1', '10.0.0.2']]]);
    assert.deepEqual(saved.get('a.test'), ['10.0.0.1', '10.0.0.2']);
    answers.set('a.test', ['10.0.0.3']);
    await eventually('new answer', () => source.answers.get('a.test')?.[0] === '10.0.0.3');
    assert.equal(changes(), 2);
  });

  it('says nothing when an answer is the same in another order', async () => {
    const { answers, source, changes, asked } = nameServer();
    answers.set('a.test', ['10.0.0.1', '10.0.0.2']);
    await source.ask(['a.test']);
    const before = source.answers;
    answers.set('a.test', ['10.0.0.2', '10.0.0.1']);
    const count = asked.length;
    await eventually('more questions', () => asked.length > count + 2);
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
      await eventually('more questions', () => asked.length > count + 2);
      assert.deepEqual(source.answers.get('a.test'), ['10.0.0.1']);
    }
    answers.set('a.test', ['10.0.0.9']);
    await eventually('healed', () => source.answers.get('a.test')?.[0] === '10.0.0.9');
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
    await eventually('questions', () => asked.length > 3);
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

describe('the system as name server', () => {
  it('knows localhost, in one family only', async () => {
    const { addresses, ttl } = await systemNameQuery({ timeoutMs: 500 })('localhost');
    assert.ok(addresses.every(each => each.startsWith('127.')) || addresses.every(each => each === '::1'));
    assert.ok(ttl > 0);
  });

  it('rejects for what there is not', async () => {
    await assert.rejects(systemNameQuery({ timeoutMs: 500 })('no-such-host.invalid'));
  });
});

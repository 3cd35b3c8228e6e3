import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseAddress } from '../../../src/base/address.ts';
import type { HealthReport } from '../../../src/base/endpoint-health.ts';
import { EndpointHealthSource, type HealthTarget } from '../../../src/sources/endpoint-health.ts';
import { UnreadableAnswer } from '../../../src/sources/envoy-admin.ts';

function target(node: string, every = 1000): HealthTarget {
  const address = parseAddress('10.0.0.1:9901');
  assert.ok(address && address.kind !== 'unix');
  return { node, address, within: [], endpoints: new Map(), every };
}

const report = (...hosts: readonly string[]): HealthReport =>
  new Map([['catalog', { hosts: new Set(hosts), troubled: new Map() }]]);

/** A source with a clock of its own; questions are answered by the test. */
function world(targets: readonly HealthTarget[]) {
  const open = new Map<string, { good(answer?: HealthReport, cost?: number): void; bad(why: string | Error): void }>();
  const asked: string[] = [];
  const state = { now: 1000, targets };
  const source = new EndpointHealthSource({
    targets: () => state.targets,
    query: ({ node }) => {
      asked.push(node);
      const { promise, resolve, reject } = Promise.withResolvers<{ report: HealthReport; cost: number }>();
      open.set(node, {
        good: (answer = report(), cost = 0) => resolve({ report: answer, cost }),
        bad: why => reject(typeof why === 'string' ? new Error(why) : why),
      });
      return promise;
    },
    now: () => state.now,
    random: () => 0.5,
    signal: new AbortController().signal,
  });
  const settle = () => new Promise(resolve => setImmediate(resolve));
  return { source, open, asked, state, settle };
}

const why = (source: EndpointHealthSource, of: HealthTarget) => {
  const view = source.view(of);
  return view.kind === 'unknown' ? view.why : 'known';
};

describe('the source of how proxies find their endpoints', () => {
  it('knows nothing until a proxy has answered, and nothing any more when that is long ago', async () => {
    const edge = target('edge-1');
    const { source, open, state, settle } = world([edge]);
    assert.match(why(source, edge), /not been asked/);
    source.round();
    assert.match(why(source, edge), /not been asked/);
    open.get('edge-1')?.good();
    await settle();
    assert.equal(why(source, edge), 'known');
    state.now += 1000;
    source.round();
    open.get('edge-1')?.bad('connection refused');
    await settle();
    assert.equal(why(source, edge), 'known', 'one question may fail');
    state.now += 3001;
    assert.equal(why(source, edge), 'connection refused');
  });

  it('asks a proxy that does not answer less and less often, and others as ever', async () => {
    const [away, well] = [target('away'), target('well')];
    const { source, open, asked, state, settle } = world([away, well]);
    const end = state.now + 120_000;
    for (; state.now < end; state.now += 250) {
      source.round();
      open.get('away')?.bad('away');
      open.get('well')?.good();
      await settle();
    }
    const times = (node: string) => asked.filter(each => each === node).length;
    assert.ok(times('well') >= 115, `${times('well')}`);
    assert.ok(times('away') <= 9, `${times('away')}`);
    assert.equal(why(source, away), 'away');
  });

  it('has a bounded number of questions open, whose turn goes round', async () => {
    const targets = Array.from({ length: 40 }, (_, index) => target(`edge-${index}`));
    const { source, open, asked, state, settle } = world(targets);
    for (let round = 0; round < 5; round++, state.now += 250) source.round();
    assert.equal(asked.length, 16, 'nobody is asked twice at a time');
    for (let round = 0; round < 5; round++, state.now += 250) {
      for (const each of open.values()) each.good();
      await settle();
      source.round();
    }
    assert.equal(new Set(asked).size, 40);
  });

  it('pauses after an answer that took long to read', async () => {
    const [one, other] = [target('one'), target('other')];
    const { source, open, asked, state, settle } = world([one]);
    source.round();
    open.get('one')?.good(report(), 100);
    await settle();
    state.targets = [one, other];
    state.now += 899;
    source.round();
    assert.deepEqual(asked, ['one']);
    state.now += 1;
    source.round();
    assert.deepEqual(asked, ['one', 'other']);
  });

  it('pauses for as long after answers that come together, and after those that make no sense', async () => {
    const [one, other, liar] = [target('one', 60_000), target('other', 60_000), target('liar', 60_000)];
    const { source, open, asked, state, settle } = world([one, other, liar]);
    source.round();
    open.get('one')?.good(report(), 100);
    open.get('other')?.good(report(), 100);
    open.get('liar')?.bad(new UnreadableAnswer('what?', 100));
    await settle();
    assert.equal(why(source, liar), 'what?');
    state.targets = [target('next')];
    state.now += 2699;
    source.round();
    assert.equal(asked.length, 3);
    state.now += 1;
    source.round();
    assert.equal(asked.length, 4);
  });

  it('believes a report for longer where it cannot ask as often as it should', async () => {
    const edge = target('edge-1');
    const { source, open, state, settle } = world([edge]);
    for (let times = 0; times < 2; times++, state.now += 10_000) {
      source.round();
      open.get('edge-1')?.good();
      await settle();
    }
    assert.equal(why(source, edge), 'known');
    state.now += 12_000;
    assert.equal(why(source, edge), 'known');
    state.now += 1;
    assert.match(why(source, edge), /last answer is too old/);
  });

  it('forgets who is gone', async () => {
    const edge = target('edge-1');
    const { source, open, state, settle } = world([edge]);
    source.round();
    open.get('edge-1')?.good();
    await settle();
    state.targets = [];
    source.round();
    assert.match(why(source, edge), /not been asked/);
  });

  it('keeps one set of endpoints for all proxies that hold the same', async () => {
    const targets = ['a', 'b', 'c'].map(node => target(node));
    const { source, open, settle } = world(targets);
    source.round();
    open.get('a')?.good(report('10.0.0.1:80', '10.0.0.2:80'));
    open.get('b')?.good(report('10.0.0.2:80', '10.0.0.1:80'));
    open.get('c')?.good(report('10.0.0.3:80', '10.0.0.1:80'));
    await settle();
    const [a, b, c] = targets.map(each => {
      const view = source.view(each);
      return view.kind === 'known' ? view.report.get('catalog')?.hosts : undefined;
    });
    assert.ok(a && a === b && a !== c);
  });

  it('ends with its signal', async () => {
    const stop = new AbortController();
    let rounds = 0;
    const targets = () => {
      rounds++;
      return [];
    };
    const query = () => assert.fail();
    const source = new EndpointHealthSource({ targets, query, now: () => 0, random: () => 0, signal: stop.signal });
    const done = source.follow();
    assert.equal(rounds, 1);
    stop.abort();
    await done;
  });
});

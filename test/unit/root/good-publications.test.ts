import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { millis } from '../../../src/base/units.ts';
import type { Control } from '../../../src/control/control.ts';
import { Fleet } from '../../../src/fleet/fleet.ts';
import { watchGoodPublications } from '../../../src/good-publications.ts';
import { Board } from '../../../src/snapshot/board.ts';
import type { Rejected } from '../../../src/xds/events.ts';
import { publication, snapshot, testNode, urls } from '../../support/xds-fixtures.ts';

/** A clock that a test moves, whatever the date. */
class Timers {
  #elapsed = 0;
  #waiting: { readonly at: number; readonly act: () => void }[] = [];

  readonly after = (ms: number, act: () => void) => {
    const timer = { at: this.#elapsed + ms, act };
    this.#waiting.push(timer);
    return () => {
      this.#waiting = this.#waiting.filter(each => each !== timer);
    };
  };

  async pass(ms: number): Promise<void> {
    for (let left = ms; left > 0; left -= 100) {
      this.#elapsed += Math.min(left, 100);
      const due = this.#waiting.filter(each => each.at <= this.#elapsed);
      this.#waiting = this.#waiting.filter(each => !due.includes(each));
      for (const { act } of due) act();
      for (let turn = 0; turn < 3; turn++) await setImmediate();
    }
  }

  get count(): number {
    return this.#waiting.length;
  }
}

/** A fleet whose proxies say what a test makes them say; `good`: versions that came to be so. */
function watched(t: TestContext) {
  const [fleet, board, stop, clock] = [new Fleet(), new Board(), new AbortController(), new Timers()];
  const good: string[] = [];
  const confirm = (snapshots: ReadonlyMap<string, { readonly version: string }>) => {
    good.push(snapshots.get('edge')?.version ?? '');
  };
  const control = { freezing: { confirm } } as unknown as Control;
  const report = (_: string, error: unknown) => assert.fail(String(error));
  watchGoodPublications({ control, fleet, board, clock, goodAfter: millis(5000), report, signal: stop.signal });
  t.after(() => stop.abort());
  const publish = (content: string) => {
    const set = snapshot('edge', { CDS: { a: content } });
    board.publish(publication(set));
    return { all: set.version, clusters: set.types.get(urls.CDS)!.version };
  };
  const connect = (clientId: number) => {
    fleet.apply({ kind: 'opened', clientId, variant: 'delta', peer: '' });
    fleet.apply({ kind: 'identified', clientId, node: { ...testNode, id: `edge-${clientId}` } });
    fleet.apply({ kind: 'assigned', clientId, assignment: { kind: 'assigned', key: 'edge' } });
    fleet.apply({ kind: 'subscribed', clientId, typeUrl: urls.CDS, wildcard: true, names: 0 });
  };
  const holds = (clientId: number, { clusters: version }: ReturnType<typeof publish>) =>
    fleet.apply({ kind: 'current', clientId, typeUrl: urls.CDS, version });
  const rejects = (clientId: number, ...contents: readonly string[]) => {
    const found = contents.map((version): Rejected => {
      return { typeUrl: urls.CDS, name: 'a', version, code: 13, message: 'no', instead: undefined };
    });
    fleet.apply({ kind: 'withheld', clientId, rejects: found, suspects: [] });
  };
  return { stop, clock, good, publish, connect, holds, rejects };
}

test('what all proxies hold is good after a time without a rejection, and not before', async t => {
  const { clock, good, publish, connect, holds } = watched(t);
  const first = publish('1');
  await clock.pass(10_000);
  for (const id of [1, 2]) connect(id);
  holds(1, first);
  await clock.pass(10_000);
  assert.deepEqual(good, [], 'one of them does not hold it');
  holds(2, first);
  await clock.pass(5000);
  assert.deepEqual(good, []);
  await clock.pass(1000);
  assert.deepEqual(good, [first.all]);
  await clock.pass(20_000);
  assert.deepEqual(good, [first.all], 'and that is said once');
});

test('a rejection in that time, however short, begins it anew', async t => {
  const { clock, good, publish, connect, holds, rejects } = watched(t);
  const first = publish('1');
  connect(1);
  holds(1, first);
  await clock.pass(4000);
  rejects(1, '1');
  rejects(1);
  await clock.pass(4000);
  assert.deepEqual(good, []);
  await clock.pass(2000);
  assert.deepEqual(good, [first.all]);
});

test('what is replaced in that time is never good, and what comes after has a time of its own', async t => {
  const { clock, good, publish, connect, holds } = watched(t);
  const first = publish('1');
  connect(1);
  holds(1, first);
  await clock.pass(4000);
  const second = publish('2');
  holds(1, second);
  await clock.pass(5000);
  assert.deepEqual(good, []);
  await clock.pass(1000);
  assert.deepEqual(good, [second.all]);
});

test('who connects meanwhile does not begin it anew', async t => {
  const { clock, good, publish, connect, holds } = watched(t);
  const first = publish('1');
  connect(1);
  holds(1, first);
  for (let id = 2; id < 8; id++) {
    await clock.pass(1000);
    connect(id);
  }
  assert.deepEqual(good, [first.all]);
});

test('nothing of it goes on when the server ends', async t => {
  const { clock, good, publish, connect, holds, stop } = watched(t);
  const first = publish('1');
  connect(1);
  holds(1, first);
  await clock.pass(2000);
  stop.abort();
  assert.equal(clock.count, 0);
  await clock.pass(10_000);
  assert.deepEqual(good, []);
});

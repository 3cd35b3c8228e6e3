import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { Tokens } from '../../../src/access/tokens.ts';
import { openSqliteStore } from '../../../src/store/sqlite.ts';
import { seeded } from '../../protocol/seeded.ts';
import { Chance } from '../../support/chance.ts';
import { temporaryDirectory } from '../../support/temporary.ts';
import { answerOf, countIn, kept, parts, tokensKept } from './killed-state.ts';

/** How often a writer is killed: `RUNS=1000` for more. */
const { seed, numRuns } = seeded(12);
/** Writes that are acknowledged before, at most, and milliseconds after the last of them. */
const most = { writes: 40, pause: 8 };
/** A new directory after so many: what is made first can be cut short as well. */
const perDirectory = 25;

const writer = fileURLToPath(import.meta.resolve('./killed-writer.ts'));

/** What a writer had acknowledged when it was killed. */
async function killed(directory: string, chance: Chance): Promise<ReadonlyMap<string, number>> {
  const child = spawn(process.execPath, [writer, directory], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  const limit = setTimeout(() => child.kill('SIGKILL'), 60_000);
  const acknowledged = new Map<string, number>();
  let left = chance.below(most.writes);
  const pause = chance.next() * most.pause;
  try {
    for await (const line of createInterface(child.stdout)) {
      const [what = '', n] = line.split(' ');
      // Lines that are still in the pipe then count as well.
      if (what !== 'ready') acknowledged.set(what, Number(n));
      if (left-- === 0) setTimeout(() => child.kill('SIGKILL'), pause);
    }
    await ended;
    assert.equal(child.signalCode, 'SIGKILL', 'it did not end by itself');
  } finally {
    clearTimeout(limit);
    child.kill('SIGKILL');
  }
  return acknowledged;
}

function check(directory: string, acknowledged: ReadonlyMap<string, number>): void {
  const reports: string[] = [];
  const report = (text: string) => void reports.push(text);
  const store = openSqliteStore({ directory, now: Date.now, report, retention: { revisions: kept } });
  const atLeast = (what: string, found = 0) => {
    const wanted = acknowledged.get(what) ?? 0;
    assert.ok(found >= wanted, `${what} ${wanted} was acknowledged, and there is ${found}`);
  };
  try {
    assert.deepEqual(reports, [], 'nothing is damaged, and the copy is not newer');
    const latest = store.latestRevision()?.documents ?? [];
    assert.ok(latest.length === 0 || latest.length === parts.length);
    assert.ok(
      latest.every(each => each.text === latest[0]?.text),
      'no half of a transaction',
    );
    atLeast('transaction', countIn(store));
    const since = store.overrides().map(each => each.since);
    assert.ok(since.length === 0 || (since.length === 2 && since[0] === since[1]), 'both overrides or none');
    atLeast('override', since[0]);
    atLeast('name', Number(store.resolvedNames().get('counter')?.[0] ?? 0));
    atLeast('freeze', Number(store.freeze()?.by ?? 0));
    atLeast('quarantine', store.quarantines()[0]?.since);
    const answers = store.answers().toSorted((a, b) => a.at - b.at);
    assert.deepEqual(
      answers,
      answers.map(each => answerOf(each.at)),
    );
    atLeast('answer', answers.at(-1)?.at);
    const listed = store.revisions({ limit: 999 });
    for (const { number } of listed) assert.ok(store.revision(number), `revision ${number} is whole`);
    assert.equal(listed[0]?.number ?? 0, store.lastNumber());
    const names = new Tokens({ directory, adminToken: 'first' }).list().map(each => Number(each.name.slice(1)));
    atLeast('token', Math.max(0, ...names));
    assert.ok(!names.includes((acknowledged.get('token') ?? 0) - tokensKept), 'what was revoked is gone');
  } finally {
    store.close();
  }
}

describe('a writer of the store that is killed (P3)', () => {
  it(`loses nothing that it has acknowledged, ${numRuns} times`, async context => {
    const chance = new Chance(seed);
    let directory = temporaryDirectory();
    let some = 0;
    for (let round = 1; round <= numRuns; round++) {
      const acknowledged = await killed(directory, chance);
      if (acknowledged.size > 0) some += 1;
      check(directory, acknowledged);
      if (round % perDirectory === 0) directory = temporaryDirectory();
    }
    context.diagnostic(`${numRuns} kills, ${some} of them after something had been acknowledged`);
    assert.ok(some > 0);
  });
});

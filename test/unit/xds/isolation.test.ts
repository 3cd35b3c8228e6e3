import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { EncodedResource } from '../../../src/snapshot/snapshot.ts';
import type { Withheld } from '../../../src/snapshot/withhold.ts';
import {
  accepted,
  forgone,
  type Isolation,
  informed,
  isPaused,
  nothingRejected,
  refused,
  republished,
  resumed,
  retried,
  retryAfter,
  withheldBy,
  withheldEvent,
} from '../../../src/xds/isolation.ts';
import { typeSnapshot, urls } from '../../support/xds-fixtures.ts';

const url = urls.EDS;
const bad = { code: 13, message: 'bad' };

function content(name: string, version = '1', instead?: EncodedResource): Withheld {
  return { typeUrl: url, name, version, instead };
}

/** A response with these names was rejected; nobody had any of them. */
function rejecting(isolation: Isolation, names: string, error = bad): Isolation {
  const all = names.split('');
  return refused(isolation, url, { suspects: all.map(name => content(name)), names: all }, error);
}

function withheld(isolation: Isolation): string {
  return withheldBy(isolation)
    .map(each => each.name)
    .sort()
    .join('');
}

function guilty({ rejects }: Isolation): string {
  return rejects
    .map(each => each.name)
    .sort()
    .join('');
}

/** What is sent at the next attempt. */
function tryNext(isolation: Isolation): readonly [Isolation, string] {
  assert.ok(isPaused(isolation), 'it waits for the next attempt');
  const next = resumed(isolation);
  const trying = next.trials.get(url)?.trying.map(each => each.name) ?? [];
  assert.ok(!isPaused(next) || trying.length === 0);
  return [next, trying.join('')];
}

/** Plays a client that rejects some contents and names nobody. @returns who was found guilty, and what was sent. */
function find(
  all: string,
  isBad: (name: string) => boolean,
): { readonly found: string; readonly sent: readonly string[] } {
  const sent = [all];
  let known = rejecting(nothingRejected, all);
  while (known.trials.size > 0) {
    const [next, group] = tryNext(known);
    sent.push(group);
    known = [...group].some(isBad) ? rejecting(next, group) : accepted(next, url);
  }
  return { found: guilty(known), sent };
}

describe('who is to blame for a rejection', () => {
  it('R42: whoever is alone', () => {
    const known = rejecting(nothingRejected, 'a');
    assert.deepEqual([guilty(known), withheld(known), known.trials.size, isPaused(known)], ['a', 'a', 0, false]);
  });

  it('R42: whoever is named, by name or place, and nobody else has to wait', () => {
    const message = 'xDS response validation errors: [resource index 1: b: wrong]';
    const known = rejecting(nothingRejected, 'abc', { code: 3, message });
    assert.deepEqual([guilty(known), withheld(known), isPaused(known)], ['b', 'b', false]);
    assert.deepEqual(known.rejects[0]?.error, { code: 3, message: 'wrong' });
    assert.equal(accepted(known, url).trials.size, 0);
  });

  it('R42: counts places in the response, not among suspects', () => {
    const message = 'xDS response validation errors: [resource index 2: c: wrong]';
    const suspects = [content('b'), content('c')];
    const known = refused(nothingRejected, url, { suspects, names: ['a', 'b', 'c'] }, { code: 3, message });
    assert.equal(guilty(known), 'c');
  });

  it('R42: is found by halving, and what is left over is not tried', () => {
    assert.deepEqual(
      find('abcdefgh', name => name === 'f'),
      { found: 'f', sent: ['abcdefgh', 'abcd', 'ef', 'e', 'gh'] },
    );
    assert.deepEqual(
      find('abcd', name => 'ad'.includes(name)),
      { found: 'ad', sent: ['abcd', 'ab', 'a', 'b', 'cd', 'c'] },
    );
  });

  it('R42: is found for every set of up to six, and only the guilty', () => {
    const all = 'abcdef';
    for (let set = 1; set < 2 ** all.length; set++) {
      const culprits = [...all].filter((_, index) => set & (1 << index));
      const { found, sent } = find(all, name => culprits.includes(name));
      assert.equal(found, culprits.join(''));
      assert.ok(sent.length <= 2 * all.length, 'no more attempts than halves');
    }
  });

  it('R10, R42: is all of them when everything is rejected, after a bounded number of attempts', () => {
    const names = Array.from({ length: 1000 }, (_, index) => String.fromCodePoint(0x4e00 + index)).join('');
    const { found, sent } = find(names, () => true);
    assert.equal(found, [...names].sort().join(''));
    assert.equal(sent.length, 40);
  });

  it('R42: is known already when a response that was under way is rejected for the same', () => {
    const first = rejecting(nothingRejected, 'a');
    const second = rejecting(first, 'abc');
    assert.deepEqual([guilty(second), withheld(second), isPaused(second)], ['a', 'a', false]);
  });

  it('R42: is looked for once among what several responses held', () => {
    const both = rejecting(rejecting(nothingRejected, 'ab'), 'abcd');
    assert.deepEqual(
      withheldBy(both)
        .map(each => each.name)
        .sort(),
      ['a', 'b', 'c', 'd'],
    );
  });

  it('R42: is nobody where the response held nothing new', () => {
    assert.equal(rejecting(nothingRejected, ''), nothingRejected);
  });

  it('R42: is not who was left over, when the others were never tried', () => {
    const [trying, group] = tryNext(rejecting(nothingRejected, 'ab'));
    assert.equal(group, 'a');
    const known = forgone(trying, url);
    assert.deepEqual([guilty(known), withheld(known)], ['', 'b']);
    assert.equal(tryNext(known)[1], 'b');
  });

  it('of one type is nothing to another', () => {
    const known = refused(rejecting(nothingRejected, 'ab'), urls.CDS, { suspects: [], names: [] }, bad);
    assert.equal(withheld(known), 'ab');
  });
});

describe('how long it lasts', () => {
  const unless =
    (...gone: readonly string[]) =>
    (each: Withheld) =>
      !gone.includes(each.name);

  it('R10: a content is rejected no longer when it is gone', () => {
    const known = rejecting(rejecting(nothingRejected, 'a'), 'b');
    assert.equal(republished(known, unless()), known);
    assert.equal(guilty(republished(known, unless('a'))), 'b');
    assert.equal(republished(known, unless('a', 'b')), nothingRejected);
  });

  it('R42: nobody is under suspicion any longer when one of them is gone', () => {
    const known = rejecting(rejecting(nothingRejected, 'a'), 'bcd');
    assert.equal(withheld(republished(known, unless('c'))), 'a');
    const [trying] = tryNext(known);
    assert.equal(withheld(republished(trying, unless('b'))), 'a');
  });

  it('R10: everything that is published is tried again, later each time, unless somebody asks for it', () => {
    const again = (isolation: Isolation, forget = false) =>
      rejecting(
        retried(isolation, () => true, forget),
        'a',
      );
    const once = rejecting(nothingRejected, 'a');
    const times = [once, again(once), again(again(once)), again(again(again(once)))];
    assert.deepEqual(
      times.map(each => retryAfter(each, 60, 400)),
      [60, 120, 240, 400],
    );
    assert.equal(retryAfter(again(again(once), true), 60, 400), 60);
    const other = rejecting(times[2] ?? once, 'b');
    assert.equal(retryAfter(other, 60, 400), 60);
    assert.equal(guilty(retried(other, each => each.name === 'a', false)), 'b');
    assert.equal(
      retried(nothingRejected, () => true, false),
      nothingRejected,
    );
  });

  it('forgets how often contents were tried when they are gone', () => {
    const twice = rejecting(
      retried(rejecting(nothingRejected, 'a'), () => true, false),
      'a',
    );
    assert.equal(twice.tried.size, 1);
    assert.equal(republished(rejecting(twice, 'b'), unless('a')).tried.size, 0);
  });
});

describe('what is told', () => {
  it('R42: who is rejected, who is under suspicion, and what is there instead', () => {
    const instead = typeSnapshot('EDS', { a: '0' }).resources.get('a');
    const known = refused(nothingRejected, url, { suspects: [content('a', '1', instead)], names: ['a'] }, bad);
    assert.deepEqual(withheldEvent(rejecting(known, 'bc')), {
      kind: 'withheld',
      rejects: [{ typeUrl: url, name: 'a', version: '1', ...bad, instead: '0' }],
      suspects: ['c', 'b'].map(name => ({ typeUrl: url, name, version: '1', ...bad, instead: undefined })),
    });
  });

  it('R42: what a client has stands in for what is only under suspicion as well', () => {
    const set = typeSnapshot('EDS', { a: '0' });
    const known = informed(rejecting(nothingRejected, 'ab'), (_, name) => set.resources.get(name));
    assert.deepEqual(
      withheldBy(known)
        .map(each => [each.name, each.instead?.version])
        .sort(),
      [
        ['a', '0'],
        ['b', undefined],
      ],
    );
  });

  it('R42: a last good content that becomes known later stands in its place', () => {
    const set = typeSnapshot('EDS', { a: '0' });
    const known = rejecting(nothingRejected, 'a');
    const better = informed(known, (_, name) => set.resources.get(name));
    assert.equal(better.rejects[0]?.instead, set.resources.get('a'));
    assert.equal(
      informed(better, () => undefined),
      better,
    );
    // What is rejected is no last good content of itself.
    assert.equal(
      informed(known, () => typeSnapshot('EDS', { a: '1' }).resources.get('a')),
      known,
    );
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { textDiff } from '../../../src/base/text-diff.ts';

const lines = (...all: readonly (string | number)[]) => all.map(each => `${each}\n`).join('');

describe('the difference between two texts', () => {
  it('is empty for equal ones', () => assert.equal(textDiff(lines(1, 2), lines(1, 2)), ''));

  it('shows what changed with three lines around it, in hunks', () => {
    const before = Array.from({ length: 30 }, (_, at) => at + 1);
    const after = before.flatMap<string | number>(each => (each === 5 ? ['five'] : each === 25 ? [] : [each]));
    const expected = lines(
      ...['@@ -2,7 +2,7 @@', ' 2', ' 3', ' 4', '-5', '+five', ' 6', ' 7', ' 8'],
      ...['@@ -22,7 +22,6 @@', ' 22', ' 23', ' 24', '-25', ' 26', ' 27', ' 28'],
    );
    assert.equal(textDiff(lines(...before), lines(...after)), expected);
  });

  it('shows texts that come and go', () => {
    assert.equal(textDiff('', lines('a')), lines('@@ -0,0 +1,1 @@', '+a'));
    assert.equal(textDiff(lines('a'), ''), lines('@@ -1,1 +0,0 @@', '-a'));
  });

  it('takes the middle for replaced where comparing would take too long', () => {
    const many = (text: string) => lines(...Array.from({ length: 3000 }, (_, at) => `${text} ${at}`));
    const diff = textDiff(many('a'), many('b'));
    assert.equal(diff.split('\n').length, 6002);
  });
});

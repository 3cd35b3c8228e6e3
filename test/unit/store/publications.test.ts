import assert from 'node:assert/strict';
import { it } from 'node:test';
import fc from 'fast-check';
import { PublicationHistory } from '../../../src/store/publications.ts';
import type { PublicationRecord } from '../../../src/store/store.ts';
import { publicationOf } from '../../support/store-contract.ts';

/**
 * What is to be kept of all: the newest of each fleet that is there, and of the others the last. That a fleet is there no
 * more may have been told by one that is gone itself.
 */
function kept(all: readonly PublicationRecord[], most: number, ever: readonly PublicationRecord[]): readonly number[] {
  const newest = new Map(ever.flatMap(({ number, fleets }) => Object.keys(fleets).map(key => [key, number])));
  const isNeeded = ({ number, fleets }: PublicationRecord) =>
    Object.entries(fleets).some(([key, version]) => version !== null && newest.get(key) === number);
  const rest = [...all];
  while (rest.length > most) {
    const at = rest.findIndex(each => !isNeeded(each));
    if (at < 0) break;
    rest.splice(at, 1);
  }
  return rest.map(each => each.number);
}

const fleets = fc.dictionary(fc.constantFrom('a', 'b', 'c', 'd'), fc.constantFrom('1', '2', null), { minKeys: 1 });

it('what is kept no longer is known before anything changes, and is what is kept no longer then', () => {
  fc.assert(
    fc.property(
      fc.array(fc.array(fleets, { maxLength: 6 }), { maxLength: 12 }),
      fc.integer({ min: 1, max: 5 }),
      (batches, most) => {
        const history = new PublicationHistory(most);
        const ever: PublicationRecord[] = [];
        let number = 0;
        for (const batch of batches) {
          const records = batch.map(each => publicationOf(++number, each));
          const before = history.all;
          const over = history.over(records);
          assert.deepEqual(history.all, before, 'nothing has changed');
          history.add(records, over);
          ever.push(...records);
          const expected = kept([...before, ...records], most, ever);
          assert.deepEqual(
            history.all.map(each => each.number),
            expected,
          );
          const gone = [...before, ...records].map(each => each.number).filter(each => !expected.includes(each));
          assert.deepEqual(
            [...over].sort((a, b) => a - b),
            gone,
          );
        }
      },
    ),
  );
});

it('a record of many fleets takes the room of many', () => {
  const history = new PublicationHistory(1000);
  const many = Object.fromEntries(Array.from({ length: 60_000 }, (_, at) => [`fleet/${at}`, 'x']));
  for (let number = 1; number <= 5; number++) history.add([publicationOf(number, many)]);
  assert.deepEqual(
    history.all.map(each => each.number),
    [3, 4, 5],
  );
});

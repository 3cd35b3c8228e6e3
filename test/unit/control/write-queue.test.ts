import assert from 'node:assert/strict';
import { it } from 'node:test';
import { type Write, WriteQueue } from '../../../src/control/write-queue.ts';
import { until } from '../../support/until.ts';

it('a batch that fails is told to those who wait for it, and those after it have their turn', async () => {
  const done: string[] = [];
  const dropped: string[] = [];
  const queue = new WriteQueue<Write & { readonly name: string }>({
    process: batch => {
      for (const { name } of batch) {
        if (name === 'bad') throw new Error('a fault');
        done.push(name);
      }
    },
  });
  const write = (name: string) => ({
    name,
    batchable: true,
    drop: (error: Error) => void dropped.push(`${name}: ${error.message}`),
  });
  assert.throws(() => queue.add(write('bad')), /a fault/);
  assert.deepEqual(dropped, ['bad: a fault']);
  queue.add(write('good'));
  await until('the next is done', () => done.length === 1);
  queue.end();
});

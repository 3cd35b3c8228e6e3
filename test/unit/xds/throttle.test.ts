import assert from 'node:assert/strict';
import { it } from 'node:test';
import { Throttle } from '../../../src/xds/throttle.ts';
import { until } from '../../support/until.ts';

it('goes on with a stream whose requests wait and come at once when it is read again', async () => {
  const throttle = new Throttle({ requests: 50, requestBurst: 2 });
  let waiting = 20;
  let paused = false;
  const read = (): void => {
    while (waiting > 0 && !paused) {
      waiting -= 1;
      bucket.take();
    }
  };
  const reading = {
    pause: () => {
      paused = true;
    },
    resume: () => {
      paused = false;
      read();
    },
  };
  const bucket = throttle.bucket(reading, () => {});
  read();
  assert.ok(waiting > 0, 'it is held up');
  await until('all requests are read', () => waiting === 0);
  bucket.end();
});

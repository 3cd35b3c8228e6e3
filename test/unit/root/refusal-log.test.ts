import assert from 'node:assert/strict';
import test from 'node:test';
import { type RefusalLine, RefusalLog } from '../../../src/refusal-log.ts';

test('a client that is refused again and again is told of once a minute, and all are counted', () => {
  const lines: RefusalLine[] = [];
  const log = new RefusalLog(line => lines.push(line));
  const error = new Error('CERT_HAS_EXPIRED');
  for (let second = 0; second < 61; second++) log.add('10.0.0.1', error, second * 1000);
  log.add('10.0.0.2', error, 61_000);
  const why = 'the certificate of the client has expired';
  assert.deepEqual(lines, [
    { peer: '10.0.0.1', why },
    { peer: '10.0.0.1', why, before: 59 },
    { peer: '10.0.0.2', why },
  ]);
  assert.equal(log.total, 62);
});

test('however many there are, few are remembered', () => {
  let told = 0;
  const log = new RefusalLog(() => told++);
  for (let peer = 0; peer < 5000; peer++) log.add(`peer ${peer}`, new Error('x'), 0);
  log.add('peer 4999', new Error('x'), 1);
  assert.equal(told, 5000);
  log.add('peer 0', new Error('x'), 1);
  assert.equal(told, 5001, 'the first is forgotten');
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Board } from '../../../src/snapshot/board.ts';
import { Clients } from '../../../src/xds/clients.ts';
import { FrameEncoder } from '../../../src/xds/frame.ts';
import { defaultLimits } from '../../../src/xds/limits.ts';
import { Pacer } from '../../../src/xds/pacer.ts';
import { defaultXdsSettings } from '../../../src/xds/service.ts';
import { StreamDriver } from '../../../src/xds/stream-driver.ts';
import { publication, snapshot, urls } from '../../support/xds-fixtures.ts';
import { writeDelta } from '../../support/xds-wire.ts';

/** The longest that Node can wait; what is longer runs out at once. */
const longest = 2 ** 31 - 1;
const year = 365 * 86_400_000;

test('R34: a time to live of a year needs a sign of life in weeks, and not at once', t => {
  const delays: number[] = [];
  t.mock.method(globalThis, 'setTimeout', (_: () => void, delay: number) => {
    delays.push(delay);
    return { unref() {} };
  });
  const board = new Board();
  board.publish(publication(snapshot('f', { EDS: { a: `1 ttl=${year}` } })));
  const { order, rejection } = defaultXdsSettings;
  const shared = {
    settings: { order, rejection },
    limits: defaultLimits,
    random: () => 0,
    frames: new FrameEncoder('test'),
    pacer: new Pacer({ limit: 1_000_000, patience: 1_000 }),
    emit: () => {},
  };
  const nonces: string[] = [];
  const port = {
    peer: 'connection',
    certificate: undefined,
    write: ({ nonce }: { nonce: string }) => void nonces.push(nonce),
    end: (_: string, message: string) => assert.fail(message),
  };
  const settings = { streamId: 1, variant: 'delta', impliedType: urls.EDS, nonceSalt: 1 } as const;
  const stream = new StreamDriver(settings, port, shared, new Clients(board, shared));
  const features = ['xds.config.supports-resource-ttl'];
  stream.received(writeDelta({ typeUrl: urls.EDS, node: 'n', features, subscribe: ['a'] }));
  stream.received(writeDelta({ typeUrl: urls.EDS, nonce: nonces[0] ?? '' }));
  assert.ok(delays.length > 0, 'a timer runs');
  assert.equal(Math.max(...delays), longest);
});

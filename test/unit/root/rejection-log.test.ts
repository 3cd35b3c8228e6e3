import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { pino } from 'pino';
import type { ProxyStatus, WithheldResource } from '../../../src/fleet/proxy.ts';
import { RejectionLog } from '../../../src/rejection-log.ts';
import { testNode, urls } from '../../support/xds-fixtures.ts';

function logged() {
  const lines: Readonly<Record<string, unknown>>[] = [];
  const clock = { now: 0 };
  const log = new RejectionLog({
    log: pino({ base: null }, { write: (line: string) => void lines.push(JSON.parse(line)) }),
    place: () => ({ file: 'a.yaml' }),
    now: () => clock.now,
  });
  const nack = (message: string, clientId = 1, typeUrl: string = urls.CDS) =>
    log.nacked({ kind: 'nacked', clientId, typeUrl, version: '1', nonce: 'n', code: 13, message });
  return { lines, clock, log, nack, texts: () => lines.map(each => each['msg']) };
}

const proxy: ProxyStatus = {
  clientId: 1,
  node: { ...testNode, id: 'edge-1' },
  peer: '',
  variant: 'delta',
  assignment: { kind: 'assigned', key: 'edge' },
  connectedAt: 0,
  types: new Map(),
  withheld: undefined,
};

const reject = (name: string, version = '1', message = 'no'): WithheldResource => ({
  typeUrl: urls.CDS,
  name,
  version,
  code: 13,
  message,
  instead: undefined,
  at: 0,
});

describe('the log of rejections', () => {
  it('has one line for a client and type until its words change, with how often it was', () => {
    const { lines, clock, nack } = logged();
    for (let time = 0; time < 100; time++) nack('no a');
    nack('no a', 1, urls.LDS);
    nack('no a', 2);
    assert.equal(lines.length, 3);
    clock.now = 10_000;
    nack('no b');
    assert.equal(lines.length, 4);
    assert.deepEqual([lines[3]?.['message'], lines[3]?.['rejections'], lines[3]?.['untold']], ['no b', 101, 99]);
  });

  it('has no more of them for words that change all the time', () => {
    const { lines, clock, nack } = logged();
    for (let time = 0; time < 100; time++) {
      clock.now = time * 1000;
      nack(`no ${time}`);
    }
    assert.equal(lines.length, 10);
  });

  it('has one line for a resource until that has another content', () => {
    const { lines, log, texts } = logged();
    for (let time = 0; time < 50; time++) log.rejects(proxy, [reject('a', '1', `no ${time}`)]);
    log.rejects(proxy, [reject('b')]);
    log.rejects(proxy, [reject('a', '2')]);
    assert.deepEqual(texts(), [
      'edge-1 rejects a and keeps what it had: no 0',
      'edge-1 rejects b and keeps what it had: no',
      'edge-1 rejects a and keeps what it had: no',
    ]);
    assert.deepEqual(
      lines.map(each => each['earlier']),
      [undefined, undefined, 50],
    );
    assert.equal(lines[0]?.['file'], 'a.yaml');
  });

  it('lists a few of many resources, and says how many there are', () => {
    const { log, texts } = logged();
    const many = Array.from({ length: 5000 }, (_, index) => reject(`c${index}`));
    log.rejects(proxy, many);
    assert.equal(texts().length, 11);
    assert.equal(texts().at(-1), 'edge-1 rejects 4990 more resources');
    log.rejects(proxy, many.slice(-100));
    assert.equal(texts().length, 11);
  });

  it('begins anew with a client that has gone', () => {
    const { log, nack, lines } = logged();
    nack('no a');
    log.gone(1);
    nack('no a');
    assert.equal(lines.length, 2);
  });
});

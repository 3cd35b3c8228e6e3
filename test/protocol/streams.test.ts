import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { test } from 'node:test';
import { Board } from '../../src/snapshot/board.ts';
import { delimited, textField } from '../../src/snapshot/wire.ts';
import { discoveryServices } from '../../src/xds/discovery-services.ts';
import { XdsService } from '../../src/xds/service.ts';
import { XdsClient } from '../support/xds-client.ts';
import { publication, snapshot, type TypeName, urls } from '../support/xds-fixtures.ts';
import { testXdsSettings } from '../support/xds-transport.ts';
import { writeDelta, writeSotw } from '../support/xds-wire.ts';

const node = 'test-node';

test('R1: every method of every service subscribes and is told of changes', async t => {
  const board = new Board();
  const service = new XdsService(board, { ...testXdsSettings, port: 0 }, () => {});
  const port = await service.listen();
  t.after(() => service.close(AbortSignal.timeout(300)));
  const all = (content: string) =>
    publication(snapshot('fleet', Object.fromEntries(Object.keys(urls).map(type => [type, { a: content }]))));
  const methods = discoveryServices.flatMap(({ service: name, impliedType, methods: ofService }) =>
    Object.entries(ofService).map(([method, variant]) => ({ name, impliedType, method, variant })),
  );
  assert.equal(methods.length, 2 * 9 + 2);
  for (const { name, impliedType, method, variant } of methods) {
    board.publish(all('1'));
    const client = new XdsClient(port, variant, { service: name, method });
    // On a stream of one type it may be left out (R2).
    const typeUrl = impliedType ?? urls.SDS;
    if (variant === 'sotw') client.sotw({ typeUrl: impliedType ? '' : typeUrl, node, names: ['a'] });
    else client.delta({ typeUrl: impliedType ? '' : typeUrl, node, subscribe: ['a'] });
    const first = await client.response(1);
    assert.deepEqual([first.typeUrl, first.resources.map(each => each.content)], [typeUrl, ['1']], method);
    client.ack(first, ['a']);
    board.publish(all('2'));
    assert.deepEqual(
      (await client.response(2)).resources.map(each => each.content),
      ['2'],
      method,
    );
    client.cancel();
  }
});

for (const variant of ['sotw', 'delta'] as const) {
  test(`R36: a request with resource locators is served by its names (${variant})`, async t => {
    const board = new Board();
    const service = new XdsService(board, { ...testXdsSettings, port: 0 }, () => {});
    const client = new XdsClient(await service.listen(), variant);
    t.after(async () => {
      client.cancel();
      await service.close(AbortSignal.timeout(300));
    });
    board.publish(
      publication(snapshot('fleet', { SDS: { a: '1', b: '1' } as const } satisfies Partial<Record<TypeName, object>>)),
    );
    const fields = { typeUrl: urls.SDS, node, names: ['a'], subscribe: ['a'] };
    const written = variant === 'sotw' ? writeSotw(fields) : writeDelta(fields);
    const locators = (variant === 'sotw' ? [7] : [8, 9]).map(field => delimited(field, textField(1, 'b')));
    client.raw(Buffer.concat([written, ...locators]));
    assert.deepEqual(
      (await client.response(1)).resources.map(each => each.name),
      ['a'],
    );
  });
}

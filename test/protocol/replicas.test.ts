import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { until } from '../support/until.ts';
import { XdsClient } from '../support/xds-client.ts';
import { urls } from '../support/xds-fixtures.ts';
import { type ServedXds, serveXds } from '../support/xds-server.ts';
import type { ReadResponse } from '../support/xds-wire.ts';

/** Versions belong to resources: whichever stream or server a client is on, equal content has equal ones. */

const sets = { CDS: { a: '1', b: '1' }, EDS: { a: '1', b: '2' } };
const variants = ['sotw', 'delta'] as const;

function connect(t: TestContext, served: ServedXds, variant: (typeof variants)[number]): XdsClient {
  const client = new XdsClient(served.port, variant);
  t.after(() => client.cancel());
  return client;
}

/** All that a response says about versions. */
const versions = ({ version, resources }: ReadResponse) => [version, ...resources.map(each => each.version)];

for (const variant of variants) {
  test(`R5: two streams have the same versions, and each its own subscriptions (${variant})`, async t => {
    const served = await serveXds(t);
    served.publish(sets);
    const [one, two] = [connect(t, served, variant), connect(t, served, variant)];
    for (const [client, node] of [
      [one, 'one'],
      [two, 'two'],
    ] as const) {
      client[variant]({ typeUrl: urls.CDS, node });
      client.ack(await client.response(1));
    }
    assert.deepEqual(versions(one.responses[0]!), versions(two.responses[0]!));
    for (const [client, name] of [
      [one, 'a'],
      [two, 'b'],
    ] as const) {
      client[variant]({ typeUrl: urls.EDS, names: [name], subscribe: [name] });
      const { resources } = await client.response(2);
      assert.deepEqual(
        resources.map(each => each.name),
        [name],
      );
    }
  });

  test(`R48: a client that moves to another server is sent nothing that it has (${variant})`, async t => {
    const [first, second] = [await serveXds(t), await serveXds(t)];
    for (const served of [first, second]) served.publish(sets);
    const before = connect(t, first, variant);
    before[variant]({ typeUrl: urls.CDS, node: 'mover' });
    const { version, resources } = await before.response(1);
    const after = connect(t, second, variant);
    const has = Object.fromEntries(resources.map(each => [each.name, each.version ?? '']));
    if (variant === 'sotw') after.sotw({ typeUrl: urls.CDS, node: 'mover', version });
    else after.delta({ typeUrl: urls.CDS, node: 'mover', has });
    await until('it is known to be current', () => {
      const proxy = second.fleet.proxies()[0];
      return proxy?.types.get(urls.CDS)?.state === 'synced';
    });
    assert.deepEqual(after.responses, []);
    second.publish({ ...sets, CDS: { a: '1', b: '2' } });
    const changed = await after.response(1);
    assert.deepEqual(
      changed.resources.map(each => each.name),
      variant === 'sotw' ? ['a', 'b'] : ['b'],
    );
  });
}

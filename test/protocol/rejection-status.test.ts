import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import type { ProxyReply } from '../../src/admin/api.ts';
import { proxyRows } from '../../src/admin/proxy-table.ts';
import { until } from '../support/until.ts';
import { XdsClient } from '../support/xds-client.ts';
import { type Sets, urls } from '../support/xds-fixtures.ts';
import { type ServedXds, serveXds } from '../support/xds-server.ts';

const good = { CDS: { a: '1', b: '1' } };
const reason = 'no such filter';
/** As Envoy names the clusters that it does not take. */
const words = (name: string) => `Error adding/updating cluster(s) ${name}: ${reason}`;

async function seen(served: ServedXds, test: (row: ProxyReply) => boolean): Promise<ProxyReply> {
  return until('the table shows it', () => [...proxyRows(served)].map(each => each.reply()).find(test));
}

/** A client that holds the good set. */
async function holder(t: TestContext, variant: 'sotw' | 'delta') {
  const served = await serveXds(t);
  served.publish(good);
  const client = new XdsClient(served.port, variant);
  t.after(() => client.cancel());
  client[variant]({ typeUrl: urls.CDS, node: 'edge-1' });
  client.ack(await client.response(1));
  await seen(served, each => each.state === 'synced');
  return { served, client };
}

for (const variant of ['sotw', 'delta'] as const) {
  /** The client is sent a new set of which it rejects `a`, in Envoy's words. */
  const rejecting = async (t: TestContext, sets: Sets) => {
    const { served, client } = await holder(t, variant);
    served.publish(sets);
    const { nonce } = await client.response(2);
    client[variant]({ typeUrl: urls.CDS, nonce, error: words('a') });
    return { served, client, row: await seen(served, each => each.rejectCount === 1) };
  };

  test(`R42: a row tells what was rejected, and that there is nothing else to come (${variant})`, async t => {
    const { row } = await rejecting(t, { CDS: { a: '2', b: '1' } });
    assert.equal(row.why, `it rejected CDS a, and has everything else: ${reason}`);
    assert.deepEqual([row.state, row.types.CDS?.state, row.types.CDS?.withheld], ['rejected', 'rejected', 1]);
  });

  test(`R42: a row tells when the rest of the change is there (${variant})`, async t => {
    const { served, client, row } = await rejecting(t, { CDS: { a: '2', b: '2', c: '1' } });
    assert.equal(row.why, `it rejected CDS a, and everything else is on its way: ${reason}`);
    client.ack(await client.response(3));
    const end = await seen(served, each => each.types.CDS?.acked === each.types.CDS?.sent);
    assert.equal(end.why, `it rejected CDS a, and has everything else: ${reason}`);
    served.publish({ CDS: { a: '1', b: '2', c: '1' } });
    // What is in doubt is sent again.
    if (variant === 'delta') client.ack(await client.response(4));
    const mended = await seen(served, each => each.state === 'synced');
    assert.deepEqual([mended.types.CDS?.withheld, mended.rejects, mended.why], [undefined, undefined, undefined]);
  });

  test(`R42: a row tells that it is not known yet what was rejected (${variant})`, async t => {
    const { served, client } = await holder(t, variant);
    served.publish({ CDS: { a: '2', b: '2' } });
    const { nonce } = await client.response(2);
    client[variant]({ typeUrl: urls.CDS, nonce, error: 'bad' });
    const row = await seen(served, each => each.suspectCount === 2);
    assert.match(
      row.why ?? '',
      /^it rejected something, perhaps CDS [ab]; .* and partial application is unknown: bad$/,
    );
    assert.deepEqual([row.rejects, row.types.CDS?.withheld], [[], 2]);
  });

  test(`P29: what a client says of a secret is not told (${variant})`, async t => {
    const served = await serveXds(t);
    served.publish({ SDS: { key: '1' } });
    const client = new XdsClient(served.port, variant);
    t.after(() => client.cancel());
    const subscribed = variant === 'sotw' ? { names: ['key'] } : { subscribe: ['key'] };
    client[variant]({ typeUrl: urls.SDS, node: 'edge-1', ...subscribed });
    const { nonce } = await client.response(1);
    client[variant]({ typeUrl: urls.SDS, nonce, ...(variant === 'sotw' && subscribed), error: 'bad: "hush"' });
    const row = await seen(served, each => each.state === 'rejected' && each.rejects !== undefined);
    assert.match(JSON.stringify(row), /Secret/);
    assert.doesNotMatch(JSON.stringify(row) + JSON.stringify(served.fleet.proxies()), /hush/);
  });
}

test('R26, R42: a client that came back, and of which nobody knows what it had, is told of as such', async t => {
  const served = await serveXds(t);
  served.publish(good);
  const client = new XdsClient(served.port, 'sotw');
  t.after(() => client.cancel());
  client.sotw({ typeUrl: urls.CDS, node: 'edge-1', version: 'from-before' });
  const { nonce } = await client.response(1);
  client.sotw({ typeUrl: urls.CDS, nonce, error: words('a') });
  const row = await seen(served, each => each.state === 'rejected');
  assert.equal(row.why, `it rejected CDS, and partial application is unknown: ${words('a')}`);
});

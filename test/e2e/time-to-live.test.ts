import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { RunningEnvoy } from '../../envoy/process.ts';
import type { RawResource } from '../../src/snapshot/raw.ts';
import { runtimeLayer } from '../../src/translate/bootstrap.ts';
import { ask } from '../support/client.ts';
import { freePort } from '../support/ports.ts';
import { answering, anyHost, inline, listener, raw } from '../support/raw-resources.ts';
import { RawWorld, variants } from '../support/raw-world.ts';
import { until } from '../support/until.ts';

/** Milliseconds. */
const ttl = 2_000;

/** Envoy knows these and does not say so by itself. */
const features = ['xds.config.supports-resource-ttl', 'xds.config.resource-in-sotw'];

for (const variant of variants) {
  describe(`times to live on a real Envoy (${variant})`, { timeout: 60_000 }, () => {
    let world: RawWorld;
    let envoy: RunningEnvoy;
    let [brief, kept, lasting] = [0, 0, 0];
    let begun = 0;

    const table = inline({ name: 'inline', virtual_hosts: [anyHost(answering('here'))] });
    const publish = (ofKept: Pick<RawResource, 'ttl'>): void => {
      const layer = { name: runtimeLayer, layer: { 'test.value': 'here' } };
      world.publish(
        { ...listener('brief', brief, table), ttl },
        { ...listener('kept', kept, table), ...ofKept },
        listener('lasting', lasting, table),
        raw('envoy.service.runtime.v3.Runtime', runtimeLayer, layer, { ttl }),
      );
    };
    const value = async () => {
      const { entries } = JSON.parse(await envoy.admin('/runtime')) as {
        entries: Record<string, { final_value: string }>;
      };
      return entries['test.value']?.final_value;
    };
    const refuses = (port: number) =>
      ask(port, '/', { fresh: true }).then(
        () => false,
        (error: NodeJS.ErrnoException) => error.code === 'ECONNREFUSED',
      );

    before(async () => {
      [brief, kept, lasting] = [await freePort(), await freePort(), await freePort()];
      world = await RawWorld.start();
      publish({ ttl });
      envoy = await world.envoy({
        variant,
        change: usual => ({ ...usual, node: { ...usual.node, client_features: features } }),
      });
      begun = performance.now();
    });
    after(() => world?.[Symbol.asyncDispose]());

    it('R34: what has a time to live stays as long as there are signs of life', async () => {
      const seen = new Set<string>();
      await until('its time would have run out twice', async () => {
        seen.add(`${await value()}, ${(await ask(brief, '/', { fresh: true })).text}`);
        return performance.now() - begun > 2 * ttl;
      });
      assert.deepEqual([...seen], ['here, here']);
      assert.equal(world.events.filter(each => each.kind === 'nacked').length, 0);
    });

    it('R34: it goes when there are none, and what has no such time stays, or has it no more', async () => {
      const sent = world.told('sent', 'LDS').length;
      publish({});
      await world.answered('LDS', sent);
      await world.endServer();
      await until('the layer is cleared', async () => (await value()) === undefined);
      await until('the listener has gone', () => refuses(brief));
      for (const port of [kept, lasting]) assert.equal((await ask(port, '/', { fresh: true })).text, 'here');
    });
  });
}

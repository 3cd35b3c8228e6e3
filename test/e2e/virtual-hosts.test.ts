import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { RunningEnvoy } from '../../envoy/process.ts';
import { any } from '../../proto/codec.ts';
import type { RawResource } from '../../src/snapshot/raw.ts';
import { ask } from '../support/client.ts';
import { freePort } from '../support/ports.ts';
import { ads, answering, deltaStream, listener, raw, rds } from '../support/raw-resources.ts';
import { RawWorld } from '../support/raw-world.ts';
import { until } from '../support/until.ts';

/** A host that Envoy asks for when a request has one of the names. */
function host(name: string, text: string, ...domains: readonly string[]): RawResource {
  const message = { name: `hosts/${name}`, domains, routes: [answering(text)] };
  const aliases = domains.map(each => `hosts/${each}`);
  return raw('envoy.config.route.v3.VirtualHost', `hosts/${name}`, message, { aliases, onDemand: true });
}

for (const [how, source] of [
  ['over ADS', ads],
  ['over a stream of its own', deltaStream],
] as const) {
  describe(`virtual hosts on demand, ${how}`, { timeout: 60_000 }, () => {
    let world: RawWorld;
    let envoy: RunningEnvoy;
    let port = 0;

    const base = (patience = '15s'): readonly RawResource[] => [
      listener('web', port, {
        ...rds('hosts'),
        http_filters: [
          { name: 'on-demand', typed_config: any('envoy.extensions.filters.http.on_demand.v3.OnDemand', {}) },
        ],
      }),
      raw('envoy.config.route.v3.RouteConfiguration', 'hosts', {
        name: 'hosts',
        vhds: { config_source: { ...source, initial_fetch_timeout: patience } },
        response_headers_to_add: [{ header: { key: 'x-table', value: patience } }],
      }),
    ];
    const get = async (name: string) => {
      const { status, text, headers } = await ask(port, '/', { host: name });
      return { status, text, table: headers['x-table'] };
    };

    before(async () => {
      port = await freePort();
      world = await RawWorld.start();
      world.publish(...base(), host('shop', 'first', 'shop.example', 'www.shop.example'));
      const begun = performance.now();
      envoy = await world.envoy({ variant: 'delta' });
      assert.ok(performance.now() - begun < 10_000, 'it did not wait for a first host until its time limit of 15 s');
    });
    after(() => world?.[Symbol.asyncDispose]());

    it('R1, R46: a host comes when it is asked for, by each of its aliases', async () => {
      assert.deepEqual(await get('shop.example'), { status: 200, text: 'first', table: '15s' });
      const sent = world.told('sent', 'VHDS').length;
      assert.equal((await get('www.shop.example')).text, 'first');
      assert.equal(world.told('sent', 'VHDS').length, sent, 'it has come with its other name');
    });

    it('R46: a host that does not exist is 404 at once, and comes when it does', async () => {
      const asked = performance.now();
      assert.equal((await get('new.example')).status, 404);
      assert.ok(performance.now() - asked < 10_000, 'nothing waited for a time limit');
      world.publish(
        ...base(),
        host('shop', 'first', 'shop.example', 'www.shop.example'),
        host('new', 'n', 'new.example'),
      );
      await until('it has come', async () => (await get('new.example')).text === 'n');
    });

    it('R30, R46: a host that changes, and one that is removed', async () => {
      world.publish(
        ...base(),
        host('shop', 'second', 'shop.example', 'www.shop.example'),
        host('new', 'n', 'new.example'),
      );
      await until('it has changed', async () => (await get('shop.example')).text === 'second');
      world.publish(...base(), host('shop', 'second', 'shop.example', 'www.shop.example'));
      await until('it has gone', async () => (await get('new.example')).status === 404);
      assert.equal((await get('shop.example')).text, 'second');
    });

    it('R46: a table that asks for its hosts in another way has them again', async () => {
      world.publish(...base('14s'), host('shop', 'second', 'shop.example', 'www.shop.example'));
      await until('it has changed', async () => {
        const { status, text, table } = await get('shop.example');
        return status === 200 && text === 'second' && table === '14s';
      });
      assert.equal(await envoy.stat('cluster_manager.cds.update_rejected'), 0);
      assert.equal(world.events.filter(each => each.kind === 'nacked').length, 0);
    });

    it('R18, R46: hosts that were asked for are followed across a restart of the server', async () => {
      const shop = (text: string) => host('shop', text, 'shop.example', 'www.shop.example');
      world.publish(...base('14s'), shop('second'));
      await until('the host is there', async () => (await get('www.shop.example')).text === 'second');
      assert.equal((await get('new.example')).status, 404);
      await world.restartServer();
      assert.equal((await get('www.shop.example')).text, 'second');
      world.publish(...base('14s'), shop('third'), host('new', 'n', 'new.example'));
      await until('it has changed', async () => (await get('shop.example')).text === 'third');
      await until('the other has come', async () => (await get('new.example')).text === 'n');
    });
  });
}

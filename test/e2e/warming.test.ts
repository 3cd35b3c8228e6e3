import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import type { RunningEnvoy } from '../../envoy/process.ts';
import { type Backend, startBackend } from '../support/backend.ts';
import { ask } from '../support/client.ts';
import { freePort } from '../support/ports.ts';
import { ads, anyHost, assignment, edsCluster, listener, rds, table, to } from '../support/raw-resources.ts';
import { RawWorld, variants } from '../support/raw-world.ts';
import { until } from '../support/until.ts';
import { type TypeName, urls } from '../support/xds-fixtures.ts';

for (const variant of variants) {
  describe(`clusters that warm, on a real Envoy (${variant})`, { timeout: 60_000 }, () => {
    let world: RawWorld;
    let envoy: RunningEnvoy;
    let backend: Backend;
    let port = 0;
    let since = 0;

    const old = () => [edsCluster('old'), assignment('old', backend.port), listener('web', port, rds('web'))];
    const warming = edsCluster('new', {
      eds_cluster_config: { eds_config: { ...ads, initial_fetch_timeout: '60s' } },
    });
    /** `sent CDS`, `acked EDS` and so on, since the last publication, each once. */
    const order = (...types: readonly TypeName[]): readonly string[] => {
      const told = world.events.slice(since).flatMap(event => {
        const type = 'typeUrl' in event ? types.find(each => urls[each] === event.typeUrl) : undefined;
        return type && (event.kind === 'sent' || event.kind === 'acked') ? [`${event.kind} ${type}`] : [];
      });
      return [...new Set(told)];
    };

    before(async () => {
      port = await freePort();
      [world, backend] = await Promise.all([RawWorld.start(2_000), startBackend({ name: 'shop' })]);
      world.publish(...old(), table('web', anyHost(to('old'))));
      envoy = await world.envoy({ variant });
      await until('it answers', async () => (await ask(port)).by === 'shop');
    });
    after(async () => {
      await world?.[Symbol.asyncDispose]();
      await backend?.[Symbol.asyncDispose]();
    });

    it('R38: clusters are acknowledged when the endpoints of new ones have come, and routes follow', async () => {
      since = world.events.length;
      world.publish(...old(), warming, assignment('new', backend.port), table('web', anyHost(to('new'))));
      await until('routes are acknowledged', () => order('RDS').includes('acked RDS'));
      // Envoy answers for the endpoints after the clusters that have become ready by them.
      assert.deepEqual(
        order('CDS', 'EDS', 'RDS').filter(each => each !== 'acked EDS'),
        ['sent CDS', 'sent EDS', 'acked CDS', 'sent RDS', 'acked RDS'],
      );
      assert.equal((await ask(port)).by, 'shop');
      world.publish(...old(), table('web', anyHost(to('old'))));
      await until('the new one has gone', async () => !(await envoy.admin('/clusters')).includes('new::'));
    });

    it('R12, R38: a cluster whose endpoints do not come holds up its own acknowledgement, and no other type', async () => {
      since = world.events.length;
      const changed = table('web', { ...anyHost(to('old')), response_headers_to_add: [marked] });
      world.publish(...old(), warming, changed);
      if (variant === 'delta') {
        // That there are none is an answer as well: it ends the warming.
        await until('clusters are acknowledged', () => order('CDS').includes('acked CDS'));
      } else {
        await until('it warms', async () => (await envoy.stat('cluster_manager.warming_clusters')) === 1);
      }
      await until('routes have come', async () => (await ask(port)).headers['x-changed'] === 'yes');
      assert.equal(order('CDS').includes('acked CDS'), variant === 'delta');
      world.publish(...old(), warming, assignment('new', backend.port), changed);
      await until('clusters are acknowledged', () => order('CDS').includes('acked CDS'));
      assert.equal(await envoy.stat('cluster_manager.warming_clusters'), 0);
    });
  });
}

const marked = { header: { key: 'x-changed', value: 'yes' } };

import assert from 'node:assert/strict';
import { renameSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { pino } from 'pino';
import { type RunningEnvoy, startEnvoy } from '../../envoy/process.ts';
import { millis } from '../../src/base/units.ts';
import { type RunningServer, startServer } from '../../src/main.ts';
import type { PolicyInput } from '../../src/policy/kinds.ts';
import { bootstrap, bootstrapDefaults } from '../../src/translate/bootstrap.ts';
import { defaultXdsSettings } from '../../src/xds/service.ts';
import { type Backend, startBackend } from '../support/backend.ts';
import { ask } from '../support/client.ts';
import { freePort } from '../support/ports.ts';
import { spoilingPipeline } from '../support/spoiled-pipeline.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { until } from '../support/until.ts';
import { testTransport } from '../support/xds-transport.ts';

/** A cluster is spoiled if the policy gives it this timeout. */
const spoiledTimeout = '0.777s';

class Plane {
  readonly folder = temporaryDirectory();
  readonly log: string[] = [];
  readonly envoys: RunningEnvoy[] = [];
  server: RunningServer | undefined;
  xdsPort = 0;

  async start(): Promise<void> {
    this.xdsPort ||= await freePort();
    const settings = {
      policy: join(this.folder, 'switchyard.json'),
      data: join(this.folder, 'data'),
      xds: { host: '127.0.0.1', port: this.xdsPort },
      xdsTransport: testTransport,
      admin: { host: '127.0.0.1', port: 0 },
      adminHosts: new Set<string>(),
      lingerLimit: millis(500),
      logLevel: 'warn',
    };
    const rejection = { ...defaultXdsSettings.rejection, pause: 100, retryAfter: 300 };
    const log = pino({ level: 'warn' }, { write: (line: string) => void this.log.push(line) });
    const pipeline = spoilingPipeline((_, cluster) => cluster.connect_timeout === spoiledTimeout);
    this.server = await startServer(settings, log, { pipeline, xds: { rejection } });
  }

  save(policy: PolicyInput): void {
    const file = join(this.folder, 'switchyard.json');
    writeFileSync(`${file}.new`, JSON.stringify(policy, undefined, 2));
    renameSync(`${file}.new`, file);
  }

  async proxy(id: string, cluster: string, variant: 'delta' | 'sotw'): Promise<RunningEnvoy> {
    const admin = `127.0.0.1:${await freePort()}`;
    const options = { node: { id, cluster }, xds: [`127.0.0.1:${this.xdsPort}`], variant, admin, ...bootstrapDefaults };
    const envoy = startEnvoy({ name: id, bootstrap: bootstrap(options) });
    this.envoys.push(envoy);
    await envoy.ready(AbortSignal.timeout(60_000));
    return envoy;
  }

  /** What a proxy rejects, by name. */
  rejects(id: string): readonly string[] {
    const proxy = this.server?.fleet.proxies().find(each => each.node.id === id);
    return proxy?.withheld?.rejects.map(each => each.name) ?? [];
  }

  quarantined(): readonly string[] {
    return this.server?.control.accepted?.quarantines.map(each => `${each.fleet}: ${each.name}`) ?? [];
  }

  async close(): Promise<void> {
    await Promise.all(this.envoys.map(each => each.stop()));
    await this.server?.close();
  }
}

describe('what proxies reject', { timeout: 120_000 }, () => {
  const plane = new Plane();
  const ports = { edge: 0, solo: 0, taken: 0 };
  let one: Backend;
  let two: Backend;

  const policy = (
    change: { web?: string; other?: Backend; listener?: boolean; spare?: boolean } = {},
  ): PolicyInput => ({
    services: {
      web: { endpoints: [{ address: one.address }], connectTimeout: change.web ?? '1s' },
      other: { endpoints: [{ address: (change.other ?? one).address }] },
      ...(change.spare ? { spare: { endpoints: [{ address: two.address }], connectTimeout: '777ms' } } : {}),
    },
    gateways: {
      edge: { listeners: [{ port: ports.edge, address: '127.0.0.1', protocol: 'http', reusePort: true }] },
      solo: {
        listeners: [ports.solo, ...(change.listener ? [ports.taken] : [])].map(port => ({
          port,
          address: '127.0.0.1',
          protocol: 'http' as const,
        })),
      },
    },
    routes: {
      shop: {
        gateways: ['edge', 'solo'],
        rules: [
          { name: 'other', match: { path: '/other' }, to: [{ service: 'other' }] },
          { name: 'web', to: [change.spare ? { service: 'spare' } : { service: 'web' }] },
        ],
      },
    },
    fleets: {
      edge: { match: { cluster: 'edge' }, gateways: ['edge'] },
      solo: { match: { cluster: 'solo' }, gateways: ['solo'] },
    },
  });

  const answer = async (port: number, path = '/') => {
    const { status, by } = await ask(port, path);
    return `${status} ${by}`;
  };
  const timeouts = async (envoy: RunningEnvoy) => {
    const dump = await envoy.admin('/config_dump?resource=dynamic_active_clusters');
    const { configs } = JSON.parse(dump) as { configs: { cluster: { name: string; connect_timeout: string } }[] };
    return Object.fromEntries(configs.map(each => [each.cluster.name, each.cluster.connect_timeout]));
  };

  before(async () => {
    [one, two] = [await startBackend({ name: 'one' }), await startBackend({ name: 'two' })];
    for (const key of ['edge', 'solo', 'taken'] as const) ports[key] = await freePort();
    plane.save(policy());
    await plane.start();
    await Promise.all([
      plane.proxy('edge-1', 'edge', 'delta'),
      plane.proxy('edge-2', 'edge', 'sotw'),
      plane.proxy('solo', 'solo', 'delta'),
    ]);
    for (const port of [ports.edge, ports.solo]) {
      await until('it serves', async () => (await answer(port)) === '200 one');
    }
  });
  after(async () => {
    await plane.close();
    await one[Symbol.asyncDispose]();
    await two[Symbol.asyncDispose]();
  });

  it('R42: one proxy that rejects a listener gets everything else, and the listener once its port is free', async () => {
    const taken = createServer().listen({ host: '127.0.0.1', port: ports.taken });
    await until('the port is taken', () => taken.listening);
    plane.save(policy({ listener: true, other: two }));
    await until('everything else is there', async () => (await answer(ports.solo, '/other')) === '200 two');
    await until('it says what it rejects', () => plane.rejects('solo').join() === `gateway/solo/${ports.taken}`);
    assert.equal(await answer(ports.solo), '200 one', 'its other listener goes on');
    assert.deepEqual(plane.quarantined(), [], 'one proxy takes nothing from its fleet');
    const said = await until('the log says where', () => plane.log.find(line => line.includes('"solo rejects')));
    assert.match(said, /switchyard\.json/);
    assert.match(said, /gateways\.solo\.listeners\[1\]/);
    await new Promise(resolve => taken.close(resolve));
    await until('it is tried again', async () => {
      return (await answer(ports.taken).catch(() => '')) === '200 one' && plane.rejects('solo').length === 0;
    });
    plane.save(policy());
    await until('it is as before', async () => (await answer(ports.solo, '/other')) === '200 one');
  });

  it('P12: what all proxies of a fleet reject is quarantined: they keep what they had, newcomers get that', async () => {
    plane.save(policy({ web: '777ms', other: two }));
    await until('it is quarantined', () => plane.quarantined().join() === 'edge: web');
    await until('everything else is there', async () => (await answer(ports.edge, '/other')) === '200 two');
    assert.equal(await answer(ports.edge), '200 one');
    await until(
      'nothing is left in dispute',
      () => plane.rejects('edge-1').length + plane.rejects('edge-2').length === 0,
    );
    const said = plane.log.find(line => line.includes('not sent any more')) ?? '';
    assert.match(said, /services\.web/);
    assert.match(said, /"line":\d+/);
    const newcomer = await plane.proxy('edge-3', 'edge', 'sotw');
    assert.deepEqual(await timeouts(newcomer), { web: '1s', other: '0.250s' });
    assert.deepEqual(plane.rejects('edge-3'), []);
    assert.deepEqual(plane.rejects('solo'), ['web'], 'the only one of its fleet keeps it for itself');
  });

  it('P12: a quarantine is kept over a restart, and the same is sent', async () => {
    const versions = () => [...(plane.server?.board.current?.snapshots.values() ?? [])].map(each => each.version);
    const known = versions();
    await plane.server?.close();
    await plane.start();
    await until('a policy is in force', () => plane.server?.control.accepted);
    assert.deepEqual(versions(), known);
    assert.deepEqual(plane.quarantined(), ['edge: web']);
    await until('all are back', () => plane.server?.fleet.proxies().length === 4);
    assert.equal(await answer(ports.edge), '200 one');
    assert.deepEqual(await timeouts(await plane.proxy('edge-4', 'edge', 'delta')), { web: '1s', other: '0.250s' });
  });

  it('P12: it is over when the resource changes, and the change arrives', async () => {
    plane.save(policy({ web: '2s' }));
    await until('it is over', () => plane.quarantined().length === 0);
    for (const envoy of plane.envoys) {
      await until(`${envoy.name} has it`, async () => (await timeouts(envoy)).web === '2s');
    }
    await until('nobody rejects anything', () => plane.server?.fleet.proxies().every(each => !each.withheld));
  });

  it('R42: a new cluster that is rejected is left out, and routes stay where they led', async () => {
    plane.save(policy({ web: '2s', spare: true, other: two }));
    await until('it is quarantined', () => plane.quarantined().join() === 'edge: spare');
    await until('everything else is there', async () => {
      const answers = [await answer(ports.edge, '/other'), await answer(ports.solo, '/other')];
      return answers.every(each => each === '200 two');
    });
    for (const port of [ports.edge, ports.solo]) assert.equal(await answer(port), '200 one', 'by the last good routes');
    plane.save(policy({ web: '2s' }));
    for (const port of [ports.edge, ports.solo]) {
      await until('the repair arrives', async () => (await answer(port, '/other')) === '200 one');
    }
    assert.deepEqual(plane.quarantined(), []);
  });
});

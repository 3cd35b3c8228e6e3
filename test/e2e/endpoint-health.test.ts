import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, describe, it } from 'node:test';
import { parse } from 'yaml';
import { startEnvoy } from '../../envoy/process.ts';
import type { EndpointHealthReply, EndpointHealthRow } from '../../src/admin/api.ts';
import { bootstrap, bootstrapDefaults } from '../../src/translate/bootstrap.ts';
import { runCommand } from '../support/cli.ts';
import { ask } from '../support/client.ts';
import { covers } from '../support/covers.ts';
import { until } from '../support/until.ts';
import { World } from '../support/world.ts';

const world = new World();
after(() => world.close());

const [seenPort, darkPort, adminPort, silentPort] = [
  await world.port(),
  await world.port(),
  await world.port(),
  await world.port(),
];
const [good, bad, checked] = await world.backends('good', 'bad', 'checked');
const listener = (port: number) => ({ port, address: '127.0.0.1', protocol: 'http' as const });
const admin = { address: '127.0.0.1:{metadata.admin}', within: ['127.0.0.1'], every: '1s' };

const [seen] = await world.start(
  {
    services: {
      catalog: {
        endpoints: [{ address: good.address }, { address: bad.address }],
        loadBalancing: { policy: 'roundRobin' },
        retries: { attempts: 0 },
        outlierDetection: { interval: '200ms', baseEjection: '60s', ejectionJitter: '0s', detectDegraded: true },
      },
      cart: {
        endpoints: [{ address: checked.address }],
        healthCheck: { http: { path: '/health' }, interval: '100ms', edgeInterval: '50ms', idleInterval: '100ms' },
      },
    },
    gateways: { seen: { listeners: [listener(seenPort)] }, dark: { listeners: [listener(darkPort)] } },
    routes: {
      shop: {
        gateways: ['seen', 'dark'],
        rules: ['catalog', 'cart'].map(service => ({ match: { path: `/${service}` }, to: [{ service }] })),
      },
    },
    fleets: {
      seen: { match: { cluster: 'seen' }, gateways: ['seen'], admin },
      dark: { match: { cluster: 'dark' }, gateways: ['dark'] },
    },
  },
  [
    { id: 'seen-1', cluster: 'seen', adminPort, metadata: { admin: String(adminPort) } },
    { id: 'dark-1', cluster: 'dark' },
  ],
);

const health = async (service?: string) => {
  const query = service === undefined ? '' : `?service=${service}`;
  return (await world.plane.api<EndpointHealthReply>('GET', `/api/v1/endpoint-health${query}`)).body;
};
const run = (...args: readonly string[]) => {
  const { adminPort: port } = world.plane;
  return runCommand([...args, '--admin', `127.0.0.1:${port}`, '--data', world.dataFolder], { cwd: world.folder });
};
const row = async (service: string, address: string) =>
  (await health(service)).endpoints.find(each => each.endpoint === address);
const counts = (each: EndpointHealthRow | undefined) =>
  each && [each.healthy, each.ejected, each.failedCheck, each.unchecked, each.degraded, each.unknown].join();

describe('how proxies find endpoints', () => {
  it('is known where the fleet says where to ask, and unknown elsewhere', async () => {
    covers('fleets.*.admin', 'fleets.*.admin.address', 'fleets.*.admin.within');
    await until('the proxy has been asked', async () => counts(await row('catalog', bad.address)) === '1,0,0,0,0,1');
    const { proxies, unknown } = await health();
    assert.equal(proxies, 2);
    assert.deepEqual(unknown, [{ id: 'dark-1', fleet: 'dark', why: 'its fleet declares no admin address' }]);
    assert.deepEqual((await health()).endpoints, []);
  });

  it('is said when an endpoint is ejected', async () => {
    bad.behave({ status: 503 });
    for (let request = 0; request < 12; request++) await ask(seenPort, '/catalog');
    await until('the ejection shows', async () => counts(await row('catalog', bad.address)) === '0,1,0,0,0,1');
    assert.equal(counts(await row('catalog', good.address)), '1,0,0,0,0,1');
    const { out } = await run('status');
    assert.match(out, new RegExp(`endpoint ${bad.address} of catalog: ejected by 1, unknown for 1`));
    const shown = await run('health', 'catalog');
    assert.equal(shown.code, 2);
    assert.match(shown.out, /catalog +\S+ +- +1 +- +- +- +1\n/);
    assert.match(shown.out, /dark-1 \(dark\): its fleet declares no admin address/);
  });

  it('is said when an endpoint says that it is degraded', async () => {
    good.behave({ headers: { 'x-envoy-degraded': 'true' } });
    await until('that shows', async () => {
      await ask(seenPort, '/catalog');
      return counts(await row('catalog', good.address)) === '0,0,0,0,1,1';
    });
  });

  it('is said when an active check fails', async () => {
    checked.behaveOnChecks({ status: 500 });
    await until('the failed check shows', async () => counts(await row('cart', checked.address)) === '0,0,1,0,0,1');
    checked.behaveOnChecks({});
    await until('the endpoint is back', async () => counts(await row('cart', checked.address)) === '1,0,0,0,0,1');
  });

  it('is unknown where another proxy answers, and where nobody does', async () => {
    await world.startProxy({ id: 'seen-2', cluster: 'seen', metadata: { admin: String(adminPort) } });
    await world.startProxy({ id: 'seen-3', cluster: 'seen', metadata: { admin: String(silentPort) } });
    const why = async (id: string) => (await health()).unknown.find(each => each.id === id)?.why ?? '';
    await until(
      'both are unknown',
      async () => /another proxy/.test(await why('seen-2')) && /ECONNREFUSED/.test(await why('seen-3')),
    );
    assert.equal(counts(await row('catalog', bad.address)), '0,1,0,0,0,3');
  });

  it('is unknown a while after a proxy has gone silent', async () => {
    assert.ok(seen);
    process.kill(seen.pid, 'SIGSTOP');
    try {
      await until(
        'it is unknown',
        async () => counts(await row('catalog', bad.address))?.startsWith('0,0,0,0,0') === true,
        60_000,
      );
    } finally {
      process.kill(seen.pid, 'SIGCONT');
    }
  });
});

describe('the listener of the guide', () => {
  it('lets two paths of the admin interface through, and nothing else', async () => {
    const guide = readFileSync(new URL('../../docs/guides/health.md', import.meta.url), 'utf8');
    const block = [...guide.matchAll(/```yaml\n(.*?)```/gs)]
      .map(([, text = '']) => text)
      .find(text => /^listeners:/.test(text));
    const hidden = await world.port();
    const shown = await world.port();
    const text = (block ?? '')
      .replace('10.0.1.4', '127.0.0.1')
      .replace('9902', String(shown))
      .replace('9901', String(hidden));
    const { listeners, clusters } = parse(text);
    const made = bootstrap({
      node: { id: 'seen-4', cluster: 'seen', metadata: { admin: String(shown) } },
      xds: [`127.0.0.1:${world.xdsPort}`],
      variant: 'delta',
      admin: `127.0.0.1:${hidden}`,
      ...bootstrapDefaults,
    });
    const statics = { listeners, clusters: [...(made.static_resources?.clusters ?? []), ...clusters] };
    world.adopt('seen-4', startEnvoy({ name: 'seen-4', bootstrap: { ...made, static_resources: statics } }));
    await until('it is known', async () => {
      const { proxies, unknown } = await health();
      return proxies >= 5 && !unknown.some(each => each.id === 'seen-4');
    });
    for (const path of ['/', '/config_dump', '/clusters/', '/stats', '/quitquitquit']) {
      assert.equal((await fetch(`http://127.0.0.1:${shown}${path}`)).status, 404, path);
    }
    for (const path of ['/clusters', '/server_info', '/quitquitquit']) {
      assert.equal((await fetch(`http://127.0.0.1:${shown}${path}`, { method: 'POST' })).status, 404, path);
    }
    assert.equal((await fetch(`http://127.0.0.1:${shown}/clusters`)).status, 200);
  });
});

import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import type { PolicyInput } from '../../src/policy/kinds.ts';
import { ask } from '../support/client.ts';
import { covers } from '../support/covers.ts';
import { startLoad } from '../support/load.ts';
import { until } from '../support/until.ts';
import { inUse, type ServiceInput, World } from '../support/world.ts';

type Streams = 'ads' | 'perType';
type Variant = 'delta' | 'sotw';
type XdsInput = NonNullable<PolicyInput['fleets']>[string]['xds'];

/** A fleet of one proxy, and how both are set up. */
interface Cast {
  readonly name: string;
  /** Of the bootstrap: clusters, listeners, runtime and the proxy's own fleet. */
  readonly bootstrap: Streams;
  readonly variant: Variant;
  /** Of the fleet: endpoints and routes. */
  readonly xds: XdsInput;
  readonly port: number;
}

const world = new World();
after(() => world.close());

const variants = ['delta', 'sotw'] as const;
const other = { delta: 'sotw', sotw: 'delta' } as const;
const onAds = { streams: 'ads' } as const;
const perType = (variant: Variant) => ({ streams: 'perType', variant }) as const;

const casts: readonly Cast[] = await Promise.all(
  variants
    .flatMap(variant => [
      { name: `ads-${variant}`, bootstrap: 'ads' as const, variant, xds: onAds },
      { name: `per-type-${variant}`, bootstrap: 'perType' as const, variant, xds: perType(variant) },
      { name: `mixed-${variant}`, bootstrap: 'ads' as const, variant, xds: perType(other[variant]) },
      { name: `mixed-back-${variant}`, bootstrap: 'perType' as const, variant, xds: onAds },
    ])
    .map(async each => ({ ...each, port: await world.port() })),
);

/** What is retired stays for as long as a request may take. */
const timeout = '2s';
const [one, two, three] = await world.backends('one', 'two', 'three');

interface Shape {
  /** Address behind `shop`, which all paths but `/extra` go to. */
  readonly shop: string;
  /** Address of a further service, behind a route of its own. */
  readonly extra?: string;
  /** Instead of what the cast says. */
  readonly xds?: (cast: Cast) => XdsInput;
}

function policy({ shop, extra, xds = cast => cast.xds }: Shape): PolicyInput {
  const services: Record<string, ServiceInput> = {
    shop: { endpoints: [{ address: shop }], timeout },
    ...(extra === undefined ? {} : { extra: { endpoints: [{ address: extra }], timeout } }),
  };
  return {
    services,
    gateways: Object.fromEntries(
      casts.map(({ name, port }) => [name, { listeners: [{ port, address: '127.0.0.1', protocol: 'http' }] }]),
    ),
    routes: {
      shop: {
        gateways: casts.map(each => each.name),
        rules: [
          ...(extra === undefined ? [] : [{ match: { path: '/extra' }, to: [{ service: 'extra' }] }]),
          { to: [{ service: 'shop' }] },
        ],
      },
    },
    fleets: Object.fromEntries(
      casts.map(cast => [cast.name, { match: { cluster: cast.name }, gateways: [cast.name], xds: xds(cast) }]),
    ),
  };
}

const proxyOf = ({ name }: Cast) => {
  const proxy = world.envoys.find(each => each.id === name);
  assert.ok(proxy, name);
  return proxy;
};

/** Proxies may be on several streams each, so what they hold is asked of them, and not of the sync table. */
async function answers(cast: Cast, path: string, by: string): Promise<void> {
  await until(
    `${cast.name} answers ${path} by ${by}`,
    async () => (await ask(cast.port, path)).by === by,
    60_000,
  ).catch((cause: unknown) => {
    throw new Error(`${(cause as Error).message}\n${proxyOf(cast).log().slice(-3000)}\n${world.plane.output}`, {
      cause,
    });
  });
}

const everywhere = (path: string, by: string) => Promise.all(casts.map(cast => answers(cast, path, by)));

/** Nothing was rejected, and nothing is left warming. */
async function allWell(): Promise<void> {
  for (const cast of casts) {
    const proxy = proxyOf(cast);
    await inUse(proxy);
    const rejected = (await proxy.admin('/stats?filter=update_rejected')).split('\n').filter(Boolean);
    assert.ok(rejected.length > 0, cast.name);
    assert.deepEqual(
      rejected.filter(line => !line.endsWith(': 0')),
      [],
      cast.name,
    );
  }
}

/**
 * Streams that a proxy has open: ADS and load reports, and without ADS those of the bootstrap (clusters, listeners,
 * runtime, its own fleet) and of the resources (a cluster's endpoints, a table of routes).
 */
const streamsOf = (bootstrap: Streams, fleet: Streams, clusters: number) =>
  2 + (bootstrap === 'perType' ? 4 : 0) + (fleet === 'perType' ? clusters + 1 : 0);

async function hasStreams(cast: Cast, clusters: number, xds = cast.xds): Promise<void> {
  const expected = streamsOf(cast.bootstrap, xds?.streams ?? 'ads', clusters);
  const count = (name: string) => proxyOf(cast).stat(`cluster.switchyard/xds.upstream_${name}_active`);
  await until(`${cast.name} has ${expected} streams on one connection`, async () => {
    const found = [await count('rq'), await count('cx')];
    if (found[0] !== expected || found[1] !== 1) throw new Error(String(found));
    return true;
  });
}

/** A part of what Envoy's `/config_dump` tells of clusters. */
interface Dump {
  readonly configs: readonly {
    readonly cluster: {
      readonly eds_cluster_config: {
        readonly eds_config: { readonly api_config_source?: { readonly api_type: string } };
      };
    };
  }[];
}

describe('fleets over ADS and over streams of single types, delta and SotW, and mixtures', () => {
  it('serve what they were given', async () => {
    covers('fleets.*.xds.streams', 'fleets.*.xds.variant');
    world.save(policy({ shop: one.address }));
    await (await world.makePlane()).start();
    await Promise.all(
      casts.map(({ name, bootstrap, variant }) =>
        world.startProxy({ id: name, cluster: name, variant, streams: bootstrap }),
      ),
    );
    await everywhere('/', 'one');
    await allWell();
    for (const cast of casts) await hasStreams(cast, 1);
  });

  it('are told in the variant that was chosen', async () => {
    for (const cast of casts) {
      const { configs } = JSON.parse(
        await proxyOf(cast).admin('/config_dump?resource=dynamic_active_clusters'),
      ) as Dump;
      const apis = configs.map(({ cluster }) => cluster.eds_cluster_config.eds_config.api_config_source?.api_type);
      const chosen = cast.xds?.streams === 'perType' ? cast.xds.variant : undefined;
      assert.deepEqual(apis, [chosen && { delta: 'DELTA_GRPC', sotw: 'GRPC' }[chosen]], cast.name);
    }
  });

  it('follow an endpoint', async () => {
    world.save(policy({ shop: two.address }));
    await everywhere('/', 'two');
    await allWell();
  });

  it('take a new service and the route to it', async () => {
    world.save(policy({ shop: two.address, extra: three.address }));
    await everywhere('/extra', 'three');
    await everywhere('/', 'two');
    await allWell();
    for (const cast of casts) await hasStreams(cast, 2);
  });

  it('let go of a service', async () => {
    world.save(policy({ shop: two.address }));
    await everywhere('/extra', 'two');
    for (const cast of casts) {
      const clusters = () => proxyOf(cast).admin('/clusters?format=text');
      await until(`${cast.name} has no cluster "extra"`, async () => !(await clusters()).includes('extra::'), 60_000);
    }
    await allWell();
    for (const cast of casts) await hasStreams(cast, 1);
  });

  it('serve on without the control plane, and find it again', async () => {
    await world.plane.stop('SIGKILL');
    await everywhere('/', 'two');
    world.save(policy({ shop: one.address, extra: three.address }));
    await world.plane.start();
    await everywhere('/', 'one');
    await everywhere('/extra', 'three');
    await allWell();
    for (const cast of casts) await hasStreams(cast, 2);
  });

  it('change over to the other kind of streams and back, and no request fails', async () => {
    const swap = (cast: Cast) => (cast.xds?.streams === 'ads' ? perType(cast.variant) : onAds);
    // Each on a connection of its own: those that a changed listener had are drained, and closed when that is over.
    const loads = casts.map(({ port }) =>
      world.use(startLoad(() => ask(port, '/', { fresh: true, patience: 5000 }), { perSecond: 20 })),
    );
    for (const xds of [swap, (cast: Cast) => cast.xds]) {
      world.save(policy({ shop: one.address, extra: three.address, xds }));
      for (const cast of casts) await hasStreams(cast, 2, xds(cast));
      await allWell();
    }
    world.save(policy({ shop: two.address }));
    await everywhere('/', 'two');
    await Promise.all(loads.map(load => load.more(10)));
    await Promise.all(loads.map(load => load.end()));
    for (const [index, load] of loads.entries()) assert.deepEqual(load.failures, [], casts[index]?.name);
  });
});

describe('a fleet with more clusters than Envoy has requests to one cluster by default', () => {
  for (const variant of variants) {
    it(`gets them all over one connection, ${variant}`, async () => {
      await using big = new World();
      const [port, count] = [await big.port(), 1100];
      const names = Array.from({ length: count }, (_, index) => `s${index}`);
      const routeTo = (services: readonly string[]) => ({
        gateways: ['public'],
        rules: services.map(service => ({ match: { path: `/${service}` }, to: [{ service }] })),
      });
      big.save({
        services: Object.fromEntries(names.map(name => [name, { endpoints: [{ address: one.address }] }])),
        gateways: { public: { listeners: [{ port, address: '127.0.0.1', protocol: 'http' }] } },
        routes: {
          some: { ...routeTo(names.slice(0, count / 2)), hosts: ['some.example.com'] },
          rest: routeTo(names.slice(count / 2)),
        },
        fleets: { edge: { match: { cluster: 'edge' }, gateways: ['public'], xds: perType(variant) } },
      });
      await (await big.makePlane()).start();
      const proxy = await big.startProxy({ id: 'edge', cluster: 'edge', variant, streams: 'perType' });
      await until('the last cluster answers', async () => (await ask(port, `/s${count - 1}`)).by === 'one', 60_000);
      assert.equal((await ask(port, '/s0', { host: 'some.example.com' })).by, 'one');
      assert.equal(
        await proxy.stat('cluster.switchyard/xds.upstream_rq_active'),
        streamsOf('perType', 'perType', count),
      );
      assert.equal(await proxy.stat('cluster.switchyard/xds.upstream_cx_total'), 1);
    });
  }
});

import assert from 'node:assert/strict';
import { after, before, describe, it } from 'node:test';
import { any } from '../../proto/codec.ts';
import type { Route } from '../../proto/gen/envoy.config.route.v3.ts';
import type { RawResource } from '../../src/snapshot/raw.ts';
import { type GrpcBackend, startGrpcBackend } from '../support/grpc.ts';
import { GrpcXdsClient } from '../support/grpc-xds-client.ts';
import { ads, edsCluster, endpoint, raw, table } from '../support/raw-resources.ts';
import { RawWorld } from '../support/raw-world.ts';
import { until } from '../support/until.ts';

/** What a gRPC client asks for by the name of a target: a listener that leads to its routes. */
function target(name: string, routes: string | undefined = name): RawResource {
  return raw('envoy.config.listener.v3.Listener', name, {
    name,
    api_listener: {
      api_listener: any('envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager', {
        ...(routes && { rds: { route_config_name: routes, config_source: ads } }),
        http_filters: [{ name: 'router', typed_config: any('envoy.extensions.filters.http.router.v3.Router', {}) }],
      }),
    },
  });
}

/** A table for the target of the same name, or another. */
const routes = (name: string, all: readonly Route[], of = name): RawResource =>
  table(name, { name: 'all', domains: [of], routes: all });

const leads = (prefix: string, cluster: string): Route => ({ match: { prefix }, route: { cluster } });

/** Endpoints as gRPC takes them: in a locality of weight, of priority 0. */
function assignment(name: string, backend: GrpcBackend, more: Partial<RawResource> = {}): RawResource {
  const lb_endpoints = [{ ...endpoint(Number(backend.address.split(':')[1])), load_balancing_weight: 1 }];
  const endpoints = [{ locality: { zone: 'a' }, load_balancing_weight: 1, lb_endpoints }];
  return raw('envoy.config.endpoint.v3.ClusterLoadAssignment', name, { cluster_name: name, endpoints }, more);
}

describe('a client of grpc-js that resolves its targets by xDS', { timeout: 60_000 }, () => {
  let world: RawWorld;
  let backends: readonly GrpcBackend[] = [];
  let client: GrpcXdsClient;

  const [one, two] = [0, 1].map(index => () => backends[index]!) as [() => GrpcBackend, () => GrpcBackend];
  const get = (target = 'shop', path = '/shop.Cart/Get') => client.call(`xds:///${target}`, path);
  const shop = (backend: GrpcBackend) => [
    edsCluster('carts'),
    edsCluster('orders'),
    // It knows of no times to live, and takes no wrapper.
    assignment('carts', backend, { ttl: 60_000 }),
    assignment('orders', two()),
  ];
  const whole = [target('shop'), target('other'), routes('other', [leads('', 'orders')])];

  before(async () => {
    [world, ...backends] = await Promise.all([RawWorld.start(), startGrpcBackend('one'), startGrpcBackend('two')]);
    world.publish(...whole, routes('shop', [leads('', 'carts')]), ...shop(one()));
    client = new GrpcXdsClient(world.xds, 'grpc-client');
  });
  after(async () => {
    await client?.[Symbol.asyncDispose]();
    await world?.[Symbol.asyncDispose]();
    await Promise.all(backends.map(each => each[Symbol.asyncDispose]()));
  });

  it('R33, R54: it resolves a target and calls a backend', async () => {
    assert.equal(await get(), 'one');
    assert.equal(await get('other'), 'two');
    assert.equal(world.events.filter(each => each.kind === 'nacked').length, 0);
  });

  it('R54: endpoints move', async () => {
    world.publish(...whole, routes('shop', [leads('', 'carts')]), ...shop(two()));
    await until('the other answers', async () => (await get()) === 'two');
    world.publish(...whole, routes('shop', [leads('', 'carts')]), ...shop(one()));
    await until('it is as before', async () => (await get()) === 'one');
  });

  it('R54: a route changes', async () => {
    const split = routes('shop', [leads('/shop.Orders/', 'orders'), leads('', 'carts')]);
    world.publish(...whole, split, ...shop(one()));
    await until('the method has a route of its own', async () => (await get('shop', '/shop.Orders/Get')) === 'two');
    assert.equal(await get(), 'one');
  });

  it('R9: it rejects a bad resource under the new version, and takes the good one beside it', async () => {
    const others = [routes('shop', [leads('', 'carts')]), routes('other', [leads('', 'orders')]), ...shop(one())];
    const good = [target('other', 'moved'), routes('moved', [leads('', 'carts')], 'other')];
    const accepted = world.told('acked', 'LDS').length;
    world.publish(target('shop', ''), ...good, ...others);
    await until('the good one is in use', async () => (await get('other')) === 'one');
    const [rejection] = world.told('nacked', 'LDS');
    assert.match(rejection?.message ?? '', /unexpected route_specifier/);
    const withheld = await until('it is known what it rejects', () =>
      world.events.findLast(each => each.kind === 'withheld'),
    );
    assert.deepEqual(withheld.kind === 'withheld' && withheld.rejects.map(each => each.name), ['shop']);
    assert.equal(await get(), 'one', 'it goes on with what it had');
    world.publish(...whole, ...others);
    await until('the next is accepted', () => world.told('acked', 'LDS').length > accepted);
    await until('the good one is as before', async () => (await get('other')) === 'two');
    assert.equal(await get(), 'one');
  });

  it('R54: a target without a listener is an error of the call', async () => {
    world.publish(target('other'), routes('other', [leads('', 'orders')]), ...shop(one()));
    await until('it is gone', async () => /does not exist|UNAVAILABLE/.test(await get()));
    assert.equal(await get('other'), 'two');
  });
});

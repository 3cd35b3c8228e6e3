import assert from 'node:assert/strict';
import { after, afterEach, describe, it } from 'node:test';
import type { OverrideWriteReply } from '../../src/admin/api.ts';
import type { Backend } from '../support/backend.ts';
import { runCommand } from '../support/cli.ts';
import { type Answer, ask, askMany } from '../support/client.ts';
import { assertValues } from '../support/statistics.ts';
import { connectTcp, firstLine, startTcpBackend } from '../support/tcp.ts';
import { until } from '../support/until.ts';
import { edgePolicy, type ServiceInput, World } from '../support/world.ts';

/** What Envoy does with endpoints that drain or are disabled, where one might think otherwise. */

const world = new World();
after(() => world.close());

const [port, tcpPort] = [await world.port(), await world.port()];
const [a, b, c, d, e] = await world.backends('a', 'b', 'c', 'd', 'e');
const lines = world.use(await startTcpBackend('lines'));
const others = world.use(await startTcpBackend('others'));

const at = (...backends: readonly { readonly address: string }[]) => backends.map(({ address }) => ({ address }));
const healthCheck = { http: { path: '/health' }, interval: '100ms', unhealthyAfter: 1, healthyAfter: 1 } as const;
const services: Record<string, ServiceInput> = {
  panicking: { endpoints: at(a, b) },
  firm: { endpoints: at(a, b), loadBalancing: { policy: 'roundRobin', panicThreshold: '0%' } },
  guarded: { endpoints: at(a), fallback: 'spare' },
  spare: { endpoints: at(c) },
  leaving: { endpoints: at(d, e) },
  moving: { endpoints: at(a, b), fallback: 'spare' },
  checked: { endpoints: at(a, b), healthCheck, loadBalancing: { policy: 'roundRobin', panicThreshold: '0%' } },
  raw: { protocol: 'tcp', endpoints: at(lines, others), loadBalancing: { policy: 'roundRobin' } },
};
const called = ['panicking', 'firm', 'guarded', 'spare', 'moving', 'checked', 'leaving'];
const base = edgePolicy(port, {
  services,
  rules: called.map(service => ({ match: { path: `/${service}` }, to: [{ service }] })),
});
const http = base.gateways?.['public']?.listeners ?? [];
const tcp = { port: tcpPort, address: '127.0.0.1', protocol: 'tcp' as const, to: [{ service: 'raw' }] };
await world.start({ ...base, gateways: { public: { listeners: [...http, tcp] } } }, [{ id: 'edge', cluster: 'edge' }]);

const answers = (path: string, count = 40) => askMany(count, () => ask(port, path));
const overridden: string[] = [];
const set = async (
  service: string,
  { address }: { readonly address: string },
  state: string,
  query = '&force=true',
) => {
  const url = `/api/v1/services/${service}/endpoints/${encodeURIComponent(address)}`;
  const { status } = await world.plane.api('PATCH', `${url}?wait=acked${query}`, { state });
  if (status === 200) overridden.push(url);
  return status;
};
afterEach(async () => {
  for (const url of overridden.splice(0)) await world.plane.api('DELETE', `${url}?wait=acked`);
  a.behaveOnChecks({});
  a.behave({});
});

/** Sends requests until an endpoint has one under way, whatever it is that chooses it. @returns who answers them in the end. */
async function underWay(path: string, backend: Backend): Promise<() => Promise<readonly string[]>> {
  const sent: Promise<Answer>[] = [];
  await until(`${backend.name} has one under way`, () => {
    sent.push(ask(port, path));
    return backend.active > 0;
  });
  return async () => (await Promise.all(sent)).map(({ by }) => by);
}

describe('endpoints that drain', () => {
  it('get all requests when every one drains, unless panicThreshold is 0%', async () => {
    for (const service of ['panicking', 'firm']) {
      assert.equal(await set(service, a, 'draining'), 200);
      assertValues(await answers(`/${service}`), ['b']);
      assert.equal(await set(service, b, 'draining', ''), 409);
      assert.equal(await set(service, b, 'draining'), 200);
    }
    assertValues(await answers('/panicking'), ['a', 'b']);
    assertValues(await answers('/firm'), ['503']);
  });

  it('may be the last of a service that has a fallback, without force', async () => {
    assert.equal(await set('spare', c, 'draining', ''), 409);
    assert.equal(await set('guarded', a, 'draining', ''), 200);
    assertValues(await answers('/guarded'), ['c']);
  });

  it('are checked all the same, and do not take new requests for passing', async () => {
    assert.equal(await set('checked', a, 'draining'), 200);
    a.forget();
    await until('a is checked', () => a.checks.length > 3);
    assertValues(await answers('/checked'), ['b']);
  });

  it('finish what they have', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const hold = (backend: Backend) => backend.behave({ after: promise });
    hold(a);
    const answered = await underWay('/panicking', a);
    assert.equal(await set('panicking', a, 'draining'), 200);
    resolve();
    assert.ok((await answered()).includes('a'));
  });
});

describe('a service that drains as a whole', () => {
  const drainAll = async (service: string, state: string, query = '') => {
    const url = `/api/v1/services/${service}/endpoints`;
    const { status, body } = await world.plane.api<OverrideWriteReply>('PATCH', `${url}?wait=acked${query}`, { state });
    if (status === 200) overridden.push(url);
    return { status, endpoints: body.endpoints };
  };
  const undo = async () => {
    for (const url of overridden.splice(0)) {
      assert.equal((await world.plane.api('DELETE', `${url}?wait=acked`)).status, 200);
    }
  };

  it('leaves its traffic to its fallback, and has it back', async () => {
    for (const state of ['draining', 'disabled']) {
      assertValues(await answers('/moving'), ['a', 'b']);
      const { status, endpoints } = await drainAll('moving', state);
      assert.deepEqual([status, endpoints], [200, [a.address, b.address]]);
      assertValues(await answers('/moving'), ['c']);
      await undo();
    }
    assertValues(await answers('/moving'), ['a', 'b']);
  });

  it('does so over the command line, too', async () => {
    const server = ['--admin', `127.0.0.1:${world.plane.adminPort}`, '--data', world.dataFolder];
    const run = (...flags: readonly string[]) =>
      runCommand(['drain', 'moving', '--wait', ...flags, ...server], { cwd: world.folder });
    assert.equal((await run()).code, 0);
    assertValues(await answers('/moving'), ['c']);
    assert.equal((await run('--undo')).code, 0);
    assertValues(await answers('/moving'), ['a', 'b']);
  });

  it('is refused without a fallback; by force, it goes on with all, or is answered 503', async () => {
    for (const service of ['panicking', 'firm']) {
      for (const state of ['draining', 'disabled']) assert.equal((await drainAll(service, state)).status, 409);
      assertValues(await answers(`/${service}`), ['a', 'b']);
      assert.equal((await drainAll(service, 'draining', '&force=true')).status, 200);
    }
    assertValues(await answers('/panicking'), ['a', 'b']);
    assertValues(await answers('/firm'), ['503']);
    assert.equal((await drainAll('panicking', 'disabled', '&force=true')).status, 200);
    assertValues(await answers('/panicking'), ['503']);
  });
});

describe('endpoints that are disabled', () => {
  it('finish what they have, and then their connections are closed', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    d.behave({ after: promise });
    const answered = await underWay('/leaving', d);
    assert.equal(await set('leaving', d, 'disabled'), 200);
    assertValues(await answers('/leaving'), ['e']);
    assert.ok(d.active > 0);
    resolve();
    assert.ok((await answered()).includes('d'));
    await until('no connection to d is left', () => d.connections === 0);
    assert.ok(e.connections > 0);
  });

  it('keep connections over TCP, and get no new ones', async () => {
    using client = await connectTcp(tcpPort);
    const home = (await client.line()) === 'lines' ? lines : others;
    const other = home === lines ? others : lines;
    assert.equal(await set('raw', home, 'disabled'), 200);
    for (let count = 0; count < 6; count += 1) assert.equal(await firstLine(tcpPort), other.name);
    client.send('still here\n');
    assert.equal(await client.line(), 'still here');
  });
});

import assert from 'node:assert/strict';
import { renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { pino } from 'pino';
import { type RunningEnvoy, startEnvoy } from '../../envoy/process.ts';
import { readToken } from '../../src/admin/auth.ts';
import { millis } from '../../src/base/units.ts';
import { EventLog } from '../../src/events/event-log.ts';
import { type RunningServer, startServer } from '../../src/main.ts';
import { bootstrap, bootstrapDefaults } from '../../src/translate/bootstrap.ts';
import { defaultXdsSettings } from '../../src/xds/service.ts';
import { startBackend } from '../support/backend.ts';
import { ask } from '../support/client.ts';
import { EventClient, type Told } from '../support/event-client.ts';
import { freePort } from '../support/ports.ts';
import { spoilingPipeline } from '../support/spoiled-pipeline.ts';
import { temporaryDirectory } from '../support/temporary.ts';
import { until } from '../support/until.ts';
import { edgePolicy } from '../support/world.ts';
import { testTransport } from '../support/xds-transport.ts';

/** A cluster is spoiled if the policy gives it this timeout. */
const spoiledTimeout = '0.777s';
const folder = temporaryDirectory();
const data = join(folder, 'data');
const policyFile = join(folder, 'switchyard.json');

/** Of each ring: few enough to be overrun. */
const remembered = 3000;
const events = new EventLog({ frequent: remembered, seldom: remembered });

/** Fails unless every event was told once, or is said to be missing. */
function assertComplete(told: readonly Told[], from: number): void {
  let last = from;
  for (const each of told) {
    if (each.type === 'gap')
      assert.ok(each.after === last && each.upTo >= last, `after ${last}: ${JSON.stringify(each)}`);
    else assert.equal(each.id, last + 1, `after ${last}: ${JSON.stringify(each)}`);
    last = each.id;
  }
}

describe('the stream of events beside a real Envoy', { timeout: 120_000 }, async () => {
  const backend = await startBackend({ name: 'app' });
  const [port, xdsPort] = [await freePort(), await freePort()];
  const running: { server?: RunningServer; envoy?: RunningEnvoy } = {};

  const save = (connectTimeout: string) => {
    const web = { endpoints: [{ address: backend.address }], connectTimeout };
    const policy = edgePolicy(port, { services: { web }, rules: [{ to: [{ service: 'web' }] }] });
    writeFileSync(`${policyFile}.new`, JSON.stringify(policy));
    renameSync(`${policyFile}.new`, policyFile);
  };
  const adminPort = () => running.server?.adminPort ?? 0;
  const reader = (last?: number) =>
    new EventClient({ port: adminPort(), token: readToken(data) ?? '', ...(last === undefined ? {} : { last }) });
  const call = async (method: string, path: string, body?: object) => {
    const response = await fetch(`http://127.0.0.1:${adminPort()}${path}`, {
      method,
      headers: { authorization: `Bearer ${readToken(data)}`, 'content-type': 'application/json' },
      ...(body ? { body: JSON.stringify(body) } : {}),
      signal: AbortSignal.timeout(60_000),
    });
    assert.equal(response.status, 200, `${path}: ${await response.text()}`);
  };
  const startProxy = async () => {
    const admin = `127.0.0.1:${await freePort()}`;
    const node = { id: 'edge-1', cluster: 'edge' };
    const options = { node, xds: [`127.0.0.1:${xdsPort}`], variant: 'delta' as const, admin, ...bootstrapDefaults };
    running.envoy = startEnvoy({ name: 'edge-1', bootstrap: bootstrap(options) });
    await running.envoy.ready(AbortSignal.timeout(30_000));
  };

  before(async () => {
    save('1s');
    const settings = {
      policy: policyFile,
      data,
      xds: { host: '127.0.0.1', port: xdsPort },
      xdsTransport: testTransport,
      admin: { host: '127.0.0.1', port: 0 },
      adminHosts: new Set<string>(),
      lingerLimit: millis(500),
      logLevel: 'warn',
    };
    const rejection = { ...defaultXdsSettings.rejection, pause: 100, retryAfter: 300 };
    const pipeline = spoilingPipeline((_, cluster) => cluster.connect_timeout === spoiledTimeout);
    const log = pino({ level: 'silent' });
    running.server = await startServer(settings, log, { pipeline, xds: { rejection }, events });
    await until('the policy is in force', () => running.server?.control.accepted !== undefined);
  });
  after(async () => {
    await running.envoy?.stop();
    await running.server?.close();
    await backend[Symbol.asyncDispose]();
  });

  it('tells of what a proxy and an operator do, in order and each once', async () => {
    using watching = reader();
    await watching.open;
    const from = events.last;
    const hears = (what: string, matches: (event: Told) => boolean) =>
      until(`${what} is told`, () => watching.told.some(matches), 30_000);
    const place = (matches: (event: Told) => boolean) => watching.told.findIndex(matches);
    const is = (type: Told['type'], resourceType?: string) => (event: Told) =>
      event.type === type &&
      (resourceType === undefined || ('resourceType' in event && event.resourceType === resourceType));
    await startProxy();
    await hears('the last of what it is sent first', is('ack', 'RDS'));
    await until('it serves', async () => (await ask(port, '/')).status === 200, 30_000);
    save('777ms');
    await hears('that Envoy rejects it', is('nack', 'CDS'));
    save('1s');
    await hears('that it is taken back', event => event.type === 'revision' && event.revision === 3);
    await call('PUT', '/api/v1/services/web/maintenance?wait=acked&timeout=30s', {});
    await until('requests meet it', async () => (await ask(port, '/')).status === 503, 30_000);
    await hears('the maintenance', is('override'));
    await call('PUT', '/api/v1/freeze?reason=night', {});
    await call('DELETE', '/api/v1/freeze');
    await hears('the end of the freeze', is('thaw'));
    const order = [
      place(is('connected')),
      place(is('push', 'CDS')),
      place(is('ack', 'CDS')),
      place(is('ack', 'RDS')),
      place(event => event.type === 'revision' && event.revision === 2),
      place(is('nack', 'CDS')),
      place(event => event.type === 'revision' && event.revision === 3),
      place(is('override')),
      place(is('freeze')),
      place(is('thaw')),
    ];
    assert.ok(!order.includes(-1), `${order}`);
    assert.deepEqual(
      order,
      order.toSorted((a, b) => a - b),
      watching.told.map(each => each.type).join(' '),
    );
    const nack = watching.told.find(is('nack', 'CDS'));
    assert.ok(nack && 'proxy' in nack && nack.proxy === 'edge-1' && /spoiled/.test(nack.message), JSON.stringify(nack));
    assertComplete(watching.told, from);
  });

  it('goes on after the last that a reader had, though it broke off in the middle', async () => {
    const from = events.last;
    const all: Told[] = [];
    let added = 0;
    for (let cut = 0; cut < 5; cut++) {
      using watching = reader(all.at(-1)?.id ?? from);
      await watching.open;
      for (const end = added + 400; added < end; added++)
        events.add({ type: 'ack', message: `${added} ${'x'.repeat(900)}` });
      // What was sent of the rest is cut off where it happens to be.
      await until('some are told', () => watching.told.length >= 50);
      all.push(...watching.told);
    }
    // Nobody listens when these happen.
    await call('PUT', '/api/v1/freeze', {});
    await call('DELETE', '/api/v1/freeze');
    using watching = reader(all.at(-1)?.id);
    await until('the end is told', () => watching.last === events.last);
    all.push(...watching.told);
    assert.ok(!all.some(each => each.type === 'gap'));
    assertComplete(all, from);
    assert.equal(all.filter(each => each.type === 'ack').length, added);
  });

  it('keeps no more than it may for a reader that stops to read, and tells it what it missed', async () => {
    using slow = reader();
    await slow.open;
    const from = events.last;
    slow.pause();
    const flood = 60_000;
    for (let count = 0; count < flood; count++) {
      events.add({ type: 'ack', message: 'x'.repeat(900) });
      if (count % 500 === 0) await turn();
    }
    slow.resume();
    await until('it has caught up', () => slow.last === events.last, 60_000);
    const gaps = slow.told.filter(each => each.type === 'gap');
    assert.ok(gaps.length > 0, 'it is told that it missed some');
    assert.ok(slow.told.length < flood / 2, `${slow.told.length} were kept for it`);
    assertComplete(slow.told, from);
    const { status } = await ask(port, '/');
    assert.equal(status, 503, 'the proxy is served all the while');
  });
});

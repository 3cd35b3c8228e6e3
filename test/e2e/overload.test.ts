import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { after, describe, it } from 'node:test';
import { startBackend } from '../support/backend.ts';
import { ask } from '../support/client.ts';
import { covers } from '../support/covers.ts';
import { type StaticEnvoy, startStaticEnvoy } from '../support/static-envoy.ts';
import { until } from '../support/until.ts';

const backend = await startBackend({ name: 'app' });
const policy = {
  services: { app: { endpoints: [{ address: backend.address }] } },
  routes: { app: { rules: [{ to: [{ service: 'app' }] }] } },
};
const usual = await startStaticEnvoy(policy);
const few = await startStaticEnvoy({ ...policy, limits: { maxConnections: 5 } });
const full = await startStaticEnvoy({ ...policy, limits: { maxHeapBytes: 1024 ** 2 } });
const narrow = await startStaticEnvoy({ ...policy, listener: { maxConnections: 3 } });
after(async () => {
  for (const each of [usual, few, full, narrow, backend]) await each[Symbol.asyncDispose]();
});

/** Opens connections; they stay open unless Envoy closes them. */
function flood(port: number, count: number) {
  let closed = 0;
  const sockets = Array.from({ length: count }, (): Socket => {
    const socket = connect({ port, host: '127.0.0.1' });
    socket.on('error', () => {});
    socket.once('close', () => {
      closed += 1;
    });
    return socket;
  });
  return {
    closed: () => closed,
    end: () => {
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** As many stay open as may, the proxy lives, and serves when they are gone. */
async function survives({ port, envoy }: StaticEnvoy, allowed: number): Promise<void> {
  const connections = flood(port, allowed + 7);
  await until('those above the limit are closed', () => connections.closed() === 7);
  await assert.rejects(ask(port, '/', { fresh: true }));
  assert.match(await envoy.admin('/ready'), /LIVE/);
  connections.end();
  const served = () =>
    ask(port, '/', { fresh: true }).then(
      ({ status }) => status === 200,
      () => false,
    );
  await until('it serves again', served);
}

describe('an Envoy under a flood', () => {
  it('closes the connections that are too many for it, and lives', async () => {
    await survives(few, 5);
    const connections = flood(usual.port, 12);
    assert.equal((await ask(usual.port, '/', { fresh: true })).status, 200);
    assert.equal(connections.closed(), 0);
    connections.end();
  });

  it('closes the connections that are too many for one of its listeners', async () => {
    covers('gateways.*.listeners[].maxConnections');
    await survives(narrow, 3);
  });

  it('turns away connections and requests while its heap is full', async () => {
    const action = (name: string) => `overload.envoy.overload_actions.${name}`;
    const all = ['shrink_heap', 'disable_http_keepalive', 'stop_accepting_requests', 'reject_incoming_connections'].map(
      name => `${action(name)}.active`,
    );
    for (const name of all) {
      await until(`${name} of the full one`, async () => (await full.envoy.stat(name)) === 1);
      assert.equal(await usual.envoy.stat(name), 0);
    }
    assert.equal(await full.envoy.stat(`${action('reduce_timeouts')}.scale_percent`), 100);
    await assert.rejects(ask(full.port, '/', { fresh: true }));
    assert.match(await full.envoy.admin('/ready'), /LIVE/);
    assert.equal((await ask(usual.port, '/', { fresh: true })).status, 200);
  });
});

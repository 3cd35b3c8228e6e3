// Runs alone: it measures how fast a freeze is.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import path from 'node:path';
import { after, describe, it } from 'node:test';
import type { ErrorReply, FreezeReply, PolicyReply } from '../../src/admin/api.ts';
import { ask, askMany } from '../support/client.ts';
import { assertValues } from '../support/statistics.ts';
import { until } from '../support/until.ts';
import { pair, pairPolicy, World } from '../support/world.ts';

const world = new World();
after(() => world.close());

/** Gives the data directory a file system of its own that is as good as full. @returns why that is not possible here. */
function mounted(): string | undefined {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return 'only root on Linux may mount a file system';
  mkdirSync(world.dataFolder, { mode: 0o700 });
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=2m,mode=700', 'tmpfs', world.dataFolder], { stdio: 'pipe' });
  } catch (error) {
    return `no file system can be mounted here: ${(error as Error).message}`;
  }
  const unmount = () => execFileSync('umount', ['-l', world.dataFolder]);
  // Before the folder is removed, and before the processes in it are ended: it goes when they have gone.
  process.prependOnceListener('exit', unmount);
  return undefined;
}

const skip = mounted() ?? false;
const filler = path.join(world.dataFolder, 'filler');

/** Leaves not a block. */
function fill(): void {
  const file = openSync(filler, 'a');
  try {
    for (;;) writeSync(file, Buffer.alloc(4096));
  } catch (error) {
    assert.equal((error as NodeJS.ErrnoException).code, 'ENOSPC');
  } finally {
    closeSync(file);
  }
}

describe('a full disk (P5)', { skip }, () => {
  const address = '10.0.0.9:80';
  const endpoint = `/api/v1/services/other/endpoints/${encodeURIComponent(address)}`;
  let port = 0;
  let later = 0;
  let policy: (service: 'first' | 'second') => Parameters<World['save']>[0];
  let good = 0;
  /** The weight that was acknowledged last. */
  let acknowledged = 0;
  const api = <T>(...given: Parameters<World['plane']['api']>) => world.plane.api<T & ErrorReply>(...given);
  const answering = async (name: string) => assertValues(await askMany(20, () => ask(port, '/')), [name]);
  const weight = async () => {
    const { body } = await api<PolicyReply>('GET', '/api/v1/policy');
    return body.overrides.find(each => each.target.endsWith(address))?.weight ?? 0;
  };
  const refused = async (...given: Parameters<World['plane']['api']>) => {
    const { status, body } = await api<object>(...given);
    assert.deepEqual([status, body.title], [507, 'Disk full'], `${given[0]} ${given[1]}: ${JSON.stringify(body)}`);
    assert.match(`${body.detail} ${body.hint}`, /free some space.*Free space in the data directory/s);
  };

  it('is reached while all goes well', async () => {
    const ports = { delta: await world.port(), sotw: await world.port() };
    port = ports.delta;
    later = ports.sotw;
    const [a, b] = await world.backends('a', 'b');
    policy = service =>
      pairPolicy(ports, {
        services: {
          first: { endpoints: [{ address: a.address }] },
          second: { endpoints: [{ address: b.address }] },
          other: { endpoints: [{ address }, { address: '10.0.0.8:80' }] },
        },
        rules: [{ name: 'all', to: [{ service }] }],
      });
    await world.start(policy('first'), pair.slice(0, 1));
    good = (await world.plane.policy()).revision?.number ?? 0;
    await until('it is known to be good', async () => {
      const { body } = await api<FreezeReply>('GET', '/api/v1/freeze');
      return body.good.some(each => each.revision === good);
    });
    await world.saved(policy('second'));
    await answering('b');
    fill();
  });

  it('answers writes with 507 and what to do, once there is no room for them', async () => {
    for (let n = 1; ; n++) {
      assert.ok(n < 200, 'it is full at last');
      const { status } = await api('PATCH', endpoint, { weight: n });
      if (status === 507) break;
      assert.equal(status, 200);
      acknowledged = n;
      fill();
    }
    assert.equal(await weight(), acknowledged, 'what was refused has no effect');
    await refused('PATCH', endpoint, { weight: 999 });
    await refused('PUT', '/api/v1/services/more', { endpoints: [{ address: '10.0.0.7:80' }] });
    const changes = [
      { action: 'put', kind: 'services', name: 'more', spec: { endpoints: [{ address: '10.0.0.7:80' }] } },
    ];
    await refused('POST', '/api/v1/transactions', { changes });
    await refused('POST', '/api/v1/tokens', { name: 'ci', role: 'viewer' });
    await refused('POST', `/api/v1/revisions/${good}/rollback`);
    await refused('PUT', `/api/v1/revisions/${good}/pin`, {});
    assert.equal(await weight(), acknowledged);
  });

  it('goes on reading and serving, also proxies that come anew', async () => {
    for (const url of ['policy', 'revisions', 'history', 'proxies', 'services/first', `revisions/${good}`, 'freeze']) {
      assert.equal((await api('GET', `/api/v1/${url}`)).status, 200, url);
    }
    await answering('b');
    const [, late] = pair;
    assert.ok(late);
    const proxy = await world.startProxy(late);
    await world.synced();
    assert.equal((await ask(later, '/')).by, 'b');
    await proxy.stop();
  });

  it('freezes, and goes back to what was good, at once', async () => {
    const begun = performance.now();
    const { status, body } = await api<FreezeReply>('PUT', '/api/v1/freeze', { revision: good });
    assert.deepEqual([status, body.frozen?.stored], [200, false], JSON.stringify(body));
    await until('it is in force', async () => (await ask(port, '/')).by === 'a', 5000);
    assert.ok(performance.now() - begun < 5000);
    await answering('a');
    assert.equal((await api('DELETE', '/api/v1/freeze')).status, 200);
    await until('the newest is back', async () => (await ask(port, '/')).by === 'b', 5000);
  });

  it('lets it start again, with all that was acknowledged', async () => {
    await world.plane.stop('SIGKILL');
    await world.plane.start();
    await world.synced();
    assert.equal(await weight(), acknowledged);
    await answering('b');
    await refused('PATCH', endpoint, { weight: 999 });
  });

  it('takes a save when there is room again, without being asked', async () => {
    world.save(policy('first'));
    await until('the save is refused, and why is shown', async () => {
      const { rejected } = await world.plane.policy();
      return rejected?.problems.some(each => each.code === 'store.unwritable');
    });
    await answering('b');
    rmSync(filler);
    await until('the save is in force', async () => (await ask(port, '/')).by === 'a', 40_000);
    assert.equal((await api('PATCH', endpoint, { weight: 999 })).status, 200);
    await world.plane.stop('SIGKILL');
    await world.plane.start();
    assert.equal(await weight(), 999);
    await answering('a');
  });
});

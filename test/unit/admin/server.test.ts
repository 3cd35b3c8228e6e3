import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { afterEach, describe, it } from 'node:test';
import { type RunningAdmin, startAdmin } from '../../../src/admin/server.ts';
import { until } from '../../support/until.ts';
import { AdminWorld, token } from './admin-world.ts';

const running: RunningAdmin[] = [];
const sockets: Socket[] = [];

async function start(): Promise<RunningAdmin> {
  const admin = await startAdmin(new AdminWorld().options);
  running.push(admin);
  return admin;
}

function dial({ port }: RunningAdmin): Socket {
  const socket = connect({ host: '127.0.0.1', port }).on('error', () => {});
  sockets.push(socket);
  return socket;
}

afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await Promise.all(running.splice(0).map(each => each.close()));
});

describe('the admin API on a socket', () => {
  it('answers', async () => {
    const { port } = await start();
    const answer = await fetch(`http://127.0.0.1:${port}/api/v1/policy`, {
      headers: { authorization: `Bearer ${token}` },
    });
    assert.equal(answer.status, 200);
    assert.equal(answer.headers.get('x-content-type-options'), 'nosniff');
    assert.equal((await fetch(`http://localhost:${port}/healthz`)).status, 200);
  });

  it('says in one sentence that its address is taken, and what to do', async () => {
    const { port } = await start();
    const again = startAdmin({ ...new AdminWorld().options, port });
    await assert.rejects(again, {
      message: `the admin address 127.0.0.1:${port} is taken: choose another with --admin HOST:PORT`,
    });
    const foreign = startAdmin({ ...new AdminWorld().options, host: '203.0.113.7' });
    await assert.rejects(foreign, /^Error: cannot listen on the admin address 203\.0\.113\.7:0: choose another/);
  });

  it('ends while callers hang on', async () => {
    const admin = await start();
    const idle = dial(admin);
    const slow = dial(admin);
    await Promise.all([once(idle, 'connect'), once(slow, 'connect')]);
    slow.write('GET /healthz HTTP/1.1\r\n');
    await admin.close();
    running.length = 0;
    await until('both are closed', () => idle.closed && slow.closed);
  });

  it('is not kept from others by those who open connections and say nothing', async () => {
    const admin = await start();
    const silent = Array.from({ length: 600 }, () => dial(admin).resume());
    await Promise.all(silent.map(each => once(each, 'connect')));
    for (const each of silent) each.write('GET /healthz HTTP/1.1\r\nhost: ');
    await until('the longest silent ones are closed', () => silent.filter(each => each.closed).length >= 88);
    assert.equal((await fetch(`http://127.0.0.1:${admin.port}/healthz`)).status, 200);
    assert.ok(
      silent.some(each => !each.closed),
      'others may be slow for a while',
    );
  });

  it('closes those who never finish their request', { timeout: 30_000 }, async () => {
    const admin = await start();
    const slow = dial(admin).setEncoding('latin1');
    let heard = '';
    slow.on('data', text => {
      heard += text;
    });
    await once(slow, 'connect');
    slow.write('GET /healthz HTTP/1.1\r\nhost: 127.0.0.1\r\n');
    const drip = setInterval(() => slow.write('x: y\r\n'), 500);
    try {
      await until('it is closed', () => slow.closed, 15_000);
    } finally {
      clearInterval(drip);
    }
    assert.match(heard, /^HTTP\/1\.1 408/);
  });
});

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import { type AddressInfo, connect, type Socket } from 'node:net';
import { afterEach, describe, it } from 'node:test';
import { connect as connectSecurely } from 'node:tls';
import { inTurns, limitSilentConnections } from '../../../src/admin/connection-limit.ts';
import { type RunningAdmin, startAdmin } from '../../../src/admin/server.ts';
import { selfSigned } from '../../support/certificates.ts';
import { until } from '../../support/until.ts';
import { AdminWorld, token } from './admin-world.ts';

const running: RunningAdmin[] = [];
const sockets: Socket[] = [];

async function start(): Promise<RunningAdmin> {
  const admin = await startAdmin(new AdminWorld().options);
  running.push(admin);
  return admin;
}

function dial({ port }: { readonly port: number }): Socket {
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
    const again = startAdmin({ ...new AdminWorld().options, address: { host: '127.0.0.1', port } });
    await assert.rejects(again, {
      message: `the admin address 127.0.0.1:${port} is taken: choose another with --admin HOST:PORT`,
    });
    const foreign = startAdmin({ ...new AdminWorld().options, address: { host: '203.0.113.7', port: 0 } });
    await assert.rejects(foreign, /^Error: cannot listen on the admin address 203\.0\.113\.7:0 \(.*\): choose another/);
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

  it('is not kept from others by 2000 who open connections and say next to nothing (P28)', async t => {
    const admin = await start();
    const silent = Array.from({ length: 2000 }, () => dial(admin).resume());
    await Promise.all(silent.map(each => once(each, 'connect')));
    for (const each of silent) each.write('GET /healthz HTTP/1.1\r\nhost: ');
    const times: number[] = [];
    for (let turn = 0; turn < 100; turn++) {
      const began = performance.now();
      const answer = await fetch(`http://127.0.0.1:${admin.port}/healthz`, { headers: { connection: 'close' } });
      assert.equal(answer.status, 200);
      await answer.arrayBuffer();
      times.push(performance.now() - began);
    }
    const p99 = times.toSorted((one, other) => one - other)[98] ?? 0;
    t.diagnostic(`99 of 100 are answered within ${Math.round(p99)} ms`);
    assert.ok(p99 < 5000, 'nobody waits until the silent are given up');
    assert.equal(silent.filter(each => each.closed).length, 0, 'they are slow, not wrong, for a while');
  });

  it('is not kept from others by a flood of requests on a few connections (P28)', { timeout: 60_000 }, async () => {
    const admin = await start();
    const request = 'GET /api/v1/policy HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n';
    const flood = Array.from({ length: 3 }, () => dial(admin).resume());
    await Promise.all(flood.map(each => once(each, 'connect')));
    for (const each of flood) each.write(request.repeat(84_000));
    const answer = await fetch(`http://127.0.0.1:${admin.port}/healthz`);
    assert.equal(answer.status, 200);
    await until('the flood is cut off', () => flood.every(each => each.closed));
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
      await until('it is closed', () => slow.closed);
    } finally {
      clearInterval(drip);
    }
    assert.match(heard, /^HTTP\/1\.1 408/);
  });
});

describe('requests that follow each other on one connection', () => {
  it('are answered in turns, and others meanwhile; who sends too many is cut off', { timeout: 30_000 }, async () => {
    const asked: string[] = [];
    const open = new Map<string, () => void>();
    const server = createServer(
      inTurns((request, response) => {
        const { url = '' } = request;
        asked.push(url);
        open.set(url, () => response.end(`answer ${url}.`));
      }, 10),
    );
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const paths = (count: number) => Array.from({ length: count }, (_, index) => `/${index}`);
    const text = (path: string) => `GET ${path} HTTP/1.1\r\nhost: here\r\n\r\n`;
    try {
      const flood = dial({ port }).setEncoding('latin1');
      let heard = '';
      flood.on('data', chunk => {
        heard += chunk;
      });
      flood.write(paths(11).map(text).join(''));
      await until('the first is asked', () => asked.length === 1);
      dial({ port }).resume().write(text('/other'));
      await until('the other is asked', () => asked.includes('/other'));
      assert.deepEqual(asked, ['/0', '/other'], 'one of the flood is under way');
      for (const path of paths(11)) {
        await until(`${path} is asked`, () => open.has(path));
        open.get(path)?.();
      }
      await until('all are answered', () => heard.includes('answer /10.'));
      assert.deepEqual(
        [...heard.matchAll(/answer ([^.]+)\./g)].map(match => match[1]),
        paths(11),
      );
      assert.equal(flood.closed, false);
      flood.write(paths(12).map(text).join(''));
      await until('it is cut off', () => flood.closed);
      assert.ok(asked.length <= 13, 'nothing of what waited is done');
    } finally {
      server.close();
      server.closeAllConnections();
    }
  });
});

describe('a limit on silent connections', () => {
  it('closes the longest silent, never one whose request is being answered', async () => {
    const answers: (() => void)[] = [];
    const server = createServer((_, response) => void answers.push(() => response.end('done')));
    limitSilentConnections(server, 10);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const dialHere = async () => {
      const socket = dial({ port });
      await once(socket, 'connect');
      return socket;
    };
    try {
      const patient = await dialHere();
      patient.write('GET / HTTP/1.1\r\nhost: here\r\n\r\n');
      await until('it is asked', () => answers.length === 1);
      const silent: Socket[] = [];
      for (let number = 0; number < 15; number++) silent.push((await dialHere()).resume());
      await until('five are closed', () => silent.filter(each => each.closed).length === 5);
      assert.deepEqual(
        silent.map(each => each.closed),
        silent.map((_, number) => number < 5),
        'the first five',
      );
      answers[0]?.();
      const [heard] = await once(patient, 'data');
      assert.match(String(heard), /^HTTP\/1\.1 200/);
      await until('it counts as silent again, so one more is closed', () => silent[5]?.closed);
      assert.equal(patient.closed, false);
    } finally {
      server.close();
      server.closeAllConnections();
    }
  });

  it('bounds those that do not finish their handshake of TLS apart from those that have', async () => {
    const { certificate: cert, key } = selfSigned('localhost');
    const server = createSecureServer({ cert, key }, (_, response) => response.end('done'));
    limitSilentConnections(server, 10);
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const good = connectSecurely({ host: '127.0.0.1', port, rejectUnauthorized: false }).on('error', () => {});
    try {
      await once(good, 'secureConnect');
      const silent: Socket[] = [];
      for (let number = 0; number < 15; number++) {
        const socket = dial({ port });
        await once(socket, 'connect');
        silent.push(socket.resume());
      }
      await until('five are closed', () => silent.filter(each => each.closed).length === 5);
      assert.deepEqual(
        silent.map(each => each.closed),
        silent.map((_, number) => number < 5),
        'the first five',
      );
      good.write('GET / HTTP/1.1\r\nhost: here\r\n\r\n');
      const [heard] = await once(good, 'data');
      assert.match(String(heard), /^HTTP\/1\.1 200/);
    } finally {
      good.destroy();
      server.close();
      server.closeAllConnections();
    }
  });
});

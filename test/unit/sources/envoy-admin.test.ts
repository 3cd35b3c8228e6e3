import assert from 'node:assert/strict';
import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, createServer as createSocketServer } from 'node:net';
import { after, describe, it } from 'node:test';
import { parseAddress } from '../../../src/base/address.ts';
import { parseCidr } from '../../../src/base/cidr.ts';
import { adminQuery, UnreadableAnswer } from '../../../src/sources/envoy-admin.ts';

const servers: Server[] = [];
after(() => {
  for (const each of servers) {
    each.closeAllConnections();
    each.close();
  }
});

/** An admin interface, and what was asked of it. */
async function serve(answer: RequestListener) {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    answer(request, response);
  });
  servers.push(server);
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  return { asked, port: (server.address() as AddressInfo).port };
}

const endpoints = new Map([['catalog', new Set<string>()]]);
const clusters = JSON.stringify({ cluster_statuses: [{ name: 'catalog' }] });
const envoy =
  (id: string, body = clusters): RequestListener =>
  (request, response) =>
    void response.end(request.url === '/server_info' ? JSON.stringify({ node: { id } }) : body);

interface Question {
  readonly host?: string;
  readonly within?: readonly string[];
  readonly resolve?: () => Promise<readonly string[]>;
  readonly timeoutMs?: number;
  readonly largest?: number;
  readonly stop?: AbortSignal;
}

function ask(
  port: number,
  { host = '127.0.0.1', within = ['127.0.0.1'], resolve, timeoutMs = 2000, largest = 10_000, stop }: Question = {},
) {
  const query = adminQuery({
    query: async () => ({ addresses: (await resolve?.()) ?? [], ttl: 1 }),
    timeoutMs,
    largest,
  });
  const address = parseAddress(`${host}:${port}`);
  assert.ok(address && address.kind !== 'unix');
  const target = { node: 'edge-1', address, within: within.flatMap(text => parseCidr(text) ?? []), endpoints };
  return query(target, stop ?? new AbortController().signal);
}

describe('asking an Envoy how it finds its endpoints', () => {
  it('asks who it is, and then for its endpoints', async () => {
    const { asked, port } = await serve(envoy('edge-1'));
    assert.deepEqual([...(await ask(port)).report.keys()], ['catalog']);
    assert.deepEqual(asked, ['GET /server_info', 'GET /clusters?format=json']);
  });

  it('takes no answer of another proxy', async () => {
    for (const other of [envoy('edge-2'), envoy(''), ((_, response) => void response.end('{}')) as RequestListener]) {
      const { asked, port } = await serve(other);
      await assert.rejects(ask(port), /another proxy answers there/);
      assert.deepEqual(asked, ['GET /server_info']);
    }
  });

  it('connects only where the ranges allow, to the very address that it looked at', async () => {
    const { asked, port } = await serve(envoy('edge-1'));
    await assert.rejects(ask(port, { within: ['0.0.0.0/0'] }), /127\.0\.0\.1 lies in none of the ranges/);
    const answers = [['127.0.0.1'], ['10.0.0.1']];
    const resolve = async () => answers.shift() ?? [];
    // Were the name asked again for the connection, it would lead elsewhere.
    assert.equal((await ask(port, { host: 'edge.internal', resolve })).report.size, 1);
    await assert.rejects(ask(port, { host: 'edge.internal', resolve }), /10\.0\.0\.1 lies in none/);
    await assert.rejects(ask(port, { host: 'edge.internal', resolve }), /has no address/);
    assert.equal(asked.length, 2);
  });

  it('follows no redirect', async () => {
    const victim = await serve(envoy('edge-1'));
    const { port } = await serve((_, response) => {
      response.writeHead(302, { location: `http://127.0.0.1:${victim.port}/server_info` }).end();
    });
    await assert.rejects(ask(port), /answered 302/);
    assert.deepEqual(victim.asked, []);
  });

  it('bounds size and time', async () => {
    const large = await serve(envoy('edge-1', ' '.repeat(20_000)));
    await assert.rejects(ask(large.port), /larger than 10000 bytes/);
    const endless = await serve((_, response) => {
      response.write('{');
    });
    await assert.rejects(ask(endless.port, { timeoutMs: 100 }), /no answer in time/);
    const silent = await serve(() => {});
    await assert.rejects(ask(silent.port, { timeoutMs: 100 }), /no answer in time/);
    const stuck = () => new Promise<never>(() => {});
    await assert.rejects(ask(1, { host: 'edge.internal', resolve: stuck, timeoutMs: 100 }), /not resolved in time/);
    await assert.rejects(ask(silent.port, { stop: AbortSignal.abort() }), Error);
  });

  it('gives up an answer that is none', async () => {
    const server = createSocketServer(socket => {
      socket.on('error', () => {});
      socket.once('data', () => socket.write('HTTP/1.1 101 Hello\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n'));
    });
    await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
    const asked = ask((server.address() as AddressInfo).port, { timeoutMs: 500 });
    const late = new Promise<never>((_, reject) => setTimeout(() => reject(new Error('it is still waited for')), 3000));
    await assert.rejects(Promise.race([asked, late]), /no answer/);
    server.close();
  });

  it('says what it took to read what made no sense, and reads little before it knows who answers', async () => {
    const isCostly = (error: unknown) => error instanceof UnreadableAnswer && error.cost > 0;
    for (const each of [envoy('edge-2'), envoy('edge-1', '['.repeat(9000))]) {
      const { port } = await serve(each);
      await assert.rejects(ask(port), isCostly);
    }
    const { port } = await serve(envoy('x'.repeat(300_000)));
    await assert.rejects(ask(port, { largest: 1_000_000 }), /larger than 262144 bytes/);
  });

  it('rejects with what is wrong', async () => {
    const cut = await serve((_, response) => {
      response.writeHead(200, { 'content-length': '100' }).write('{');
      setImmediate(() => response.destroy());
    });
    await assert.rejects(ask(cut.port), Error);
    const nonsense = await serve(envoy('edge-1', 'no JSON'));
    await assert.rejects(ask(nonsense.port), /the answer is no mapping/);
    const unwell = await serve((_, response) => void response.writeHead(503).end());
    await assert.rejects(ask(unwell.port), /answered 503/);
    await assert.rejects(ask(1), /ECONNREFUSED/);
  });
});

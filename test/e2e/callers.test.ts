import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';
import { after, describe, it } from 'node:test';
import { startBackend } from '../support/backend.ts';
import { startStaticEnvoy } from '../support/static-envoy.ts';
import { until } from '../support/until.ts';

/** An application that takes WebSockets, and sends back every byte of one. */
const echo = createServer((_request, response) => response.end('no WebSocket'));
echo.on('upgrade', (_request, socket) => {
  socket.on('error', () => {});
  socket.write('HTTP/1.1 101 Switching Protocols\r\nupgrade: websocket\r\nconnection: Upgrade\r\n\r\n');
  socket.pipe(socket);
});
await new Promise<void>(resolve => echo.listen(0, '127.0.0.1', resolve));
const plain = await startBackend({ name: 'plain' });
const http2 = await startBackend({ name: 'http2', protocol: 'http2' });
const edge = await startStaticEnvoy({
  services: {
    echo: { endpoints: [{ address: `127.0.0.1:${(echo.address() as AddressInfo).port}` }], timeout: '400ms' },
    plain: { endpoints: [{ address: plain.address }] },
    http2: { endpoints: [{ address: http2.address }], protocol: 'http2' },
  },
  routes: {
    shop: { rules: ['echo', 'plain', 'http2'].map(service => ({ match: { path: `/${service}` }, to: [{ service }] })) },
  },
});
after(async () => {
  await edge[Symbol.asyncDispose]();
  echo.closeAllConnections();
  echo.close();
  await Promise.all([plain, http2].map(each => each[Symbol.asyncDispose]()));
});

/** A caller that writes what it likes, and keeps what comes back. */
function speak(...lines: string[]) {
  const socket = connect(edge.port, '127.0.0.1');
  const said = { text: '', ended: false };
  socket.setEncoding('utf8').on('data', chunk => {
    said.text += chunk;
  });
  socket.on('error', () => {});
  socket.once('close', () => {
    said.ended = true;
  });
  socket.write([...lines, '', ''].join('\r\n'));
  return { said, send: (text: string) => socket.write(text), [Symbol.dispose]: () => void socket.destroy() };
}

const handshake = (path: string) => [
  `GET ${path} HTTP/1.1`,
  'host: shop.example.com',
  'connection: Upgrade',
  'upgrade: websocket',
  'sec-websocket-version: 13',
  'sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==',
];

describe('WebSockets', () => {
  it('pass, and outlive the timeout of requests', async () => {
    using caller = speak(...handshake('/echo'));
    await until('the application has agreed', () => caller.said.text.includes('\r\n\r\n'));
    assert.match(caller.said.text, /^HTTP\/1\.1 101 /);
    const begun = performance.now();
    await until('thrice the timeout is over', () => performance.now() - begun > 1200);
    caller.send('still here');
    await until('the bytes are back', () => caller.said.text.endsWith('still here'));
  });

  it('are an ordinary request to an application that takes none', async () => {
    using caller = speak(...handshake('/plain'));
    await until('it has answered', () => caller.said.text.includes('\r\n\r\n'));
    assert.match(caller.said.text, /^HTTP\/1\.1 200 /);
  });

  it('are refused for services that speak HTTP/2, and cost these nothing', async () => {
    for (let call = 0; call < 5; call++) {
      using caller = speak(...handshake('/http2'));
      await until('it is refused', () => caller.said.text.includes('\r\n\r\n'));
      assert.match(caller.said.text, /^HTTP\/1\.1 403 /);
    }
    assert.equal(http2.seen.length, 0);
    assert.equal((await edge.ask('/http2')).by, 'http2');
  });
});

describe('callers that speak HTTP/1.0', () => {
  it('are answered', async () => {
    using caller = speak('GET /plain HTTP/1.0', 'host: shop.example.com');
    await until('the connection is ended', () => caller.said.ended);
    assert.match(caller.said.text, /^HTTP\/1\.0 200 /);
    assert.match(caller.said.text, /"protocol":"1\.1"/);
  });
});

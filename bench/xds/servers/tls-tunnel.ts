import { createServer } from 'node:net';
import { connect } from 'node:tls';
import { parseArgs } from 'node:util';
import { proxyTls } from '../tls.ts';
import { lead } from './protocol.ts';

/**
 * Stands before the load client, which knows no TLS: each of its connections goes on to the server over mutual TLS, with a
 * handshake of its own. What it takes is not the server's.
 */

const { values } = parseArgs({ options: { to: { type: 'string' }, tls: { type: 'string' } } });
const proxy = proxyTls(values.tls ?? '');

const listener = createServer({ noDelay: true }, plain => {
  const secured = connect({ ...proxy, host: '127.0.0.1', port: Number(values.to) });
  secured.setNoDelay(true);
  for (const [one, other] of [
    [plain, secured],
    [secured, plain],
  ] as const) {
    one.on('error', () => other.destroy());
    one.on('close', () => other.destroy());
    one.pipe(other);
  }
});
await new Promise<void>(resolve => listener.listen({ host: '127.0.0.1', port: 0, backlog: 4096 }, resolve));
const address = listener.address();
lead({ port: typeof address === 'object' && address ? address.port : 0, change: () => {} });

import { createServer, type ServerHttp2Stream } from 'node:http2';
import { lead, serverArguments } from './protocol.ts';
import { Stub, type StubStream, withGrpcHead } from './stub.ts';

/** node:http2 by itself: the head of gRPC stands before the prebuilt message, and is looked for in requests. */

const stub = new Stub(serverArguments(), withGrpcHead);

function serve(http: ServerHttp2Stream): void {
  const stream: StubStream = { write: message => void http.write(message), has: new Set() };
  http.respond({ ':status': 200, 'content-type': 'application/grpc' });
  stub.opened(stream);
  let rest: Buffer | undefined;
  http.on('data', (piece: Buffer) => {
    let bytes = rest ? Buffer.concat([rest, piece]) : piece;
    while (bytes.length >= 5 && bytes.length >= 5 + bytes.readUInt32BE(1)) {
      const end = 5 + bytes.readUInt32BE(1);
      stub.received(stream, bytes.subarray(5, end));
      bytes = bytes.subarray(end);
    }
    rest = bytes.length > 0 ? bytes : undefined;
  });
  http.on('error', () => {});
  http.on('close', () => stub.closed(stream));
}

const server = createServer({ settings: { initialWindowSize: 4 * 1024 * 1024 } });
server.on('stream', serve);
server.on('sessionError', () => {});
await new Promise<void>(resolve => server.listen({ host: '127.0.0.1', port: 0, backlog: 4096 }, resolve));
const address = server.address();
lead({
  port: typeof address === 'object' && address ? address.port : 0,
  change: (change, time) => stub.change(change, time),
  status: () => stub.status(),
});

import { createServer } from 'node:net';
import { Server, ServerCredentials, type ServerDuplexStream } from '@grpc/grpc-js';
import { serviceDefinition } from '../../../proto/services.ts';
import { lead, serverArguments } from './protocol.ts';
import { Stub, type StubStream } from './stub.ts';

/** grpc-js by itself: messages pass as they are, connections come from a listener with room for a storm. */

const stub = new Stub(serverArguments(), message => Buffer.from(message));

function serve(call: ServerDuplexStream<Buffer, Buffer>): void {
  const stream: StubStream = { write: message => void call.write(message), has: new Set() };
  stub.opened(stream);
  call.on('data', (request: Buffer) => stub.received(stream, request));
  for (const event of ['end', 'error', 'cancelled']) call.on(event, () => stub.closed(stream));
}

const server = new Server({ 'grpc.max_send_message_length': -1, 'grpc.max_receive_message_length': -1 });
server.addService(serviceDefinition('envoy.service.discovery.v3.AggregatedDiscoveryService'), {
  StreamAggregatedResources: serve,
  DeltaAggregatedResources: serve,
});
const injector = server.createConnectionInjector(ServerCredentials.createInsecure());
const listener = createServer({ noDelay: true }, socket => {
  socket.on('error', () => socket.destroy());
  injector.injectConnection(socket);
});
await new Promise<void>(resolve => listener.listen({ host: '127.0.0.1', port: 0, backlog: 4096 }, resolve));
const address = listener.address();
lead({
  port: typeof address === 'object' && address ? address.port : 0,
  change: (change, time) => stub.change(change, time),
  status: () => stub.status(),
});

import { parentPort, workerData } from 'node:worker_threads';
import { Client, credentials, type Metadata, type ServiceError } from '@grpc/grpc-js';
import { register } from '@grpc/grpc-js-xds';
import type { Asked, Replied } from './grpc-xds-client.ts';

/** Body of the thread in which `GrpcXdsClient` calls: a gRPC client that finds its backends by xDS. */

process.env['GRPC_XDS_BOOTSTRAP_CONFIG'] = JSON.stringify(workerData);
register();

const clients = new Map<string, Client>();

function clientOf(target: string): Client {
  const client = clients.get(target) ?? new Client(target, credentials.createInsecure());
  clients.set(target, client);
  return client;
}

const unchanged = (bytes: Buffer): Buffer => bytes;

function call({ target, path }: Asked): Promise<string> {
  return new Promise(resolve => {
    let by = '';
    const ended = (error: ServiceError | null): void => resolve(error ? error.message : by);
    const settings = { deadline: Date.now() + 5_000 };
    const made = clientOf(target).makeUnaryRequest(path, unchanged, unchanged, Buffer.alloc(0), settings, ended);
    made.on('metadata', (headers: Metadata) => {
      by = headers.get('x-backend').join();
    });
  });
}

parentPort?.on('message', async (asked: Asked) => {
  const replied: Replied = { id: asked.id, answer: await call(asked) };
  parentPort?.postMessage(replied);
});

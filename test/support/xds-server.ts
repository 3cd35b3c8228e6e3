import type { TestContext } from 'node:test';
import { Client, credentials, type ServiceError, status } from '@grpc/grpc-js';
import { serviceDefinition } from '../../proto/services.ts';
import { Fleet } from '../../src/fleet/fleet.ts';
import { Board } from '../../src/snapshot/board.ts';
import { XdsService } from '../../src/xds/service.ts';
import { publication, type Sets, snapshot } from './xds-fixtures.ts';
import { testXdsSettings } from './xds-transport.ts';

/** A server for a test, its board and the status of its clients. */
export interface ServedXds {
  readonly board: Board;
  readonly fleet: Fleet;
  readonly service: XdsService;
  readonly port: number;
  /** One connection, which ends with the test. */
  readonly client: Client;
  publish(sets: Sets): void;
  /** A unary call; gives the bytes, or the status that it ended with. */
  call(service: string, method: string, request: Buffer): Promise<Reply>;
}

export type Reply = { readonly bytes: Buffer } | { readonly code: string; readonly details: string };

export async function serveXds(t: TestContext): Promise<ServedXds> {
  const board = new Board();
  const fleet = new Fleet();
  const service = new XdsService(board, { ...testXdsSettings, port: 0 }, event => fleet.apply(event), fleet);
  const port = await service.listen();
  const client = new Client(`127.0.0.1:${port}`, credentials.createInsecure(), {
    'grpc.use_local_subchannel_pool': 1,
    'grpc.max_receive_message_length': -1,
  });
  t.after(async () => {
    client.close();
    await service.close(AbortSignal.timeout(300));
  });
  return {
    board,
    fleet,
    service,
    port,
    client,
    publish: sets => board.publish(publication(snapshot('fleet', sets))),
    call: (name, method, request) => unary(client, serviceDefinition(name)[method]!.path, request),
  };
}

const unchanged = (bytes: Buffer): Buffer => bytes;

export function unary(client: Client, path: string, request: Buffer): Promise<Reply> {
  return new Promise(resolve => {
    client.makeUnaryRequest(path, unchanged, unchanged, request, (error: ServiceError | null, bytes?: Buffer) => {
      if (error) resolve({ code: status[error.code], details: error.details });
      else resolve({ bytes: bytes! });
    });
  });
}

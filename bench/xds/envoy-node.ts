import { existsSync, writeFileSync } from 'node:fs';
import { createServer, type ServerHttp2Stream } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import protobuf from 'protobufjs/minimal.js';
import { startEnvoy } from '../../envoy/process.ts';
import { envoyVersion } from '../../setup/envoy.mjs';

/**
 * What a real Envoy says of itself: the node of its first request, without its id, so that each proxy of the load client
 * can have one of its own. Recorded once into `folder`.
 *
 * @returns the file
 */
export async function recordedNode(folder: string): Promise<string> {
  const file = join(folder, `node-${envoyVersion}.bin`);
  if (!existsSync(file)) writeFileSync(file, withoutId(nodeOf(await firstRequest())));
  return file;
}

/** The first message that Envoy sends on a delta ADS stream. */
async function firstRequest(): Promise<Buffer> {
  const server = createServer();
  const came = Promise.withResolvers<Buffer>();
  server.on('stream', stream => {
    stream.on('error', () => {});
    messageOf(stream, came.resolve);
  });
  server.on('sessionError', () => {});
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const envoy = startEnvoy({ name: 'recorded', bootstrap: bootstrap(port) });
  try {
    const ended = envoy.ended.then(() => {
      throw new Error(`Envoy ended before it asked for anything:\n${envoy.log()}`);
    });
    return await Promise.race([came.promise, ended]);
  } finally {
    await envoy.stop();
    server.close();
  }
}

function messageOf(stream: ServerHttp2Stream, take: (message: Buffer) => void): void {
  let bytes = Buffer.alloc(0);
  stream.on('data', (piece: Buffer) => {
    bytes = Buffer.concat([bytes, piece]);
    if (bytes.length >= 5 && bytes.length >= 5 + bytes.readUInt32BE(1)) {
      take(bytes.subarray(5, 5 + bytes.readUInt32BE(1)));
    }
  });
}

function nodeOf(request: Uint8Array): Uint8Array {
  const reader = protobuf.Reader.create(request);
  while (reader.pos < reader.len) {
    const tag = reader.uint32();
    if (tag >>> 3 === 1) return reader.bytes();
    reader.skipType(tag & 7);
  }
  throw new Error("Envoy's first request has no node");
}

function withoutId(node: Uint8Array): Uint8Array {
  const reader = protobuf.Reader.create(node);
  const kept: Uint8Array[] = [];
  while (reader.pos < reader.len) {
    const from = reader.pos;
    const tag = reader.uint32();
    reader.skipType(tag & 7);
    if (tag >>> 3 !== 1) kept.push(node.subarray(from, reader.pos));
  }
  return Buffer.concat(kept);
}

function bootstrap(port: number): object {
  const address = (to: number) => ({ socket_address: { address: '127.0.0.1', port_value: to } });
  return {
    node: { id: 'recorded', cluster: 'edge', locality: { region: 'here', zone: 'a' } },
    admin: { address: address(0) },
    dynamic_resources: {
      ads_config: {
        api_type: 'DELTA_GRPC',
        transport_api_version: 'V3',
        set_node_on_first_message_only: true,
        grpc_services: [{ envoy_grpc: { cluster_name: 'xds' } }],
      },
      cds_config: { ads: {}, resource_api_version: 'V3' },
      lds_config: { ads: {}, resource_api_version: 'V3' },
    },
    static_resources: {
      clusters: [
        {
          name: 'xds',
          type: 'STATIC',
          load_assignment: {
            cluster_name: 'xds',
            endpoints: [{ lb_endpoints: [{ endpoint: { address: address(port) } }] }],
          },
          typed_extension_protocol_options: {
            'envoy.extensions.upstreams.http.v3.HttpProtocolOptions': {
              '@type': 'type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions',
              explicit_http_config: { http2_protocol_options: {} },
            },
          },
        },
      ],
    },
  };
}

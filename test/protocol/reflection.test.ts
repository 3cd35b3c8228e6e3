import assert from 'node:assert/strict';
import { connect } from 'node:http2';
import { type TestContext, test } from 'node:test';
import { type StatusObject, status } from '@grpc/grpc-js';
import protobuf from 'protobufjs';
import descriptor, { type IFileDescriptorProto } from 'protobufjs/ext/descriptor/index.js';
import { decode, encode } from '../../proto/codec.ts';
import type { ServerReflectionRequest, ServerReflectionResponse } from '../../proto/gen/grpc.reflection.v1.ts';
import { discoveryServices } from '../../src/xds/discovery-services.ts';
import { until } from '../support/until.ts';
import { type ServedXds, serveXds, unary } from '../support/xds-server.ts';

const unchanged = (bytes: Buffer): Buffer => bytes;
const fieldOptions = 'google.protobuf.FieldOptions';
const other = [
  'envoy.service.load_stats.v3.LoadReportingService',
  'envoy.service.status.v3.ClientStatusDiscoveryService',
  'grpc.health.v1.Health',
  'grpc.reflection.v1.ServerReflection',
  'grpc.reflection.v1alpha.ServerReflection',
];

function message(request: ServerReflectionRequest): Buffer {
  return Buffer.from(encode('grpc.reflection.v1.ServerReflectionRequest', request));
}

/** A stream of reflection, and its answers in order. */
function open(t: TestContext, { client }: ServedXds, version = 'v1') {
  const path = `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`;
  const call = client.makeBidiStreamRequest(path, unchanged, unchanged);
  const answers: Buffer[] = [];
  call.on('data', (bytes: Buffer) => answers.push(bytes));
  call.on('error', () => {});
  t.after(() => call.cancel());
  const ended = new Promise<StatusObject>(resolve => call.on('status', resolve));
  let asked = 0;
  const ask = async (request: ServerReflectionRequest): Promise<ServerReflectionResponse> => {
    call.write(message(request));
    const bytes = await until('it is answered', () => answers[asked]);
    asked++;
    return decode('grpc.reflection.v1.ServerReflectionResponse', bytes);
  };
  return { call, answers, ended, ask };
}

function filesIn(response: ServerReflectionResponse): readonly IFileDescriptorProto[] {
  const files = response.file_descriptor_response?.file_descriptor_proto ?? [];
  assert.ok(files.length > 0, JSON.stringify(response.error_response));
  return files.map(
    each => descriptor.FileDescriptorProto.decode(Buffer.from(String(each), 'base64')) as IFileDescriptorProto,
  );
}

function namesOf(response: ServerReflectionResponse): readonly (string | undefined)[] {
  return filesIn(response).map(each => each.name);
}

/** protobufjs does not declare it. */
function rootOf(file: readonly IFileDescriptorProto[]): protobuf.Root {
  const from = protobuf.Root as unknown as { fromDescriptor(set: object): protobuf.Root };
  return from.fromDescriptor({ file });
}

for (const version of ['v1', 'v1alpha']) {
  test(`reflection: every served service is listed and described, down to its fields (${version})`, async t => {
    const { ask } = open(t, await serveXds(t), version);
    const listed = (await ask({ list_services: '*' })).list_services_response?.service?.map(each => each.name!) ?? [];
    assert.deepEqual([...listed].sort(), [...discoveryServices.map(each => each.service), ...other].sort());
    const files = new Map<string, IFileDescriptorProto>();
    for (const service of listed) {
      for (const each of filesIn(await ask({ file_containing_symbol: service }))) files.set(each.name!, each);
    }
    // A client may also fetch the imports one by one.
    for (const [name, file] of files) {
      for (const each of file.dependency as string[]) assert.ok(files.has(each), `${name} came without ${each}`);
      assert.equal(namesOf(await ask({ file_by_filename: name }))[0], name);
    }
    const root = rootOf([...files.values()]);
    for (const service of listed) {
      const methods = root.lookupService(service).methodsArray;
      assert.ok(methods.length > 0, service);
      for (const { requestType, responseType } of methods) {
        assert.ok(root.lookupType(requestType) && root.lookupType(responseType), service);
      }
    }
    assert.equal(
      root.lookupType('envoy.service.discovery.v3.DiscoveryRequest').fields.node?.resolvedType?.name,
      'Node',
    );
  });
}

test('reflection: a file comes first and with all its imports, each of which is sent once to a stream', async t => {
  const served = await serveXds(t);
  const { ask } = open(t, served);
  const first = namesOf(await ask({ file_by_filename: 'envoy/service/cluster/v3/cds.proto' }));
  assert.equal(first[0], 'envoy/service/cluster/v3/cds.proto');
  assert.equal(new Set(first).size, first.length);
  assert.ok(first.includes('envoy/config/core/v3/base.proto'));
  const second = namesOf(await ask({ file_containing_symbol: 'envoy.service.listener.v3.ListenerDiscoveryService' }));
  assert.deepEqual(second, ['envoy/service/listener/v3/lds.proto']);
  const again = namesOf(await ask({ file_by_filename: 'envoy/service/cluster/v3/cds.proto' }));
  assert.deepEqual(again, ['envoy/service/cluster/v3/cds.proto']);
  assert.deepEqual(namesOf(await open(t, served).ask({ file_by_filename: first[0]! })), first);
});

test('reflection: symbols inside of others, what travels in Any, and extensions are found', async t => {
  const { ask } = open(t, await serveXds(t));
  const manager = 'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager';
  for (const [symbol, file] of [
    ['envoy.service.cluster.v3.ClusterDiscoveryService.FetchClusters', 'envoy/service/cluster/v3/cds.proto'],
    ['envoy.config.cluster.v3.Cluster.DiscoveryType', 'envoy/config/cluster/v3/cluster.proto'],
    ['envoy.config.cluster.v3.Cluster.lb_policy', 'envoy/config/cluster/v3/cluster.proto'],
    [manager, 'envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager.proto'],
  ]) {
    assert.equal(namesOf(await ask({ file_containing_symbol: symbol! }))[0], file);
  }
  const extension = { containing_type: fieldOptions, extension_number: 1071 };
  assert.equal(namesOf(await ask({ file_containing_extension: extension }))[0], 'validate/validate.proto');
  const { all_extension_numbers_response: all } = await ask({ all_extension_numbers_of_type: fieldOptions });
  assert.equal(all?.base_type_name, fieldOptions);
  assert.ok(all?.extension_number?.includes(1071));
});

test('reflection: what is not there is NOT_FOUND in an answer, and the stream goes on', async t => {
  const { ask } = open(t, await serveXds(t));
  for (const [request, why] of [
    [{ file_by_filename: 'no.proto' }, 'there is no file no.proto'],
    [{ file_by_filename: '__proto__' }, 'there is no file __proto__'],
    [{ file_containing_symbol: 'no.Such' }, 'there is no symbol no.Such'],
    [{ file_containing_symbol: '' }, 'there is no symbol '],
    [
      { file_containing_extension: { containing_type: fieldOptions, extension_number: 5 } },
      `there is no extension 5 of ${fieldOptions}`,
    ],
    [{ all_extension_numbers_of_type: 'no.Such' }, 'there is no message no.Such'],
  ] as const) {
    const asked = { host: 'here', ...request };
    const answer = await ask(asked);
    assert.deepEqual(answer, {
      valid_host: 'here',
      original_request: asked,
      error_response: { error_code: status.NOT_FOUND, error_message: why },
    });
  }
  const { error_response: unknown } = await ask({ host: 'here' });
  assert.equal(unknown?.error_code, status.UNIMPLEMENTED);
  assert.ok((await ask({ list_services: '' })).list_services_response);
});

test('reflection: bytes that are no request end their stream as INVALID_ARGUMENT, and no other', async t => {
  const served = await serveXds(t);
  const [good, bad] = [open(t, served), open(t, served)];
  await good.ask({ list_services: '' });
  bad.call.write(Buffer.from('not protobuf'));
  const { code, details } = await bad.ended;
  assert.equal(code, status.INVALID_ARGUMENT);
  assert.match(details, /no ServerReflectionRequest/);
  assert.ok((await good.ask({ list_services: '' })).list_services_response);
});

test('reflection: of a client that does not read no further requests are taken', async t => {
  const { client, port } = await serveXds(t);
  // The client of gRPC reads ahead.
  const session = connect(`http://127.0.0.1:${port}`, { maxSessionMemory: 100 });
  t.after(() => session.destroy());
  const path = '/grpc.reflection.v1.ServerReflection/ServerReflectionInfo';
  const stream = session.request({ ':method': 'POST', ':path': path, 'content-type': 'application/grpc' });
  const request = message({ file_by_filename: 'envoy/config/cluster/v3/cluster.proto', host: 'h'.repeat(100_000) });
  const head = Buffer.alloc(5);
  head.writeUInt32BE(request.length, 1);
  const requests = 200;
  stream.write(Buffer.concat(Array.from({ length: requests }, () => [head, request]).flat()));
  let sent = 0;
  await until('the server has stopped to take requests', async () => {
    const before = sent;
    for (let turn = 0; turn < 20; turn++) await unary(client, '/grpc.health.v1.Health/Check', Buffer.alloc(0));
    sent = session.socket.bytesWritten;
    return sent > request.length && sent === before;
  });
  // What the kernel holds is among them.
  assert.ok(sent < (requests * request.length) / 2, `${sent} bytes were taken`);
  let received = 0;
  stream.on('data', (bytes: Buffer) => {
    received += bytes.length;
  });
  await until('all are answered once it reads', () => received > requests * request.length);
});

test('reflection, R47: streams of reflection end as OK with the server, and those of a client that is done at once', async t => {
  const served = await serveXds(t);
  const [kept, done] = [open(t, served), open(t, served)];
  await Promise.all([kept.ask({ list_services: '' }), done.ask({ list_services: '' })]);
  done.call.end();
  assert.equal((await done.ended).code, status.OK);
  await served.service.close(AbortSignal.timeout(1000));
  assert.equal((await kept.ended).code, status.OK);
});

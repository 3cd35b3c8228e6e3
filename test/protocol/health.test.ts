import assert from 'node:assert/strict';
import { once } from 'node:events';
import { test } from 'node:test';
import { status } from '@grpc/grpc-js';
import { textField } from '../../src/snapshot/wire.ts';
import { until } from '../support/until.ts';
import { serveXds, unary } from '../support/xds-server.ts';

const clusters = 'envoy.service.cluster.v3.ClusterDiscoveryService';
const reflection = 'grpc.reflection.v1.ServerReflection';
const serving = { bytes: Buffer.from([8, 1]) };
const notServing = { bytes: Buffer.from([8, 2]) };

function request(service: string): Buffer {
  return service === '' ? Buffer.alloc(0) : Buffer.from(textField(1, service));
}

test('P19: the health check says NOT_SERVING until a policy is in force, of the server and of each service', async t => {
  const { client, publish } = await serveXds(t);
  const check = (service: string) => unary(client, '/grpc.health.v1.Health/Check', request(service));
  for (const service of ['', clusters, reflection]) assert.deepEqual(await check(service), notServing);
  publish({ CDS: { a: '1' } });
  for (const service of ['', clusters, reflection]) assert.deepEqual(await check(service), serving);
  assert.deepEqual(await check('no.Such'), { code: 'NOT_FOUND', details: 'no service called no.Such' });
  const nonsense = await unary(client, '/grpc.health.v1.Health/Check', Buffer.from('not protobuf'));
  assert.ok('code' in nonsense && nonsense.code === 'INVALID_ARGUMENT');
});

test('P19, R47: a watch of health tells each change once, last that the server closes, and ends as OK', async t => {
  const { client, service, publish } = await serveXds(t);
  const unchanged = (bytes: Buffer): Buffer => bytes;
  const watch = (name: string) => {
    const told: (number | undefined)[] = [];
    const path = '/grpc.health.v1.Health/Watch';
    const call = client.makeServerStreamRequest(path, unchanged, unchanged, request(name));
    call.on('data', (bytes: Buffer) => told.push(bytes[1]));
    call.on('error', () => {});
    return { told, ended: once(call, 'status') as Promise<[{ code: number }]> };
  };
  const [server, unknown] = [watch(''), watch('no.Such')];
  await until('both are told', () => server.told.length === 1 && unknown.told.length === 1);
  publish({ CDS: { a: '1' } });
  await until('it serves', () => server.told.length === 2);
  publish({ CDS: { a: '2' } });
  await service.close(AbortSignal.timeout(1000));
  const [[{ code }]] = await Promise.all([server.ended, unknown.ended]);
  assert.equal(code, status.OK);
  assert.deepEqual(server.told, [2, 1, 2]);
  assert.deepEqual(unknown.told, [3]);
});

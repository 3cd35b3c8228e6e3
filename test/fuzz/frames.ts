import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as pause } from 'node:timers/promises';

/** HTTP/2 by hand (RFC 9113), so that it can be wrong. */

export const preface = Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n');
export const types = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  push: 5,
  ping: 6,
  goaway: 7,
  window: 8,
  continuation: 9,
} as const;
export const END_STREAM = 1;
export const END_HEADERS = 4;

export function frame(type: number, flags: number, stream: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(type, 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** Settings as `[id, value]`. */
export function settings(...values: readonly (readonly [id: number, value: number])[]): Buffer {
  const payload = Buffer.alloc(values.length * 6);
  for (const [index, [id, value]] of values.entries()) {
    payload.writeUInt16BE(id, index * 6);
    payload.writeUInt32BE(value, index * 6 + 2);
  }
  return frame(types.settings, 0, 0, payload);
}

export function number(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

const ads = '/envoy.service.discovery.v3.AggregatedDiscoveryService/DeltaAggregatedResources';

/** The headers of a call, each a literal that is not indexed. */
export function headerBlock(more: Readonly<Record<string, string>> = {}): Buffer {
  const headers = {
    ':method': 'POST',
    ':scheme': 'http',
    ':path': ads,
    ':authority': 'localhost',
    te: 'trailers',
    'content-type': 'application/grpc',
    ...more,
  };
  const text = (value: string): Buffer => Buffer.concat([length(value.length), Buffer.from(value, 'latin1')]);
  return Buffer.concat(Object.entries(headers).flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]));
}

/** An integer of HPACK with a prefix of seven bits. */
function length(value: number): Buffer {
  if (value < 127) return Buffer.from([value]);
  const bytes = [127];
  let rest = value - 127;
  for (; rest >= 128; rest >>>= 7) bytes.push((rest & 127) | 128);
  return Buffer.from([...bytes, rest]);
}

export function call(stream: number, more?: Readonly<Record<string, string>>): Buffer {
  return frame(types.headers, END_HEADERS, stream, headerBlock(more));
}

/** A message with the prefix of gRPC. */
export function message(bytes: Uint8Array, flag = 0, said = bytes.length): Buffer {
  return Buffer.concat([Buffer.from([flag]), number(said), bytes]);
}

/** DATA frames of a size that everybody takes. */
export function data(stream: number, bytes: Buffer): Buffer {
  const frames: Buffer[] = [];
  for (let at = 0; at === 0 || at < bytes.length; at += 16_384) {
    frames.push(frame(types.data, 0, stream, bytes.subarray(at, at + 16_384)));
  }
  return Buffer.concat(frames);
}

export async function open(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  await Promise.race([once(socket, 'connect'), once(socket, 'close')]);
  return socket;
}

/** Says it all on a connection, lets the server answer or close, and closes. */
export async function say(port: number, bytes: Buffer, patience = 60): Promise<void> {
  const socket = await open(port);
  socket.resume();
  socket.write(bytes);
  if (!socket.destroyed) await Promise.race([once(socket, 'close'), pause(patience)]);
  socket.destroy();
}

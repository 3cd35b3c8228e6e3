import { createSocket } from 'node:dgram';
import { once } from 'node:events';

/** A name server on loopback that knows addresses of both kinds, by name and record type: `app.test A`. They may change meanwhile. */
export async function dnsServer(records: Readonly<Record<string, readonly string[]>>, ttl: number) {
  const socket = createSocket('udp4');
  socket.on('message', (question, from) => {
    // Header of 12 bytes; then labels, each with its length before it; then the type.
    const labels: string[] = [];
    let at = 12;
    for (; question[at]; at += 1 + question[at]!)
      labels.push(question.toString('latin1', at + 1, at + 1 + question[at]!));
    const end = at + 5;
    const type = question.readUInt16BE(at + 1);
    const found = records[`${labels.join('.')} ${type === 1 ? 'A' : type === 28 ? 'AAAA' : type}`];
    const header = Buffer.from(question.subarray(0, 12));
    header.writeUInt16BE(found ? 0x8180 : 0x8183, 2);
    header.writeUInt16BE(found?.length ?? 0, 6);
    header.writeUInt32BE(0, 8);
    const answers = (found ?? []).map(address => {
      const data = type === 1 ? Buffer.from(address.split('.').map(Number)) : Buffer.from(address, 'hex');
      const answer = Buffer.from([0xc0, 12, 0, type, 0, 1, 0, 0, 0, 0, 0, data.length]);
      answer.writeUInt32BE(ttl, 6);
      return Buffer.concat([answer, data]);
    });
    socket.send(Buffer.concat([header, question.subarray(12, end), ...answers]), from.port, from.address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  return { at: `127.0.0.1:${socket.address().port}`, close: () => socket.close() };
}

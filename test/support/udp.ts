import { createSocket } from 'node:dgram';

/** An application that answers datagrams. */
export interface UdpBackend extends AsyncDisposable {
  /** What came, in hexadecimal, in the order of arrival. */
  readonly received: readonly string[];
  /** Answers each datagram by this; undefined: by nothing. */
  answer(by: () => Buffer | undefined): void;
}

/** Listens on a port of loopback. */
export async function startUdpBackend(port: number): Promise<UdpBackend> {
  const socket = createSocket('udp4');
  const received: string[] = [];
  let reply: () => Buffer | undefined = () => undefined;
  socket.on('error', () => {});
  socket.on('message', (message, from) => {
    received.push(message.toString('hex'));
    const answer = reply();
    if (answer) socket.send(answer, from.port, from.address);
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(port, '127.0.0.1', resolve);
  });
  return {
    received,
    answer: by => {
      reply = by;
    },
    [Symbol.asyncDispose]: () => new Promise(resolve => socket.close(() => resolve())),
  };
}

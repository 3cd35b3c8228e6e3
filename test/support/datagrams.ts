import { createSocket, type Socket } from 'node:dgram';

/** An application that answers each datagram with its name, the port that it came from, and what it was. */
export interface EchoBackend extends AsyncDisposable {
  readonly name: string;
  readonly address: string;
}

export async function startEcho(name: string): Promise<EchoBackend> {
  const socket = await bound('127.0.0.1');
  socket.on('message', (text, from) => socket.send(`${name} ${from.port} ${text}`, from.port, from.address));
  return { name, address: `127.0.0.1:${socket.address().port}`, [Symbol.asyncDispose]: () => closed(socket) };
}

/** What came back for a datagram. */
export interface UdpAnswer {
  readonly by: string;
  /** Of the socket that the proxy sent it from. */
  readonly port: string;
  readonly text: string;
}

/** A caller with one address and port. */
export interface UdpCaller extends AsyncDisposable {
  /** Sends it and waits for the answer; undefined when none comes within `patience` milliseconds. */
  ask(text: string, patience?: number): Promise<UdpAnswer | undefined>;
}

export async function udpCaller(port: number, from = '127.0.0.1'): Promise<UdpCaller> {
  const socket = await bound(from);
  return {
    ask: (text, patience = 5_000) =>
      new Promise(resolve => {
        const heard = (data: Buffer) => {
          const [by = '', port = '', ...rest] = data.toString().split(' ');
          if (rest.join(' ') === text) end({ by, port, text });
        };
        const end = (answer?: UdpAnswer) => {
          clearTimeout(timer);
          socket.off('message', heard);
          resolve(answer);
        };
        const timer = setTimeout(end, patience);
        socket.on('message', heard);
        socket.send(text, port, '127.0.0.1');
      }),
    [Symbol.asyncDispose]: () => closed(socket),
  };
}

function bound(address: string): Promise<Socket> {
  const socket = createSocket('udp4');
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(0, address, () => {
      socket.off('error', reject);
      socket.on('error', () => {});
      resolve(socket);
    });
  });
}

function closed(socket: Socket): Promise<void> {
  return new Promise(resolve => socket.close(() => resolve()));
}

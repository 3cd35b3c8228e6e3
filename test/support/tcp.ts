import { connect, createServer, type Server, type Socket } from 'node:net';
import { freePort } from './ports.ts';

/** An application that greets each connection with its name and a line break, then sends back what it gets. */
export interface TcpBackend extends AsyncDisposable {
  readonly name: string;
  readonly port: number;
  readonly address: string;
  /** Connections since the start. */
  readonly accepted: number;
  /** What all connections have sent, in the order of arrival. */
  readonly received: string;
  /** Greets with this line instead of its name. */
  greet(line: string): void;
  /** Answers each piece of text by this instead of sending it back. */
  answer(by: (text: string) => string): void;
  die(): Promise<void>;
  /** Takes no new connections; those that are open stay. */
  refuse(): Promise<void>;
  revive(): Promise<void>;
}

export async function startTcpBackend(name: string, on = '127.0.0.1', at?: number): Promise<TcpBackend> {
  const port = at ?? (await freePort());
  const sockets = new Set<Socket>();
  let server: Server | undefined;
  let accepted = 0;
  let received = '';
  let greeting = name;
  let reply = (text: string) => text;
  const revive = async () => {
    const made = createServer(socket => {
      accepted += 1;
      sockets.add(socket);
      socket.on('error', () => {});
      socket.once('close', () => sockets.delete(socket));
      if (greeting !== '') socket.write(`${greeting}\n`);
      socket.setEncoding('utf8').on('data', (text: string) => {
        received += text;
        socket.write(reply(text));
      });
    });
    await new Promise<void>((resolve, reject) => {
      made.once('error', reject);
      made.listen(port, on, resolve);
    });
    server = made;
  };
  const die = async () => {
    const dying = server;
    server = undefined;
    if (!dying) return;
    const closed = new Promise(resolve => dying.close(resolve));
    for (const socket of sockets) socket.resetAndDestroy();
    await closed;
  };
  // What is left is closed by `die`, for which the listening socket is gone already.
  const refuse = async () => {
    server?.close();
    await new Promise(resolve => setImmediate(resolve));
  };
  await revive();
  return {
    name,
    port,
    address: `${on}:${port}`,
    get accepted() {
      return accepted;
    },
    get received() {
      return received;
    },
    greet: line => {
      greeting = line;
    },
    answer: by => {
      reply = by;
    },
    die,
    refuse,
    revive,
    [Symbol.asyncDispose]: die,
  };
}

/** A connection of ours. */
export interface TcpClient extends Disposable {
  send(text: string): void;
  /** The next line that comes; rejects when the connection ends before. */
  line(): Promise<string>;
  readonly closed: Promise<void>;
  end(): void;
}

/** Connects on loopback, `from` another of its addresses where it is given. Rejects when nobody listens. */
export async function connectTcp(port: number, host = '127.0.0.1', from?: string): Promise<TcpClient> {
  const socket = connect({ port, host, ...(from === undefined ? {} : { localAddress: from }) });
  socket.setEncoding('utf8');
  let text = '';
  let ended = false;
  let wake = () => {};
  socket.on('data', (chunk: string) => {
    text += chunk;
    wake();
  });
  const closed = new Promise<void>(resolve => socket.once('close', () => resolve()));
  void closed.then(() => {
    ended = true;
    wake();
  });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  socket.on('error', () => {});
  return {
    send: piece => void socket.write(piece),
    line: async () => {
      for (;;) {
        const end = text.indexOf('\n');
        if (end >= 0) {
          const line = text.slice(0, end);
          text = text.slice(end + 1);
          return line;
        }
        if (ended) throw new Error(`the connection ended after "${text}"`);
        await new Promise<void>(resolve => {
          wake = resolve;
        });
      }
    },
    closed,
    end: () => socket.destroy(),
    [Symbol.dispose]: () => void socket.destroy(),
  };
}

/** The first line that a new connection gets: the name of a {@link TcpBackend}. */
export async function firstLine(port: number, host?: string, from?: string): Promise<string> {
  using client = await connectTcp(port, host, from);
  return await client.line();
}

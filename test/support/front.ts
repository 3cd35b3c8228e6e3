import { connect, createServer, type Socket } from 'node:net';
import { freePort } from './ports.ts';

/** Where a connection may be passed on to. */
export interface FrontTarget {
  readonly host: string;
  readonly port: number;
}

/** What stands before several edges, and passes connections on to one of them. */
export interface Front extends AsyncDisposable {
  readonly port: number;
  /** The edges that answer, in their order. */
  readonly alive: readonly FrontTarget[];
}

export interface FrontOptions {
  readonly targets: readonly FrontTarget[];
  /** Whether an edge answers. */
  check(target: FrontTarget): Promise<boolean>;
  /** Which of those that answer gets connection number `index`. */
  choose(alive: readonly FrontTarget[], index: number): FrontTarget | undefined;
}

/**
 * A stand-in for an address that moves between machines (VRRP), or for a load balancer of connections: it asks each edge
 * again and again, and passes whole connections on, which break with their edge.
 */
export async function startFront({ targets, check, choose }: FrontOptions): Promise<Front> {
  const sockets = new Set<Socket>();
  let alive: readonly FrontTarget[] = [];
  let index = 0;
  const look = async () => {
    const answers = await Promise.all(targets.map(each => check(each).catch(() => false)));
    alive = targets.filter((_, at) => answers[at]);
  };
  await look();
  let looking: Promise<void> | undefined;
  const timer = setInterval(() => {
    looking ??= look().finally(() => {
      looking = undefined;
    });
  }, 100);
  const server = createServer(socket => {
    const target = choose(alive, index++);
    const onward = target === undefined ? undefined : connect({ host: target.host, port: target.port });
    for (const each of onward ? [socket, onward] : [socket]) {
      sockets.add(each);
      each.on('error', () => {});
      each.once('close', () => {
        sockets.delete(each);
        socket.destroy();
        onward?.destroy();
      });
    }
    if (onward === undefined) socket.destroy();
    else socket.pipe(onward).pipe(socket);
  });
  const port = await freePort();
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', resolve);
  });
  return {
    port,
    get alive() {
      return alive;
    },
    [Symbol.asyncDispose]: async () => {
      clearInterval(timer);
      await looking;
      const closed = new Promise(resolve => server.close(resolve));
      for (const each of sockets) each.destroy();
      await closed;
    },
  };
}

import { monitorEventLoopDelay } from 'node:perf_hooks';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';

/**
 * How the servers of a benchmark are led: one command a line on standard input, one answer a line on standard output.
 * `ready PORT` comes by itself.
 */

/** What is to be another. `endpoint` changes `count` assignments from `at` on, `clusters` all clusters. */
export interface Change {
  readonly kind: 'endpoint' | 'clusters' | 'route' | 'bad';
  readonly at: number;
  readonly count: number;
  readonly step: number;
  /** Grows by one with each change. */
  readonly number: number;
}

export interface Served {
  readonly port: number;
  /** Brings the change about; `time` is when it was asked for, in nanoseconds of the monotonic clock. */
  change(change: Change, time: bigint): void | Promise<void>;
  /** What the server says of itself, to be compared with what the client saw. */
  status?(): Readonly<Record<string, number>>;
}

export interface ServerArguments {
  readonly fixtures: string;
  readonly messages: string;
  readonly variant: string;
  readonly folder: string;
  /** Of ours. */
  readonly transport: string;
  /** Folder of the certificates to serve with; empty: in plain text. */
  readonly tls: string;
}

export function serverArguments(): ServerArguments {
  const { values } = parseArgs({
    options: {
      fixtures: { type: 'string', default: '' },
      messages: { type: 'string', default: '' },
      variant: { type: 'string', default: 'delta' },
      folder: { type: 'string', default: '' },
      transport: { type: 'string', default: 'grpc-js' },
      tls: { type: 'string', default: '' },
    },
  });
  return values;
}

/** Milliseconds between two looks at how late the event loop is. */
const resolution = 10;

export function lead(served: Served): void {
  const lag = monitorEventLoopDelay({ resolution });
  lag.enable();
  let number = 0;
  const say = (...words: readonly (string | number | bigint)[]): void => {
    process.stdout.write(`${words.join(' ')}\n`);
  };
  const change = async (kind: string, at: string, count: string, step: string): Promise<void> => {
    const time = process.hrtime.bigint();
    await served.change(
      { kind: kind as Change['kind'], at: Number(at), count: Number(count), step: Number(step), number: ++number },
      time,
    );
    say('changed', time, process.hrtime.bigint());
  };
  /** Changes with so many milliseconds between them, or as many as can be made in that time. */
  const stream = async (every: number, changes: number): Promise<void> => {
    const began = performance.now();
    let done = 0;
    for (; done < changes && performance.now() - began < every * changes; done++) {
      const wait = began + done * every - performance.now();
      if (wait > 0) await new Promise(resolve => setTimeout(resolve, wait));
      const change: Change = { kind: 'endpoint', at: done % 16, count: 1, step: 1, number: ++number };
      await served.change(change, process.hrtime.bigint());
    }
    say('streamed', done);
  };
  const commands: Readonly<Record<string, (...words: readonly string[]) => void | Promise<void>>> = {
    change: (kind = '', at = '0', count = '1', step = '1') => change(kind, at, count, step),
    stream: (every = '10', changes = '100') => stream(Number(every), Number(changes)),
    rss: () => say('rss', process.memoryUsage.rss()),
    gc: () => {
      for (let pass = 0; pass < 3; pass++) globalThis.gc?.();
      say('gc', process.memoryUsage.rss());
    },
    lag: () => {
      // It counts its own interval as well.
      const late = (ns: number): number => Math.max(0, Math.round(ns - resolution * 1e6));
      say('lag', late(lag.percentile(50)), late(lag.percentile(99)), late(lag.max));
      lag.reset();
    },
    nodes: () => say('nodes'),
    status: () => say('status', JSON.stringify(served.status?.() ?? {})),
    quit: () => process.exit(0),
  };
  const lines = createInterface({ input: process.stdin });
  lines.on('line', line => {
    const [word = '', ...rest] = line.split(' ');
    const command = commands[word] ?? (() => say('unknown', word));
    void Promise.resolve(command(...rest)).catch((error: unknown) => {
      say('failed', error instanceof Error ? error.message : String(error));
    });
  });
  lines.on('close', () => process.exit(0));
  say('ready', served.port);
}

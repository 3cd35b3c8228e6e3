import { Agent, request } from 'node:http';

export interface Answer {
  readonly status: number;
  readonly headers: NodeJS.Dict<string | string[]>;
  readonly body: { readonly version?: string; readonly instance?: string; readonly [key: string]: unknown };
}

const agent = new Agent({ keepAlive: true, maxSockets: 16 });

/** One request on loopback. Rejects when there is no answer within 10 s. */
export function ask(port: number, path: string, headers: Readonly<Record<string, string>> = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const call = request({ host: '127.0.0.1', port, path, headers, agent, timeout: 10_000 }, response => {
      let text = '';
      response.setEncoding('utf8');
      response.on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: parse(text) }),
      );
      response.on('error', reject);
    });
    call.on('timeout', () => call.destroy(new Error('no answer in 10 s')));
    call.on('error', reject);
    call.end();
  });
}

function parse(text: string): Answer['body'] {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : { text };
  } catch {
    return { text };
  }
}

/** How often each value came. */
export type Counts = ReadonlyMap<string, number>;

/** `count` requests, `parallel` at a time; who answered, and what went wrong. */
export async function askMany(
  port: number,
  path: string,
  count: number,
  by: (answer: Answer) => string,
  parallel = 8,
): Promise<{ readonly counts: Counts; readonly failures: readonly string[] }> {
  const counts = new Map<string, number>();
  const failures: string[] = [];
  let left = count;
  const worker = async () => {
    while (left-- > 0) {
      await ask(port, path).then(
        answer => {
          if (answer.status !== 200) failures.push(`status ${answer.status}`);
          const key = by(answer);
          counts.set(key, (counts.get(key) ?? 0) + 1);
        },
        (error: Error) => failures.push(error.message),
      );
    }
  };
  await Promise.all(Array.from({ length: parallel }, worker));
  return { counts, failures };
}

/** Steady requests in the background, until ended. */
export interface Traffic {
  /** Answers since the start, by `version/instance`. */
  readonly counts: Map<string, number>;
  readonly failures: string[];
  total(): number;
  end(): Promise<void>;
}

/** About `perSecond` requests a second over the ports, in turn. */
export function startTraffic(ports: readonly number[], path: string, perSecond: number): Traffic {
  const counts = new Map<string, number>();
  const failures: string[] = [];
  const open = new Set<Promise<void>>();
  let total = 0;
  const timer = setInterval(() => {
    if (open.size > 200) return;
    const port = ports[total % ports.length];
    if (port === undefined) return;
    total += 1;
    const one = ask(port, path).then(
      answer => {
        const who = `${answer.body.version ?? '?'}/${answer.body.instance ?? answer.status}`;
        counts.set(who, (counts.get(who) ?? 0) + 1);
        if (answer.status !== 200) failures.push(`status ${answer.status}`);
      },
      (error: Error) => {
        failures.push(error.message);
      },
    );
    open.add(one);
    void one.finally(() => open.delete(one));
  }, 1000 / perSecond);
  return {
    counts,
    failures,
    total: () => total,
    end: async () => {
      clearInterval(timer);
      await Promise.all(open);
    },
  };
}

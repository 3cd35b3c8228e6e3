import { type Answer, ask } from './client.ts';
import { until } from './until.ts';

/** Steady requests in the background, from `startLoad` to its end. */
export interface Load extends AsyncDisposable {
  /** What answered, newest last: backend names, or statuses of Envoy itself. */
  readonly answers: readonly string[];
  /** What went wrong: statuses other than 200, and errors of connections. */
  readonly failures: readonly string[];
  /** Requests that wait for their answer. */
  readonly open: number;
  /** Resolves when so many further requests have been answered. */
  more(requests: number): Promise<void>;
  /** No further requests; resolves when all have their answers. */
  end(): Promise<void>;
}

export interface LoadOptions {
  readonly perSecond?: number;
  /** No further ones while so many are open: for what is to pass on a machine, too, that has little time for it. */
  readonly atMost?: number;
}

/**
 * Requests at an even pace, whatever the answers take, so that a stall shows as failures and not as silence. Connections
 * are kept and shared.
 */
export function startLoad(
  one: () => Promise<Answer>,
  { perSecond = 100, atMost = Number.POSITIVE_INFINITY }: LoadOptions = {},
): Load {
  const answers: string[] = [];
  const failures: string[] = [];
  const open = new Set<Promise<void>>();
  const timer = setInterval(() => {
    if (open.size >= atMost) return;
    const request = one().then(
      answer => {
        answers.push(answer.by === '-' ? String(answer.status) : answer.by);
        if (answer.status !== 200) failures.push(`status ${answer.status}: ${answer.text.slice(0, 100)}`);
      },
      (error: Error) => {
        answers.push('error');
        failures.push(error.message);
      },
    );
    open.add(request);
    void request.finally(() => open.delete(request));
  }, 1000 / perSecond);
  const end = async () => {
    clearInterval(timer);
    await Promise.all(open);
  };
  return {
    answers,
    failures,
    get open() {
      return open.size;
    },
    more: async requests => {
      const goal = answers.length + requests;
      await until(`${requests} requests are answered`, () => answers.length >= goal, 120_000);
    },
    end,
    [Symbol.asyncDispose]: end,
  };
}

/** Load on one port of an edge proxy. */
export function loadOn(port: number, path = '/', options: LoadOptions = {}): Load {
  return startLoad(() => ask(port, path, { patience: 5000 }), options);
}

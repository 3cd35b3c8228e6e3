import { Agent, request } from 'node:http';
import { now } from './stalls.ts';

/** Methods that are sent in turns: one that may be repeated without harm, and one that may not. */
export const methods = ['GET', 'POST'] as const;
export type Method = (typeof methods)[number];

/** How one request went. Times are those of {@link now}. */
export interface Outcome {
  readonly method: Method;
  readonly began: number;
  readonly ended: number;
  /** `ok` is a 200 in time, `late` one after {@link lateMs}; else the status, `cut`, or `silent` after {@link patienceMs}. */
  readonly kind: 'ok' | 'late' | 'cut' | 'silent' | 'unsent' | `${number}`;
  /** Name of the application that answered. */
  readonly by: string | undefined;
}

/** An answer later than this, in milliseconds, is as bad as none to somebody who waits. */
export const lateMs = 1000;
/** How long a client waits for an answer, in milliseconds. */
export const patienceMs = 5000;
/** More requests than this are never under way for one service; what would be is counted as not sent. */
const mostUnderWay = 400;

/** A client of one service. Its connections are kept, and are its own. */
export class Client {
  readonly #port: number;
  readonly #path: string;
  readonly #agent = new Agent({ keepAlive: true });
  #underWay = 0;

  constructor(port: number, path: string) {
    this.#port = port;
    this.#path = path;
  }

  /** One request; never rejects. */
  ask(method: Method): Promise<Outcome> {
    const began = now();
    if (this.#underWay >= mostUnderWay) {
      return Promise.resolve({ method, began, ended: began, kind: 'unsent', by: undefined });
    }
    this.#underWay += 1;
    return new Promise<Outcome>(resolve => {
      const done = (kind: Outcome['kind'], by?: string) => {
        clearTimeout(timer);
        resolve({ method, began, ended: now(), kind, by });
      };
      const call = request(
        {
          ...{ host: '127.0.0.1', port: this.#port, path: this.#path, method, agent: this.#agent },
          ...(method === 'POST' ? { headers: { 'content-length': 0 } } : {}),
        },
        response => {
          const by = response.headers['x-backend'];
          response.resume();
          response.once('error', () => done('cut'));
          response.once('end', () => done(kindOf(response.statusCode ?? 0, now() - began), by?.toString()));
        },
      );
      const timer = setTimeout(() => {
        done('silent');
        call.destroy();
      }, patienceMs);
      call.on('error', () => done('cut'));
      call.end();
    }).finally(() => {
      this.#underWay -= 1;
    });
  }

  /** Requests of both methods in turns at an even pace, whatever the answers take, until the end is called for. */
  load(perSecond: number): Load {
    const outcomes: Outcome[] = [];
    const open = new Set<Promise<unknown>>();
    let sent = 0;
    const timer = setInterval(() => {
      const one = this.ask(methods[sent++ % methods.length] ?? 'GET').then(outcome => outcomes.push(outcome));
      open.add(one);
      void one.finally(() => open.delete(one));
    }, 1000 / perSecond);
    return {
      outcomes,
      end: async () => {
        clearInterval(timer);
        await Promise.all(open);
      },
    };
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** Requests that go on until `end`, which resolves when all have their outcome. */
export interface Load {
  readonly outcomes: readonly Outcome[];
  end(): Promise<void>;
}

function kindOf(status: number, took: number): Outcome['kind'] {
  if (status !== 200) return `${status}`;
  return took > lateMs ? 'late' : 'ok';
}

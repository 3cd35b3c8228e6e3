import { type ClientRequest, get, type IncomingMessage } from 'node:http';
import type { EventReply } from '../../src/admin/api.ts';

/** What a reader is told: an event, or from where to where it missed some. */
export type Told =
  | EventReply
  | { readonly type: 'gap'; readonly id: number; readonly after: number; readonly upTo: number };

export interface EventClientOptions {
  /** Port of the API on loopback. */
  readonly port: number;
  readonly token: string;
  /** Id of the last event that it has had. */
  readonly last?: number;
}

/** A reader of the stream of events that can stop to read and break off in the middle of a message. */
export class EventClient implements Disposable {
  readonly told: Told[] = [];
  /** The server has accepted it. */
  readonly open: Promise<void>;
  readonly #request: ClientRequest;
  #response: IncomingMessage | undefined;
  #rest = '';

  constructor({ port, token, last }: EventClientOptions) {
    const opened = Promise.withResolvers<void>();
    this.open = opened.promise;
    const headers = {
      authorization: `Bearer ${token}`,
      accept: 'text/event-stream',
      ...(last === undefined ? {} : { 'last-event-id': String(last) }),
    };
    this.#request = get({ host: '127.0.0.1', port, path: '/api/v1/events', headers }, response => {
      this.#response = response;
      if (response.statusCode !== 200) opened.reject(new Error(`the stream is answered ${response.statusCode}`));
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        this.#read(text);
        opened.resolve();
      });
      response.on('error', () => {});
    });
    this.#request.on('error', error => opened.reject(error));
    this.open.catch(() => {});
  }

  /** Id of the last that it was told whole. */
  get last(): number | undefined {
    return this.told.at(-1)?.id;
  }

  pause(): void {
    this.#response?.pause();
  }

  resume(): void {
    this.#response?.resume();
  }

  [Symbol.dispose](): void {
    this.#request.destroy();
  }

  #read(text: string): void {
    const whole = (this.#rest + text).split('\n\n');
    this.#rest = whole.pop() ?? '';
    for (const message of whole) {
      const data = /^data: (.*)$/m.exec(message)?.[1];
      const id = Number(/^id: (.*)$/m.exec(message)?.[1]);
      if (data !== undefined) this.told.push({ ...(JSON.parse(data) as Told), id });
    }
  }
}

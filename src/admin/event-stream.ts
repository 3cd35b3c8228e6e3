import { setImmediate } from 'node:timers/promises';
import type { EventFilter, LoggedEvent } from '../events/event.ts';
import type { EventLog } from '../events/event-log.ts';
import { instant } from './replies.ts';

export interface EventStreamOptions {
  readonly events: EventLog;
  readonly filter: EventFilter;
  /** Id of the last event that the reader has had. */
  readonly since: number;
  /** Ends it: the reader has gone, or the server ends. */
  readonly signal: AbortSignal;
  /** Is called when the reader does not read: breaks the connection off. */
  readonly sever: () => void;
  /** Is called when there were events that the reader will not be told of. */
  readonly missed: () => void;
  /** Is called once, when it has ended. */
  readonly ended: () => void;
  readonly timing?: Partial<EventStreamTiming>;
}

/** In milliseconds. */
export interface EventStreamTiming {
  /** A reader hears something at least this often. */
  readonly heartbeat: number;
  /** A reader that takes nothing for as long is ended. */
  readonly patience: number;
  /** Events that come together are told together. */
  readonly gathering: number;
}

const usual: EventStreamTiming = { heartbeat: 15_000, patience: 30_000, gathering: 20 };
/** Events in one piece: what is kept for a reader beside the ring. */
const mostAtOnce = 200;
/** Milliseconds after which a browser asks again. */
const retry = 2000;

const encoder = new TextEncoder();

/**
 * The events from `since` on, as server-sent events. Nothing is kept for a reader: each has a place in the ring and is
 * told what comes after it as fast as it reads. Where the ring has gone past its place, it is told so by `gap`.
 */
export function eventStream(options: EventStreamOptions): ReadableStream<Uint8Array> {
  const reader = new Reader(options);
  return new ReadableStream<Uint8Array>(
    {
      start: controller => controller.enqueue(encoder.encode(`retry: ${retry}\n\n`)),
      pull: controller => reader.pull(controller),
      cancel: () => reader.end(),
    },
    // Nothing is made ahead of what is read.
    { highWaterMark: 0 },
  );
}

class Reader {
  readonly #options: EventStreamOptions;
  readonly #timing: EventStreamTiming;
  readonly #endings: readonly (() => void)[];
  #cursor: number;
  #wake: () => void = () => {};
  #timer: NodeJS.Timeout | undefined;
  #stalled: NodeJS.Timeout | undefined;
  #ended = false;

  constructor(options: EventStreamOptions) {
    this.#options = options;
    this.#timing = { ...usual, ...options.timing };
    this.#cursor = options.since;
    const end = (): void => this.end();
    options.signal.addEventListener('abort', end);
    this.#endings = [
      options.events.onAdd(() => this.#gather()),
      () => options.signal.removeEventListener('abort', end),
    ];
    this.#await();
    if (options.signal.aborted) this.end();
  }

  async pull(controller: ReadableStreamDefaultController<Uint8Array>): Promise<void> {
    clearTimeout(this.#stalled);
    const due = performance.now() + this.#timing.heartbeat;
    let text = this.#next();
    while (text === '' && !this.#ended) {
      // Only some are looked at in one go.
      const isMore = this.#cursor < this.#options.events.last;
      const quiet = await (isMore ? setImmediate(false) : this.#quietUntil(due));
      text = quiet ? ': nothing new\n\n' : this.#next();
    }
    if (this.#ended) controller.close();
    else controller.enqueue(encoder.encode(text));
    if (!this.#ended) this.#await();
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#stalled);
    for (const end of this.#endings) end();
    this.#wake();
    this.#options.ended();
  }

  #next(): string {
    const { events, filter } = this.#options;
    const from = this.#cursor;
    const { events: found, cursor, missed } = events.after(from, filter, mostAtOnce);
    this.#cursor = cursor;
    if (missed) this.#options.missed();
    const gap = missed ? gapText(from, found[0]?.id ?? cursor) : '';
    return gap + found.map(eventText).join('');
  }

  /** Waits for an event. @returns true if the time has come, of `performance.now()`, before there was any. */
  #quietUntil(due: number): Promise<boolean> {
    const { promise, resolve } = Promise.withResolvers<boolean>();
    const heartbeat = setTimeout(() => resolve(true), Math.max(0, due - performance.now()));
    this.#wake = () => resolve(false);
    return promise.finally(() => {
      clearTimeout(heartbeat);
      this.#wake = () => {};
    });
  }

  #gather(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      this.#wake();
    }, this.#timing.gathering);
  }

  /** For the reader to take what it was given. */
  #await(): void {
    this.#stalled = setTimeout(() => {
      this.end();
      this.#options.sever();
    }, this.#timing.patience);
  }
}

function eventText(event: LoggedEvent): string {
  return `id: ${event.id}\nevent: ${event.type}\ndata: ${JSON.stringify(eventReply(event))}\n\n`;
}

/** The id is that of the first event that is known again, less one, so that whoever goes on from here misses nothing more. */
function gapText(from: number, next: number): string {
  const id = Math.max(0, next - 1);
  const data = { type: 'gap', message: 'events that happened since are no longer remembered', after: from, upTo: id };
  return `id: ${id}\nevent: gap\ndata: ${JSON.stringify(data)}\n\n`;
}

/** Who follows the events just now, and what became of others. */
export class EventReaders extends Set<object> {
  /** Ended because they did not read. */
  severed = 0;
  /** How often one was told that it missed something. */
  gaps = 0;
}

/** An event as the API shows it. */
export function eventReply({ at, ...event }: LoggedEvent): Omit<LoggedEvent, 'at'> & { readonly at: string } {
  return { ...event, at: instant(at) };
}

import type { XdsEvent } from '../xds/events.ts';
import type { DeltaRequest, SotwRequest } from '../xds/machine.ts';
import type { StreamTap, TappedStream } from '../xds/stream-driver.ts';

/** A stream of a client. */
export interface StreamInfo {
  /** Unique within the process. Of an aggregated stream it is the number of its client too. */
  readonly streamId: number;
  readonly variant: 'sotw' | 'delta';
  /** Type URL of a stream of a single type; undefined on ADS. */
  readonly type: string | undefined;
  /** Such as `10.0.0.1:40312`; undefined if unknown. */
  readonly peer: string | undefined;
}

type EventOf<K extends XdsEvent['kind']> = Extract<XdsEvent, { readonly kind: K }>;

/**
 * Functions that are told what happens. They are called after the fact, in order, outside of any stream's work: they may
 * change boards, and cannot change what is sent. One that throws or rejects is reported and otherwise ignored.
 *
 * A client is known by `clientId`, the number of its first stream. Streams of single types that a node opens on one
 * connection are one client's.
 */
export interface Hooks {
  readonly onStreamOpened?: (stream: StreamInfo) => unknown;
  readonly onStreamClosed?: (stream: StreamInfo, reason: string) => unknown;
  /** Every request as it came, acknowledgements and rejections among them. */
  readonly onRequest?: (stream: StreamInfo, request: SotwRequest | DeltaRequest) => unknown;
  /** A response, signs of life of resources with a time to live left out. */
  readonly onResponse?: (response: EventOf<'sent'>) => unknown;
  /** The client has taken a response, and now holds this version of the type in full. */
  readonly onAck?: (ack: EventOf<'acked'>) => unknown;
  /** The client has rejected a response, in its own words. It keeps what it had. */
  readonly onNack?: (nack: EventOf<'nacked'>) => unknown;
  /** The first request of a client, or one that says that its node has changed. */
  readonly onIdentified?: (client: EventOf<'identified'>) => unknown;
  /** What the board's rule for keys says of the client's node. */
  readonly onAssigned?: (client: EventOf<'assigned'>) => unknown;
  /** What is kept from a client because it rejects it, if `isolateRejections` is set. */
  readonly onWithheld?: (client: EventOf<'withheld'>) => unknown;
  /** A client, a stream or a connection has come to a limit: it was ended, or is made to wait. */
  readonly onLimited?: (limited: EventOf<'limited'>) => unknown;
  /** The last stream of the client has ended. */
  readonly onClientClosed?: (client: EventOf<'closed'>) => unknown;
}

/** Says that something of the caller's has failed, without ending anything. */
export type Report = (message: string, error: unknown) => void;

/** Calls hooks, one after another, when the work of the moment is done. */
export class HookQueue {
  readonly #hooks: Hooks;
  readonly #report: Report;
  readonly #waiting: (() => void)[] = [];

  constructor(hooks: Hooks, report: Report) {
    this.#hooks = hooks;
    this.#report = report;
  }

  get tap(): StreamTap {
    return {
      opened: stream => this.#add('onStreamOpened', info(stream)),
      requested: this.#hooks.onRequest && ((stream, request) => this.#add('onRequest', info(stream), request)),
      closed: (stream, reason) => this.#add('onStreamClosed', info(stream), reason),
    };
  }

  event(event: XdsEvent): void {
    switch (event.kind) {
      case 'sent':
        this.#add('onResponse', event);
        break;
      case 'acked':
        this.#add('onAck', event);
        break;
      case 'nacked':
        this.#add('onNack', event);
        break;
      case 'identified':
        this.#add('onIdentified', event);
        break;
      case 'assigned':
        this.#add('onAssigned', event);
        break;
      case 'withheld':
        this.#add('onWithheld', event);
        break;
      case 'limited':
        this.#add('onLimited', event);
        break;
      case 'closed':
        this.#add('onClientClosed', event);
    }
  }

  #add<K extends keyof Hooks>(name: K, ...args: Parameters<NonNullable<Hooks[K]>>): void {
    const hook = this.#hooks[name] as ((...args: readonly unknown[]) => unknown) | undefined;
    if (!hook) return;
    if (this.#waiting.length === 0) queueMicrotask(() => this.#run());
    this.#waiting.push(() => this.#call(name, hook, args));
  }

  #run(): void {
    for (const call of this.#waiting.splice(0)) call();
  }

  #call(name: string, hook: (...args: readonly unknown[]) => unknown, args: readonly unknown[]): void {
    const failed = (error: unknown): void => this.#report(`the hook ${name} failed`, error);
    try {
      const result = hook.apply(this.#hooks, [...args]);
      if (result instanceof Promise) result.catch(failed);
    } catch (error) {
      failed(error);
    }
  }
}

function info({ streamId, variant, impliedType, peer }: TappedStream): StreamInfo {
  return { streamId, variant, type: impliedType, peer };
}

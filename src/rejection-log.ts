import type { Logger } from 'pino';
import { remember } from './base/remember.ts';
import { shownWords } from './fleet/fold.ts';
import { fleetOf, type ProxyStatus, type WithheldResource } from './fleet/proxy.ts';
import type { XdsEvent } from './xds/events.ts';

type Nack = Extract<XdsEvent, { readonly kind: 'nacked' }>;

/** Milliseconds between two lines about responses of one type that a client rejects. */
const quiet = 10_000;
/** Lines about single resources that come of one answer, and resources of a client that are remembered. */
const mostLines = 10;
const mostTold = 4096;

interface Told {
  /** Of the content. */
  readonly version: string;
  /** How often it was rejected. */
  readonly times: number;
}

interface Nacks {
  readonly words: string;
  readonly toldAt: number;
  /** Since then, and not told. */
  readonly untold: number;
  readonly all: number;
}

interface OfClient {
  readonly resources: Map<string, Told>;
  /** By type URL. */
  readonly nacks: Map<string, Nacks>;
}

export interface RejectionLogOptions {
  readonly log: Logger;
  /** Where the user wrote what it was made of, as fields of a line. */
  readonly place: (fleet: string, reject: WithheldResource) => object;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/**
 * Says what proxies reject without being made to say it again and again: a client may reject what it is sent as often as
 * it likes. Of each client one line for each resource until that has another content, and one for each type until the
 * client's words change, at most one in ten seconds; both say how often.
 */
export class RejectionLog {
  readonly #options: RejectionLogOptions;
  readonly #clients = new Map<number, OfClient>();

  constructor(options: RejectionLogOptions) {
    this.#options = options;
  }

  /** A client has rejected a response. */
  nacked(event: Nack): void {
    const { typeUrl } = event;
    const { nacks } = this.#of(event.clientId);
    const now = this.#options.now();
    const words = shownWords(event);
    const before = nacks.get(typeUrl);
    const all = (before?.all ?? 0) + 1;
    if (before && (before.words === words || now - before.toldAt < quiet)) {
      nacks.set(typeUrl, { ...before, untold: before.untold + 1, all });
      return;
    }
    nacks.set(typeUrl, { words, toldAt: now, untold: 0, all });
    const untold = before && before.untold > 0 ? { untold: before.untold } : {};
    this.#options.log.warn(
      { ...event, message: words, rejections: all, ...untold },
      'a proxy has rejected what it was sent',
    );
  }

  /** What a proxy has come to reject beside what it did before. */
  rejects(proxy: ProxyStatus, found: readonly WithheldResource[]): void {
    const { resources } = this.#of(proxy.clientId);
    const fresh = found.filter(each => this.#isNews(resources, each));
    const fleet = fleetOf(proxy);
    const { id } = proxy.node;
    for (const each of fresh.slice(0, mostLines)) {
      const { typeUrl, name, message, version } = each;
      const earlier = resources.get(keyOf(each));
      const place = fleet === undefined ? {} : this.#options.place(fleet, each);
      const about = { node: id, fleet, resource: name, typeUrl, ...(earlier && { earlier: earlier.times }), ...place };
      remember(resources, keyOf(each), { version, times: 1 }, mostTold);
      this.#options.log.warn(about, `${id} rejects ${name} and keeps what it had: ${message}`);
    }
    const more = fresh.slice(mostLines);
    for (const each of more) remember(resources, keyOf(each), { version: each.version, times: 1 }, mostTold);
    if (more.length > 0) this.#options.log.warn({ node: id, fleet }, `${id} rejects ${more.length} more resources`);
  }

  gone(clientId: number): void {
    this.#clients.delete(clientId);
  }

  #of(clientId: number): OfClient {
    const known = this.#clients.get(clientId) ?? { resources: new Map(), nacks: new Map() };
    this.#clients.set(clientId, known);
    return known;
  }

  #isNews(resources: Map<string, Told>, reject: WithheldResource): boolean {
    const before = resources.get(keyOf(reject));
    if (before?.version !== reject.version) return true;
    remember(resources, keyOf(reject), { ...before, times: before.times + 1 }, mostTold);
    return false;
  }
}

function keyOf({ typeUrl, name }: WithheldResource): string {
  return `${typeUrl} ${name}`;
}

import type { XdsEvent } from '../xds/events.ts';
import { Departed, type DepartedProxy } from './departed.ts';
import { asProxy, type ClientStatus, foldClient } from './fold.ts';
import type { ProxyStatus } from './proxy.ts';
import { Totals } from './totals.ts';

/**
 * Who is connected and holds what: the fold of all events. What it gives out is never changed afterwards; a change
 * replaces the one proxy that it concerns.
 */
export class Fleet {
  readonly totals = new Totals();
  readonly #now: () => number;
  readonly #clients = new Map<number, ClientStatus>();
  readonly #departed = new Departed();
  readonly #listeners = new Set<(clientId: number) => void>();
  #list: readonly ProxyStatus[] | undefined;

  /** @param now milliseconds since the epoch. */
  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  apply(event: XdsEvent): void {
    const { clientId } = event;
    this.totals.add(event);
    const at = this.#now();
    const before = this.#clients.get(clientId);
    const after = foldClient(before, event, at);
    if (after === before) return;
    const gone = before && event.kind === 'closed' ? asProxy(before) : undefined;
    if (gone && event.kind === 'closed') this.#depart(gone, at, event.reason);
    this.#keep(clientId, after);
    for (const listener of this.#listeners) listener(clientId);
  }

  /** Connected proxies that have said who they are, longest connected first. The same list until something changes. */
  proxies(): readonly ProxyStatus[] {
    this.#list ??= [...this.#clients.values()].flatMap(client => asProxy(client) ?? []);
    return this.#list;
  }

  proxy(clientId: number): ProxyStatus | undefined {
    const client = this.#clients.get(clientId);
    return client && asProxy(client);
  }

  /** Proxies that were here and have no stream now, last seen first. */
  departed(): readonly DepartedProxy[] {
    const connected = new Set(this.proxies().map(each => each.node.id));
    return this.#departed.all.filter(each => !connected.has(each.node.id));
  }

  /** `listener` is called after each change with the client concerned, and must not throw. @returns how to end it. */
  onChange(listener: (clientId: number) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #keep(clientId: number, client: ClientStatus | undefined): void {
    this.#list = undefined;
    if (client) this.#clients.set(clientId, client);
    else this.#clients.delete(clientId);
  }

  #depart({ node, peer, variant, assignment, connectedAt }: ProxyStatus, lastSeen: number, reason: string): void {
    this.#departed.add({ node, peer, variant, assignment, connectedAt, lastSeen, reason });
  }
}

import { sameItems } from '../base/memo.ts';
import type { NodeIdentity } from '../snapshot/board.ts';
import type { XdsEvent } from '../xds/events.ts';
import { Departed, type DepartedProxy } from './departed.ts';
import { type ClientIdentity, foldClient } from './fold.ts';
import type { ProxyStatus, TypeStatus } from './proxy.ts';
import { isHeld, Standings, type TypeEvent } from './standings.ts';
import { Totals } from './totals.ts';

/** A client as it is kept: nothing is made anew for an event that others of its fleet have been told as well. */
interface Kept {
  client: ClientIdentity;
  standings: Standings;
  /** When it last acknowledged each type, by place in the standings; not a number: never. */
  readonly ackedAt: number[];
  /** As it is shown, until something changes; null: it is no proxy. */
  shown: ProxyStatus | null | undefined;
}

/**
 * Who is connected and holds what: the fold of all events. What it gives out is never changed afterwards; a change
 * replaces the one proxy that it concerns, which is made when somebody asks for it.
 */
export class Fleet {
  readonly totals = new Totals();
  readonly #now: () => number;
  readonly #clients = new Map<number, Kept>();
  readonly #departed = new Departed();
  readonly #listeners = new Set<(clientId: number) => void>();
  readonly #beginning = Standings.begin();
  readonly #types = new ShownTypes();
  #list: readonly ProxyStatus[] | undefined;

  /** @param now milliseconds since the epoch. */
  constructor(now: () => number = Date.now) {
    this.#now = now;
  }

  /** How often an event led a client to where none stands. */
  get folds(): number {
    return this.#beginning.made;
  }

  apply(event: XdsEvent): void {
    this.totals.add(event);
    const at = this.#now();
    const kept = this.#clients.get(event.clientId);
    const changed = 'typeUrl' in event ? kept && advance(kept, event, at) : this.#fold(kept, event, at);
    if (!changed) return;
    if (kept) kept.shown = undefined;
    this.#list = undefined;
    for (const listener of this.#listeners) listener(event.clientId);
  }

  /** Connected proxies that have said who they are, longest connected first. The same list until something changes. */
  proxies(): readonly ProxyStatus[] {
    this.#list ??= [...this.#clients.values()].flatMap(kept => this.#shown(kept) ?? []);
    return this.#list;
  }

  proxy(clientId: number): ProxyStatus | undefined {
    const kept = this.#clients.get(clientId);
    return kept && this.#shown(kept);
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

  /** @returns whether anything has changed. */
  #fold(kept: Kept | undefined, event: Exclude<XdsEvent, TypeEvent>, at: number): boolean {
    const before = kept?.client;
    const after = foldClient(before, event, at);
    if (after === before) return false;
    if (before?.node && event.kind === 'closed') this.#depart({ ...before, node: before.node }, at, event.reason);
    if (!after) this.#clients.delete(event.clientId);
    else if (kept && event.kind !== 'opened') kept.client = after;
    else
      this.#clients.set(event.clientId, { client: after, standings: this.#beginning, ackedAt: [], shown: undefined });
    return true;
  }

  #shown(kept: Kept): ProxyStatus | undefined {
    kept.shown ??= this.#made(kept);
    return kept.shown ?? undefined;
  }

  #made({ client, standings, ackedAt }: Kept): ProxyStatus | null {
    const { node } = client;
    return node ? { ...client, node, types: this.#types.of(standings, ackedAt) } : null;
  }

  #depart({ node, peer, variant, assignment, connectedAt }: Identified, lastSeen: number, reason: string): void {
    this.#departed.add({ node, peer, variant, assignment, connectedAt, lastSeen, reason });
  }
}

type Identified = ClientIdentity & { readonly node: NodeIdentity };

/** @returns whether anything has changed. */
function advance(kept: Kept, event: TypeEvent, at: number): boolean {
  const before = kept.standings;
  kept.standings = before.after(event, at);
  if (!isHeld(event)) return kept.standings !== before;
  const { standings, ackedAt } = kept;
  // Only numbers, without a gap, so that a list of them is made of nothing but its items.
  while (ackedAt.length < standings.all.length) ackedAt.push(Number.NaN);
  ackedAt[standings.indexOf(event.typeUrl)] = at;
  return true;
}

/** Where proxies stand with their types, as it is shown. Those that are alike one after the other share it. */
class ShownTypes {
  #last: (Pick<Kept, 'standings' | 'ackedAt'> & { readonly types: ProxyStatus['types'] }) | undefined;

  of(standings: Standings, ackedAt: readonly number[]): ProxyStatus['types'] {
    const last = this.#last;
    if (last && last.standings === standings && sameItems(last.ackedAt, ackedAt)) return last.types;
    const types = new Map<string, TypeStatus>();
    for (const [index, standing] of standings.all.entries()) {
      const when = ackedAt[index] ?? Number.NaN;
      types.set(standing.typeUrl, Number.isNaN(when) ? standing : { ...standing, ackedAt: when });
    }
    this.#last = { standings, ackedAt: [...ackedAt], types };
    return types;
  }
}

import {
  type EventContent,
  type EventFilter,
  type EventType,
  eventTypes,
  type LoggedEvent,
  type Pace,
  paceOf,
  paces,
  wants,
} from './event.ts';
import { Ring } from './ring.ts';

export interface EventLogOptions {
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  /** How many events are remembered: of those that happen for each response, and of proxies and of changes each. */
  readonly frequent?: number;
  readonly seldom?: number;
}

/** What there is after an event. */
export interface EventsAfter {
  readonly events: readonly LoggedEvent[];
  /** Id up to which everything has been looked at: where to go on. */
  readonly cursor: number;
  /** Some that might have been asked for are no longer remembered. */
  readonly missed: boolean;
}

/** Events that are looked at in one go. */
const mostScanned = 4096;

/**
 * What has happened of late, bounded. What happens at another pace has a ring of its own, so that neither a push to a large
 * fleet nor a client that comes again and again makes one forget what has changed.
 */
export class EventLog {
  readonly #now: () => number;
  readonly #rings: Readonly<Record<Pace, Ring<LoggedEvent>>>;
  readonly #counts = new Map<EventType, number>(eventTypes.map(type => [type, 0]));
  readonly #listeners = new Set<() => void>();
  readonly #first: number;
  #last: number;

  constructor({ now = Date.now, frequent = 8192, seldom = 4096 }: EventLogOptions = {}) {
    this.#now = now;
    this.#rings = { response: new Ring(frequent), proxy: new Ring(seldom), change: new Ring(seldom) };
    // Microseconds: fewer than a million events happen in a second, so that ids grow over restarts.
    this.#first = now() * 1000;
    this.#last = this.#first;
  }

  /** Must be cheap: it is called for every response to every proxy. */
  add(content: EventContent): void {
    this.#last += 1;
    const event: LoggedEvent = { id: this.#last, at: this.#now(), ...content };
    this.#rings[paceOf(content.type)].push(event);
    this.#counts.set(content.type, (this.#counts.get(content.type) ?? 0) + 1);
    for (const listener of this.#listeners) listener();
  }

  /** Id of the newest. */
  get last(): number {
    return this.#last;
  }

  /** Since the start. */
  get counts(): ReadonlyMap<EventType, number> {
    return this.#counts;
  }

  /** `listener` is called after each event, must return at once and must not throw. @returns how to end it. */
  onAdd(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** The events after an id, oldest first, at most `limit`; ids of before the start are understood. */
  after(id: number, filter: EventFilter, limit: number): EventsAfter {
    // Later than everything: it was given out under a clock that has been put back.
    const known = id <= this.#last;
    const from = known ? id : 0;
    const rings = this.#ringsOf(filter);
    const missed = !known || rings.some(ring => ring.lost > from) || from < this.#first;
    const places = rings.map(ring => ({ ring, index: ring.indexAfter(from) }));
    const events: LoggedEvent[] = [];
    for (let scanned = 0; scanned < mostScanned && events.length < limit; scanned++) {
      let next: (typeof places)[number] | undefined;
      for (const place of places) if (idAt(place) < idAt(next)) next = place;
      const event = next?.ring.at(next.index);
      if (!next || !event || next.index >= next.ring.length) return { events, cursor: this.#last, missed };
      next.index += 1;
      if (wants(filter, event)) events.push(event);
      if (scanned + 1 === mostScanned || events.length === limit) return { events, cursor: event.id, missed };
    }
    return { events, cursor: from, missed };
  }

  /** The newest events before an id (absent: of all), oldest first, at most `limit`. */
  before(id: number | undefined, filter: EventFilter, limit: number): readonly LoggedEvent[] {
    const rings = this.#ringsOf(filter);
    const found = rings.flatMap(ring => {
      const events: LoggedEvent[] = [];
      for (let index = (id === undefined ? ring.length : ring.indexAfter(id - 1)) - 1; index >= 0; index--) {
        const event = ring.at(index);
        if (event && wants(filter, event) && events.push(event) === limit) break;
      }
      return events;
    });
    return found.sort((a, b) => a.id - b.id).slice(-limit);
  }

  #ringsOf({ types }: EventFilter): readonly Ring<LoggedEvent>[] {
    const wanted = new Set([...(types ?? eventTypes)].map(paceOf));
    return paces.filter(pace => wanted.has(pace)).map(pace => this.#rings[pace]);
  }
}

function idAt(place: { readonly ring: Ring<LoggedEvent>; readonly index: number } | undefined): number {
  if (!place || place.index >= place.ring.length) return Number.POSITIVE_INFINITY;
  return place.ring.at(place.index)?.id ?? Number.POSITIVE_INFINITY;
}

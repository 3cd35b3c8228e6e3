import type { XdsEvent } from '../xds/events.ts';
import { type LimitName, limitNames } from '../xds/limits.ts';

/** What was said about one resource type since the process started, over all streams. */
export interface TypeTotals {
  /** Responses. */
  readonly sent: number;
  readonly acked: number;
  readonly nacked: number;
  /** Of the responses sent. */
  readonly bytes: number;
}

type Counting = { -readonly [Count in keyof TypeTotals]: number };

/** Counts that only grow, for metrics. */
export class Totals {
  readonly #byType = new Map<string, Counting>();
  readonly #limited = new Map<LimitName, number>(limitNames.map(name => [name, 0]));
  #opened = 0;

  add(event: XdsEvent): void {
    if (event.kind === 'opened') this.#opened += 1;
    if (event.kind === 'limited') this.#limited.set(event.limit, (this.#limited.get(event.limit) ?? 0) + 1);
    if (event.kind !== 'sent' && event.kind !== 'acked' && event.kind !== 'nacked') return;
    const counts = this.#of(event.typeUrl);
    counts[event.kind] += 1;
    if (event.kind === 'sent') counts.bytes += event.bytes;
  }

  #of(typeUrl: string): Counting {
    const known = this.#byType.get(typeUrl);
    if (known) return known;
    const counts = { sent: 0, acked: 0, nacked: 0, bytes: 0 };
    this.#byType.set(typeUrl, counts);
    return counts;
  }

  /** Streams opened. */
  get opened(): number {
    return this.#opened;
  }

  /** How often clients have come to each limit. */
  get limited(): ReadonlyMap<LimitName, number> {
    return this.#limited;
  }

  /** By type URL; the counts go on. */
  get byType(): ReadonlyMap<string, TypeTotals> {
    return this.#byType;
  }
}

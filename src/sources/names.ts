import type { NameAnswer, NameQuery } from './name-query.ts';
import { Turns } from './turns.ts';

export interface NameSourceOptions {
  readonly query: NameQuery;
  /** Last good answers of an earlier run. */
  readonly known: ReadonlyMap<string, readonly string[]>;
  /** Keeps answers, or forgets hosts, for the next run. May take a while, and may throw; they are used all the same. */
  readonly save: (changes: ReadonlyMap<string, readonly string[] | undefined>) => void;
  /** Called when `answers` has become another map. */
  readonly changed: () => void;
  /**
   * Whether a service would lose too much if a host had these addresses in place of those of `before` (P14). Those that
   * have gone are then kept beside them until somebody accepts it. Absent: never.
   */
  readonly shrinks?: (host: string, before: readonly string[], addresses: readonly string[]) => boolean;
  readonly report: (message: string, error: unknown) => void;
  readonly signal: AbortSignal;
  /** From 0 to 1, 1 excluded. */
  readonly random: () => number;
  readonly timing?: Partial<NameTiming>;
}

/** In milliseconds. */
interface NameTiming {
  /** However short an answer's time to live, the next question waits this long, */
  readonly shortest: number;
  /** … and no longer than this: some servers promise ten minutes for a container that is replaced in one. */
  readonly longest: number;
  /** First pause after a failure; doubles up to `longest`. */
  readonly retry: number;
  /** How long answers gather before they are saved and used, all of them at the cost of one. */
  readonly gather: number;
  /** How long {@link NameSource.ask} waits. */
  readonly patience: number;
}

const usual: NameTiming = { shortest: 1000, longest: 30_000, retry: 1000, gather: 20, patience: 3000 };

const mostQueries = 16;

/** An answer that is not believed alone: what was before it stays beside it. */
export interface HeldAnswer {
  /** What was good before. */
  readonly before: readonly string[];
  readonly addresses: readonly string[];
}

/** One host that is wanted. */
interface Host {
  timer: NodeJS.Timeout | undefined;
  failures: number;
  /** Done when the host has been asked once. */
  first: Promise<void> | undefined;
}

/**
 * Keeps the addresses of host names up to date, by their time to live. A failure or an empty answer changes nothing:
 * the last good one stays (P14). All ends with the signal.
 */
export class NameSource {
  readonly #options: NameSourceOptions;
  readonly #timing: NameTiming;
  readonly #hosts = new Map<string, Host>();
  readonly #turns = new Turns(mostQueries);
  /** Answers that are not used yet. */
  #fresh = new Map<string, readonly string[]>();
  #used: Promise<void> | undefined;
  readonly #held = new Map<string, HeldAnswer>();
  #answers: ReadonlyMap<string, readonly string[]>;

  constructor(options: NameSourceOptions) {
    this.#options = options;
    this.#timing = { ...usual, ...options.timing };
    this.#answers = new Map(options.known);
    options.signal.addEventListener('abort', () => this.want(new Set()), { once: true });
  }

  /** Host → its last good addresses, sorted; replaced as a whole when one changes. */
  get answers(): ReadonlyMap<string, readonly string[]> {
    return this.#answers;
  }

  /** Answers that would take too much from a service, by host. */
  get held(): ReadonlyMap<string, HeldAnswer> {
    return this.#held;
  }

  /** Believes the answer of a host that was held. @returns false where there is none. */
  accept(host: string): boolean {
    const held = this.#held.get(host);
    if (!held) return false;
    this.#held.delete(host);
    this.#use(new Map([[host, held.addresses]]));
    return true;
  }

  /** Follows these hosts and no others; answers for the others are forgotten. */
  want(hosts: ReadonlySet<string>): void {
    for (const [host, { timer }] of this.#hosts) {
      if (hosts.has(host)) continue;
      clearTimeout(timer);
      this.#hosts.delete(host);
      this.#held.delete(host);
    }
    if (this.#options.signal.aborted) return;
    for (const host of hosts) this.#follow(host);
    const unwanted = [...this.#answers.keys()].filter(host => !hosts.has(host));
    if (unwanted.length === 0) return;
    this.#answers = new Map([...this.#answers].filter(([host]) => hosts.has(host)));
    this.#save(new Map(unwanted.map(host => [host, undefined])));
  }

  /** Follows these hosts too. Settles when each has been asked once, time is up or all has ended; never rejects. */
  async ask(hosts: Iterable<string>): Promise<void> {
    const first = [...hosts].map(host => this.#follow(host).first);
    const { promise: late, resolve } = Promise.withResolvers<void>();
    const timer = setTimeout(resolve, this.#timing.patience);
    const { signal } = this.#options;
    const ended = () => resolve();
    signal.addEventListener('abort', ended, { once: true });
    if (!signal.aborted) await Promise.race([Promise.all(first), late]);
    signal.removeEventListener('abort', ended);
    clearTimeout(timer);
  }

  #follow(host: string): Host {
    const known = this.#hosts.get(host);
    if (known) return known;
    const fresh: Host = { timer: undefined, failures: 0, first: undefined };
    this.#hosts.set(host, fresh);
    fresh.first = this.#refresh(host, fresh);
    return fresh;
  }

  /** Never rejects. */
  async #refresh(host: string, entry: Host): Promise<void> {
    const answer = await this.#query(host, entry);
    if (this.#hosts.get(host) !== entry || this.#options.signal.aborted) return;
    const wait = answer
      ? Math.max(answer.ttl * 1000, this.#timing.shortest)
      : this.#timing.retry * 2 ** Math.min(entry.failures, 10);
    entry.failures = answer ? 0 : entry.failures + 1;
    // Spread, so that hundreds of names are not asked at the same moment for ever.
    const jitter = 0.8 + 0.2 * this.#options.random();
    entry.timer = setTimeout(() => void this.#refresh(host, entry), Math.min(wait, this.#timing.longest) * jitter);
    if (answer) await this.#take(host, answer);
  }

  async #query(host: string, entry: Host): Promise<NameAnswer | undefined> {
    try {
      const answer = await this.#turns.take(() => this.#options.query(host));
      return answer.addresses.length > 0 ? answer : undefined;
    } catch (error) {
      if (entry.failures === 0) this.#options.report(`the name ${host} could not be resolved`, error);
      return undefined;
    }
  }

  /** Settles when the answer is in use. */
  async #take(host: string, answer: NameAnswer): Promise<void> {
    const addresses = this.#believed(host, [...new Set(answer.addresses)].sort());
    const known = this.#fresh.get(host) ?? this.#answers.get(host);
    if (known?.join() !== addresses.join()) this.#fresh.set(host, addresses);
    if (!this.#fresh.has(host)) return;
    this.#used ??= this.#useSoon();
    await this.#used;
  }

  async #useSoon(): Promise<void> {
    await new Promise(gathered => setTimeout(gathered, this.#timing.gather));
    this.#used = undefined;
    const fresh = new Map([...this.#fresh].filter(([host]) => this.#hosts.has(host)));
    this.#fresh = new Map();
    if (fresh.size === 0) return;
    this.#use(fresh);
  }

  #use(fresh: ReadonlyMap<string, readonly string[]>): void {
    this.#answers = new Map([...this.#answers, ...fresh]);
    this.#save(fresh);
    this.#options.changed();
  }

  /** The addresses, with those of before where too many have gone. */
  #believed(host: string, addresses: readonly string[]): readonly string[] {
    const before = this.#held.get(host)?.before ?? this.#fresh.get(host) ?? this.#answers.get(host);
    if (!before || !this.#options.shrinks?.(host, before, addresses)) {
      this.#held.delete(host);
      return addresses;
    }
    this.#held.set(host, { before, addresses });
    return [...new Set([...before, ...addresses])].sort();
  }

  #save(changes: ReadonlyMap<string, readonly string[] | undefined>): void {
    try {
      this.#options.save(changes);
    } catch (error) {
      this.#options.report(`the addresses of ${[...changes.keys()].join(', ')} were not stored`, error);
    }
  }
}

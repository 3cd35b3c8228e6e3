import type { ClusterHealth, HealthReport, HealthView } from '../base/endpoint-health.ts';
import { remember } from '../base/remember.ts';
import { type AdminQuery, type AdminTarget, UnreadableAnswer } from './envoy-admin.ts';

/** A proxy to ask, and how often in milliseconds. */
export interface HealthTarget extends AdminTarget {
  readonly every: number;
}

export interface EndpointHealthOptions {
  /** Whom to ask, each node once; looked at anew before each round. */
  readonly targets: () => readonly HealthTarget[];
  readonly query: AdminQuery;
  /** Milliseconds of any clock that never goes back. */
  readonly now: () => number;
  /** From 0 to 1, 1 excluded. */
  readonly random: () => number;
  readonly signal: AbortSignal;
}

/** What is remembered of one proxy. */
interface Asked {
  next: number;
  failures: number;
  busy: boolean;
  report: HealthReport | undefined;
  ahead: number | undefined;
  /** When the report came, and how long after the one before: with many proxies, or large answers, that is seldomer. */
  at: number;
  pace: number;
  why: string;
}

/** Milliseconds between rounds. */
const pause = 250;
const mostAtOnce = 16;
/** Milliseconds; a proxy that does not answer is asked no less often than this, or its own pace. */
const longestPause = 60_000;
/** A report counts for so many of its proxy's paces, and the time that a question takes. */
const lasts = 2;
const grace = 2000;
/** Reading an answer keeps everybody else from running for a moment: the pause after it is so many times as long. */
const rest = 9;
const rememberedClusters = 20_000;

/**
 * Asks proxies again and again how they find their endpoints. It stands beside all else: nobody waits for it, a proxy
 * that is away, slow or lying costs a bounded number of connections, and is asked less and less often. What is not known
 * for certain is unknown: an old report, a proxy that another answers for, one whose answer makes no sense.
 */
export class EndpointHealthSource {
  readonly #options: EndpointHealthOptions;
  readonly #asked = new Map<string, Asked>();
  /** Proxies that hold the same endpoints share one set of them. */
  readonly #hosts = new Map<string, ReadonlySet<string>>();
  #running = 0;
  #notBefore = 0;

  constructor(options: EndpointHealthOptions) {
    this.#options = options;
  }

  /** Goes on until the signal; never rejects. */
  async follow(): Promise<void> {
    const { signal } = this.#options;
    while (!signal.aborted) {
      this.round();
      await new Promise<void>(resolve => {
        const timer = setTimeout(done, pause);
        function done() {
          clearTimeout(timer);
          signal.removeEventListener('abort', done);
          resolve();
        }
        signal.addEventListener('abort', done, { once: true });
      });
    }
  }

  /** What is known of a proxy that is a target. */
  view(target: HealthTarget): HealthView {
    const asked = this.#asked.get(target.node);
    if (!asked) return { kind: 'unknown', why: 'it has not been asked yet' };
    const fresh = this.#options.now() - asked.at <= lasts * Math.max(target.every, asked.pace) + grace;
    const { report, ahead, why, failures } = asked;
    if (report && fresh) return { kind: 'known', report, ...(ahead === undefined ? {} : { ahead }) };
    return { kind: 'unknown', why, ...(failures > 0 ? { silent: true } : {}) };
  }

  /** Asks those whose time has come, as many as there is room for, the longest due first. */
  round(): void {
    const targets = this.#options.targets();
    const wanted = new Set(targets.map(each => each.node));
    for (const node of this.#asked.keys()) if (!wanted.has(node)) this.#asked.delete(node);
    const now = this.#options.now();
    if (now < this.#notBefore) return;
    const due = targets
      .map(target => ({ target, asked: this.#entry(target, now) }))
      .filter(({ asked }) => !asked.busy && asked.next <= now)
      .sort((a, b) => a.asked.next - b.asked.next);
    for (const { target, asked } of due.slice(0, mostAtOnce - this.#running)) void this.#ask(target, asked);
  }

  #entry(target: HealthTarget, now: number): Asked {
    const known = this.#asked.get(target.node);
    if (known) return known;
    const why = 'it has not been asked yet';
    const fresh: Asked = {
      next: now,
      failures: 0,
      busy: false,
      report: undefined,
      ahead: undefined,
      at: 0,
      pace: 0,
      why,
    };
    this.#asked.set(target.node, fresh);
    return fresh;
  }

  /** Never rejects. */
  async #ask(target: HealthTarget, asked: Asked): Promise<void> {
    const { query, now, signal, random } = this.#options;
    asked.busy = true;
    this.#running++;
    try {
      const { report, cost, ahead } = await query(target, signal);
      // A proxy that did not answer meanwhile has no longer pace for that.
      asked.pace = asked.report && asked.failures === 0 ? Math.min(now() - asked.at, longestPause) : 0;
      asked.report = this.#shared(report);
      asked.ahead = ahead;
      asked.at = now();
      asked.failures = 0;
      asked.why = 'its last answer is too old';
      this.#restAfter(cost);
    } catch (error) {
      asked.failures += 1;
      asked.why = error instanceof Error ? error.message : String(error);
      if (error instanceof UnreadableAnswer) this.#restAfter(error.cost);
    } finally {
      asked.busy = false;
      this.#running--;
      const doublings = Math.min(Math.max(asked.failures - 1, 0), 10);
      const wait = Math.min(target.every * 2 ** doublings, Math.max(longestPause, target.every));
      asked.next = now() + wait * (0.9 + 0.2 * random());
    }
  }

  /** One after the other: several answers may come in the same moment. */
  #restAfter(cost: number): void {
    this.#notBefore = Math.max(this.#notBefore, this.#options.now()) + cost * rest;
  }

  #shared(report: HealthReport): HealthReport {
    return new Map([...report].map(([name, cluster]) => [name, this.#sharedCluster(name, cluster)] as const));
  }

  #sharedCluster(name: string, { hosts, troubled }: ClusterHealth): ClusterHealth {
    const known = this.#hosts.get(name);
    if (known && known.size === hosts.size && [...hosts].every(host => known.has(host))) {
      return { hosts: known, troubled };
    }
    remember(this.#hosts, name, hosts, rememberedClusters);
    return { hosts, troubled };
  }
}

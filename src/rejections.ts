import type { Logger } from 'pino';
import { formatPath } from './base/problem.ts';
import type { Control } from './control/control.ts';
import { AcceptedContents } from './fleet/accepted-contents.ts';
import { type Verdict, verdicts } from './fleet/evidence.ts';
import type { Fleet } from './fleet/fleet.ts';
import type { WithheldResource } from './fleet/proxy.ts';
import { RejectionLog } from './rejection-log.ts';
import type { Board } from './snapshot/board.ts';
import type { Snapshot } from './snapshot/snapshot.ts';
import { contentKey, type XdsEvent } from './xds/events.ts';

export interface RejectionsOptions {
  readonly control: Control;
  readonly fleet: Fleet;
  readonly board: Board;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

/** Milliseconds for the answers of a fleet to come together, before they are looked at. */
const gathering = 100;
/** Milliseconds until a quarantine that could not be stored is tried again. */
const afterFailure = 10_000;

/** Watches what proxies reject; told of every event of the xDS service, after the fleet. */
export interface RejectionWatching {
  see(event: XdsEvent): void;
}

/**
 * Says what proxies reject and where it was written, and has a content quarantined once independent proxies of a fleet
 * agree on it (P12). Ends when the signal does.
 */
export function watchRejections(options: RejectionsOptions): RejectionWatching {
  const watch = new RejectionWatch(options);
  const endings = [
    options.fleet.onChange(clientId => watch.changed(clientId)),
    options.board.subscribe(() => watch.published()),
  ];
  const onAbort = (): void => {
    for (const end of endings) end();
    watch.end();
  };
  if (options.signal.aborted) onAbort();
  else options.signal.addEventListener('abort', onAbort, { once: true });
  return watch;
}

class RejectionWatch implements RejectionWatching {
  readonly #options: RejectionsOptions;
  readonly #log: RejectionLog;
  /** What each client was last known to reject. */
  readonly #known = new Map<number, readonly WithheldResource[]>();
  /** Verdicts that are being decided on or led to nothing: they are not brought forward again while they are found. */
  #vain = new Set<string>();
  readonly #accepted: AcceptedContents;
  #timer: NodeJS.Timeout | undefined;
  /** When the timer is due. */
  #due = Number.POSITIVE_INFINITY;

  constructor(options: RejectionsOptions) {
    this.#options = options;
    this.#accepted = new AcceptedContents(options.board.current?.snapshots, Date.now());
    const place = (fleet: string, reject: WithheldResource) => this.#place(fleet, reject);
    this.#log = new RejectionLog({ log: options.log, place, now: Date.now });
  }

  see(event: XdsEvent): void {
    if (event.kind === 'nacked') this.#log.nacked(event);
    else if (event.kind === 'closed') this.#log.gone(event.clientId);
  }

  published(): void {
    this.#accepted.published(this.#snapshots(), Date.now());
  }

  changed(clientId: number): void {
    const proxy = this.#options.fleet.proxy(clientId);
    const rejects = proxy?.withheld?.rejects ?? [];
    const before = this.#known.get(clientId) ?? [];
    if (proxy) this.#accepted.see(proxy);
    if (proxy && rejects !== before) {
      const told = new Set(before.map(contentKey));
      const found = rejects.filter(each => !told.has(contentKey(each)));
      if (found.length > 0) this.#log.rejects(proxy, found);
    }
    if (rejects.length > 0) this.#known.set(clientId, rejects);
    else this.#known.delete(clientId);
    if (this.#known.size > 1) this.#lookIn(gathering);
  }

  end(): void {
    clearTimeout(this.#timer);
  }

  #lookIn(ms: number): void {
    const due = Date.now() + ms;
    if (due >= this.#due) return;
    clearTimeout(this.#timer);
    this.#due = due;
    this.#timer = setTimeout(() => {
      this.#due = Number.POSITIVE_INFINITY;
      this.#look();
    }, ms).unref();
  }

  #look(): void {
    const proxies = this.#options.fleet.proxies();
    const { found, undecidedFor } = verdicts(proxies, this.#snapshots(), this.#accepted, Date.now());
    const fresh = found.filter(each => !this.#vain.has(verdictKey(each)));
    this.#vain = new Set(found.map(verdictKey));
    for (const verdict of fresh) this.#quarantine(verdict);
    if (undecidedFor !== undefined) this.#lookIn(undecidedFor);
  }

  #snapshots(): ReadonlyMap<string, Snapshot> {
    return this.#options.board.current?.snapshots ?? new Map();
  }

  #quarantine(verdict: Verdict): void {
    const { control, log } = this.#options;
    const { fleet, typeUrl, name, message, proxies } = verdict;
    control.changeQuarantine({ found: verdict }).then(
      outcome => {
        const { author } = control.accepted?.revision ?? {};
        const about = { fleet, resource: name, typeUrl, proxies, author, ...this.#place(fleet, verdict) };
        if (outcome.kind === 'done') {
          this.#vain.delete(verdictKey(verdict));
          log.error(about, `proxies of ${fleet} reject ${name}, so it is not sent any more: ${message}`);
        } else log.warn(about, `${name}, which proxies of ${fleet} reject, is not quarantined: ${outcome.what}`);
      },
      (error: unknown) => {
        this.#vain.delete(verdictKey(verdict));
        this.#lookIn(afterFailure);
        log.error({ err: error, fleet, resource: name }, 'what proxies reject was not quarantined');
      },
    );
  }

  #place(fleet: string, { typeUrl, name, message }: Pick<WithheldResource, 'typeUrl' | 'name' | 'message'>): object {
    const origin = this.#options.control.origin(fleet, typeUrl, name, { words: message });
    return origin ? { path: formatPath(origin.path), ...origin.source } : {};
  }
}

function verdictKey(verdict: Verdict): string {
  return JSON.stringify([verdict.fleet, contentKey(verdict), verdict.instead]);
}

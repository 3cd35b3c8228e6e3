import { type Millis, millis } from './base/units.ts';
import type { Clock } from './control/clock.ts';
import type { Control } from './control/control.ts';
import type { Fleet } from './fleet/fleet.ts';
import { waitAcked } from './fleet/wait.ts';
import type { Board, Publication } from './snapshot/board.ts';

export interface GoodPublicationsOptions {
  readonly control: Pick<Control, 'freezing'>;
  readonly fleet: Fleet;
  readonly board: Board;
  readonly clock: Pick<Clock, 'after'>;
  /** How long proxies must have held a publication, and rejected nothing of it, for it to be good. */
  readonly goodAfter: Millis;
  readonly report: (message: string, error: unknown) => void;
  readonly signal: AbortSignal;
}

/** Longer than an Envoy that dies of what it was sent takes for that, mostly. */
export const usualGoodAfter = millis(5000);

/** Milliseconds between two looks at all proxies, and only after something has changed. */
const interval = 500;

/**
 * Tells the controller of publications that are good: at some moment all connected proxies held it, and for a time from
 * then on none rejected anything of it. Proxies that connect meanwhile do not begin that time anew, or a large fleet
 * would never be through. Ends with the signal.
 */
export function watchGoodPublications(options: GoodPublicationsOptions): void {
  const { fleet, board, clock, report, signal } = options;
  const watch = new GoodWatch(options);
  let changed = true;
  const notice = () => {
    changed = true;
  };
  const again = (): (() => void) =>
    clock.after(interval, () => {
      end = again();
      if (!changed) return;
      changed = false;
      watch.look().catch(error => report('it is not known whether what was published is good', error));
    });
  let end = again();
  const onProxy = (clientId: number) => {
    notice();
    if (rejects(fleet, clientId)) watch.reset();
  };
  const endings = [fleet.onChange(onProxy), board.subscribe(notice), () => end(), () => watch.reset()];
  signal.addEventListener('abort', () => endings.forEach(each => void each()), { once: true });
}

class GoodWatch {
  readonly #options: GoodPublicationsOptions;
  #good: Publication | undefined;
  /** What all have held, and whose time is not up yet. */
  #soaking: { readonly publication: Publication; readonly cancel: () => void } | undefined;

  constructor(options: GoodPublicationsOptions) {
    this.#options = options;
  }

  async look(): Promise<void> {
    const { current } = this.#options.board;
    if (this.#soaking?.publication !== current) this.reset();
    if (!current || current === this.#good) return;
    const { concerned, rejected, pending } = await this.#standing(current);
    if (this.#options.board.current !== current) return;
    if (rejected) this.reset();
    else if (concerned && !pending && !this.#soaking) this.#soak(current);
  }

  /** Its time begins anew, when all hold it. */
  reset(): void {
    this.#soaking?.cancel();
    this.#soaking = undefined;
  }

  #soak(publication: Publication): void {
    const { clock, goodAfter, control, board, report } = this.#options;
    const confirm = async () => {
      const { rejected } = await this.#standing(publication);
      if (rejected || board.current !== publication || this.#soaking?.publication !== publication) return;
      this.#soaking = undefined;
      this.#good = publication;
      control.freezing.confirm(publication.snapshots);
    };
    const cancel = clock.after(goodAfter, () => {
      confirm().catch(error => report('it is not known whether what was published is good', error));
    });
    this.#soaking = { publication, cancel };
  }

  async #standing({ snapshots }: Publication) {
    const { fleet, board } = this.#options;
    const now = AbortSignal.abort();
    const { concerned, missing } = await waitAcked({ fleet, board, targets: snapshots, signal: now });
    const rejected = missing.some(each => each.reason === 'rejected');
    return { concerned: concerned > 0, rejected, pending: missing.length > 0 };
  }
}

function rejects(fleet: Fleet, clientId: number): boolean {
  const proxy = fleet.proxy(clientId);
  if (!proxy) return false;
  return (proxy.withheld?.rejects.length ?? 0) > 0 || [...proxy.types.values()].some(each => each.state === 'rejected');
}

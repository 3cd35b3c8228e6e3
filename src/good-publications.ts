import type { Control } from './control/control.ts';
import type { Fleet } from './fleet/fleet.ts';
import { waitAcked } from './fleet/wait.ts';
import type { Board, Publication } from './snapshot/board.ts';

export interface GoodPublicationsOptions {
  readonly control: Pick<Control, 'freezing'>;
  readonly fleet: Fleet;
  readonly board: Board;
  readonly report: (message: string, error: unknown) => void;
  readonly signal: AbortSignal;
}

/** Milliseconds between two looks at all proxies, and only after something has changed. */
const interval = 500;

/** Tells the controller of publications that all connected proxies hold: these can be restored. Ends with the signal. */
export function watchGoodPublications({ control, fleet, board, report, signal }: GoodPublicationsOptions): void {
  let good: Publication | undefined;
  let changed = true;
  const notice = () => {
    changed = true;
  };
  const look = async () => {
    const { current } = board;
    if (!changed || !current || current === good) return;
    changed = false;
    const now = AbortSignal.abort();
    const { concerned, missing } = await waitAcked({ fleet, board, targets: current.snapshots, signal: now });
    if (concerned === 0 || missing.length > 0) return;
    good = current;
    control.freezing.confirm(current.snapshots);
  };
  const timer = setInterval(() => {
    look().catch(error => report('it is not known whether what was published is good', error));
  }, interval).unref();
  const endings = [fleet.onChange(notice), board.subscribe(notice), () => clearInterval(timer)];
  signal.addEventListener('abort', () => endings.forEach(end => void end()), { once: true });
}

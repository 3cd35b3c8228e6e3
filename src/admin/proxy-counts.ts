import { compareText } from '../base/compare.ts';
import { type ProxiesReply, worstFirst } from './api.ts';
import type { ProxyRow } from './proxy-table.ts';

type Count = ProxiesReply['counts'][number];

/** The fleet that a sub-fleet is of, by its key. */
export function fleetName(key: string): string {
  return key.replace(/\/.*/, '');
}

/** How many proxies of each fleet are in each state. Thousands of sub-fleets are counted with the fleet that they are of. */
export class ProxyCounts {
  readonly #counts = new Map<string, Count>();
  total = 0;

  add({ fleet: key, state }: Pick<ProxyRow, 'fleet' | 'state'>): void {
    const fleet = key === null ? null : fleetName(key);
    const at = `${state} ${fleet ?? ''}`;
    this.#counts.set(at, { fleet, state, count: (this.#counts.get(at)?.count ?? 0) + 1 });
    this.total += 1;
  }

  /** By fleet, what is of none last; of each the worst first. */
  get all(): readonly Count[] {
    return [...this.#counts.values()].sort(
      (a, b) => compareText(a.fleet ?? '\uffff', b.fleet ?? '\uffff') || rank(a) - rank(b),
    );
  }
}

const rank = ({ state }: Count) => worstFirst.indexOf(state);

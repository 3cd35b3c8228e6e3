import type { Assignment, NodeIdentity } from '../snapshot/board.ts';
import type { Variant } from '../xds/events.ts';

/** A proxy that was here and is not any more. Instants are milliseconds since the epoch. */
export interface DepartedProxy {
  readonly node: NodeIdentity;
  readonly peer: string;
  readonly variant: Variant;
  readonly assignment: Assignment | undefined;
  readonly connectedAt: number;
  readonly lastSeen: number;
  /** Why its last stream ended. */
  readonly reason: string;
}

/** As many as may be connected. */
const mostProxies = 16_384;
/** Characters of all that they have said of themselves, which is little unless somebody means harm. */
const mostText = 16 * 1024 * 1024;

/** Who was here and is not any more, by node id, as far as there is room: the longest gone are forgotten first. */
export class Departed {
  readonly #proxies = new Map<string, { readonly proxy: DepartedProxy; readonly size: number }>();
  #text = 0;

  add(proxy: DepartedProxy): void {
    const { id } = proxy.node;
    this.#forget(id);
    const size = JSON.stringify(proxy).length;
    this.#proxies.set(id, { proxy, size });
    this.#text += size;
    for (const oldest of this.#proxies.keys()) {
      if (this.#proxies.size <= mostProxies && this.#text <= mostText) return;
      this.#forget(oldest);
    }
  }

  /** Last seen first. */
  get all(): readonly DepartedProxy[] {
    return [...this.#proxies.values()].map(each => each.proxy).reverse();
  }

  #forget(id: string): void {
    this.#text -= this.#proxies.get(id)?.size ?? 0;
    this.#proxies.delete(id);
  }
}

import { beyond, type LimitError, type XdsLimits } from './limits.ts';

type Counted = 'connectionStreams' | 'peerStreams' | 'peerConnections';

/** Counts connections and streams, together and by where they come from, and says which are too many. */
export class Admission {
  readonly #limits: XdsLimits;
  readonly #counts: Readonly<Record<Counted, Map<string, number>>> = {
    connectionStreams: new Map(),
    peerStreams: new Map(),
    peerConnections: new Map(),
  };
  #connections = 0;
  #streams = 0;

  constructor(limits: XdsLimits) {
    this.#limits = limits;
  }

  /**
   * Counts a connection, unless it is one too many. @param address without a port.
   *
   * @returns how it ends, which may be said more than once, or why there must not be one.
   */
  connection(address: string): (() => void) | LimitError {
    const refused =
      this.#total('connections', this.#connections) ??
      this.#one('peerConnections', address, 'connections from', address);
    if (refused) return refused;
    this.#connections++;
    const end = this.#count('peerConnections', address);
    return once(() => {
      this.#connections--;
      end();
    });
  }

  /** The same of a stream. @param peer address and port; undefined if unknown. */
  stream(peer: string | undefined): (() => void) | LimitError {
    const connection = peer ?? '';
    const address = addressOf(connection);
    const isKnown = peer !== undefined;
    const refused =
      this.#total('streams', this.#streams) ??
      (isKnown
        ? this.#one('connectionStreams', connection, 'streams on the connection from', connection)
        : undefined) ??
      (isKnown ? this.#one('peerStreams', address, 'streams from', address) : undefined);
    if (refused) return refused;
    this.#streams++;
    const ends = isKnown ? [this.#count('connectionStreams', connection), this.#count('peerStreams', address)] : [];
    return once(() => {
      this.#streams--;
      for (const end of ends) end();
    });
  }

  /** Addresses and connections that are remembered. */
  get size(): number {
    return Object.values(this.#counts).reduce((sum, each) => sum + each.size, 0);
  }

  #total(limit: 'streams' | 'connections', count: number): LimitError | undefined {
    return count < this.#limits[limit] ? undefined : beyond(this.#limits, limit, `more than ${count} ${limit}`);
  }

  #one(limit: Counted, key: string, what: string, shown: string): LimitError | undefined {
    const count = this.#counts[limit].get(key) ?? 0;
    return count < this.#limits[limit] ? undefined : beyond(this.#limits, limit, `more than ${count} ${what} ${shown}`);
  }

  #count(limit: Counted, key: string): () => void {
    const counts = this.#counts[limit];
    counts.set(key, (counts.get(key) ?? 0) + 1);
    return () => {
      const left = (counts.get(key) ?? 0) - 1;
      if (left > 0) counts.set(key, left);
      else counts.delete(key);
    };
  }
}

/** Without the port: `10.0.0.1:40312`, `[::1]:40312` or `::1:40312`. */
function addressOf(peer: string): string {
  return peer.replace(/:\d+$/, '');
}

function once(act: () => void): () => void {
  let done = false;
  return () => {
    if (done) return;
    done = true;
    act();
  };
}

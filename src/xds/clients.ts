import type { Board, NodeIdentity, Publication } from '../snapshot/board.ts';
import { contentHash } from '../snapshot/encode.ts';
import type { StreamSettings } from './client.ts';
import { ClientDriver, type Outlet, type SharedByClients } from './client-driver.ts';
import { beyond } from './limits.ts';
import { QuietClients } from './quiet-clients.ts';
import { StepMemory } from './step-memory.ts';

/**
 * Streams that are told one after another before anything else gets a turn: some milliseconds. In shorter turns their
 * acknowledgements come between, and the whole of it takes longer.
 */
const FAN_OUT = 1024;
/** So many more does a step count that has to be found: the others are remembered. */
const FOUND = 8;

/**
 * The clients of a service. The streams that the same node, equal in all that is kept of it, opens on the same connection
 * are one client's; what a proxy has only one of, an aggregated stream or one of clusters, begins another client when it comes a second time.
 *
 * The board says that something is published, and clients are told of the newest; none waits for another.
 */
export class Clients {
  readonly #board: Board;
  readonly #shared: SharedByClients;
  readonly #steps: StepMemory;
  readonly #all = new Set<ClientDriver>();
  /** Of these, those that are told of publications one by one; the others are told together. */
  readonly #awake = new Set<ClientDriver>();
  readonly #quiet: QuietClients<ClientDriver>;
  /** By connection and node: whose further streams are. */
  readonly #known = new Map<string, ClientDriver>();
  readonly #keys = new WeakMap<ClientDriver, string>();
  readonly #unsubscribe: () => void;
  #fanningOut = false;

  constructor(board: Board, shared: SharedByClients) {
    this.#board = board;
    this.#shared = shared;
    this.#steps = new StepMemory({ ...shared.settings, limits: shared.limits });
    this.#quiet = new QuietClients(shared.emit, client => void this.#awake.add(client));
    this.#unsubscribe = board.subscribe(() => this.#begin());
  }

  /**
   * The client that a stream belongs to; the stream has joined it. Throws a LimitError where it would be one client too
   * many.
   *
   * @param peer of the connection; undefined: unknown.
   */
  join(stream: StreamSettings, node: NodeIdentity, peer: string | undefined, outlet: Outlet): ClientDriver {
    const key = peer === undefined ? undefined : `${peer} ${contentHash(JSON.stringify(node))}`;
    const known = key === undefined ? undefined : this.#known.get(key);
    if (known && !known.hasOwn(stream.impliedType) && known.streams > 0) {
      known.join(stream, outlet);
      return known;
    }
    const { limits } = this.#shared;
    if (this.#all.size >= limits.clients) throw beyond(limits, 'clients', `more than ${this.#all.size} clients`);
    const client = new ClientDriver(stream.streamId, this.#shared, this.#steps);
    this.#all.add(client);
    this.#awake.add(client);
    if (key !== undefined && (stream.impliedType !== undefined || !this.#known.has(key))) {
      this.#known.set(key, client);
      this.#keys.set(client, key);
    }
    client.join(stream, outlet);
    if (this.#board.current) client.published(this.#board.current);
    return client;
  }

  /** A stream of the client has ended. */
  leave(client: ClientDriver, streamId: number, reason: string): void {
    client.leave(streamId, reason);
    if (client.streams > 0) return;
    this.#all.delete(client);
    this.#awake.delete(client);
    const key = this.#keys.get(client);
    if (key !== undefined && this.#known.get(key) === client) this.#known.delete(key);
  }

  /** Those that say they are this node. */
  ofNode(nodeId: string): readonly ClientDriver[] {
    return [...this.#all].filter(client => client.nodeId === nodeId);
  }

  /** How many steps had to be found so far; what is remembered is not. */
  get steps(): number {
    return this.#steps.found;
  }

  /** Clients that are told of publications one by one: of the others, the last did not concern them. */
  get awake(): number {
    return this.#awake.size;
  }

  /** From now on nobody is told of publications. */
  close(): void {
    this.#unsubscribe();
  }

  #begin(): void {
    if (this.#fanningOut) return;
    this.#fanningOut = true;
    setImmediate(() => this.#beginRound());
  }

  #beginRound(): void {
    const newest = this.#board.current;
    // Whom it concerns is among those who are awake from now on.
    if (newest) this.#quiet.publish(newest);
    this.#fanOut(newest, this.#awake.values());
  }

  /**
   * Tells clients of the newest publication, some at a time, round after round until one has seen no newer publication.
   * A newer one does not begin with the first again: under changes without a pause, the last would never be told.
   *
   * @param newestThen when the round began
   */
  #fanOut(newestThen: Publication | undefined, clients: Iterator<ClientDriver>): void {
    const newest = this.#board.current;
    for (let work = 0; work < FAN_OUT; ) {
      const { done, value: client } = clients.next();
      if (done) {
        if (newest === newestThen) this.#fanningOut = false;
        else setImmediate(() => this.#beginRound());
        return;
      }
      const found = this.steps;
      if (newest && client.told !== newest) client.published(newest);
      work += client.streams + FOUND * (this.steps - found);
      const { quiet } = client;
      if (quiet && this.#quiet.add(client, quiet)) this.#awake.delete(client);
    }
    setImmediate(() => this.#fanOut(newestThen, clients));
  }
}

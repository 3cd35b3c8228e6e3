import type { Snapshot } from '../snapshot/snapshot.ts';

/** When a content of a fleet's type was published. */
interface Published {
  readonly version: string;
  /** When the change that it comes from began. */
  readonly trigger: number;
  readonly at: number;
}

interface Client {
  readonly since: number;
  /** Type URL → the version whose way to the client has been measured. */
  readonly measured: Map<string, string>;
}

/**
 * How long changes take to reach proxies. Instants are milliseconds of a clock that only goes forward; its beginning does
 * not matter.
 */
export class Propagation {
  /** Fleet key → type URL. */
  readonly #published = new Map<string, ReadonlyMap<string, Published>>();
  readonly #clients = new Map<number, Client>();

  /** Something is in force. @param trigger when what led to it began */
  published(snapshots: ReadonlyMap<string, Snapshot>, trigger: number, at: number): void {
    for (const key of this.#published.keys()) if (!snapshots.has(key)) this.#published.delete(key);
    for (const [key, { types }] of snapshots) {
      const before = this.#published.get(key);
      const after = new Map<string, Published>();
      for (const [url, { version }] of types) {
        const known = before?.get(url);
        after.set(url, known?.version === version ? known : { version, trigger, at });
      }
      this.#published.set(key, after);
    }
  }

  connected(clientId: number, at: number): void {
    this.#clients.set(clientId, { since: at, measured: new Map() });
  }

  gone(clientId: number): void {
    this.#clients.delete(clientId);
  }

  /**
   * A client of a fleet has acknowledged a version of a type.
   * @returns milliseconds since the change began, if it is the newest, the client was there before it, and it is told for
   * the first time; removals that linger are acknowledged under the same version once more.
   */
  acked(
    {
      clientId,
      fleet,
      typeUrl,
      version,
    }: Readonly<Record<'fleet' | 'typeUrl' | 'version', string>> & { readonly clientId: number },
    at: number,
  ): number | undefined {
    const published = this.#published.get(fleet)?.get(typeUrl);
    const client = this.#clients.get(clientId);
    if (!client || published?.version !== version || client.measured.get(typeUrl) === version) return undefined;
    client.measured.set(typeUrl, version);
    return client.since <= published.at ? at - published.trigger : undefined;
  }

  /** For how many milliseconds a client has been owed the newest of a type, given that it does not hold it. */
  owedFor(clientId: number, fleet: string, typeUrl: string, at: number): number {
    const published = this.#published.get(fleet)?.get(typeUrl);
    const client = this.#clients.get(clientId);
    return published && client ? at - Math.max(published.at, client.since) : 0;
  }
}

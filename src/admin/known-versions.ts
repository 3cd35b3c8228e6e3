import type { DeclaredResource } from '../control/declared.ts';

/** How many contents are remembered. */
const most = 2000;

/**
 * Contents that callers have seen, by version, so that one who meets a newer content can be told what has changed since.
 * In memory, within bounds; the one that was seen longest ago goes first.
 */
export class KnownVersions {
  readonly #specs = new Map<string, unknown>();

  remember(resource: Pick<DeclaredResource, 'version' | 'spec'>): void {
    this.#specs.delete(resource.version);
    this.#specs.set(resource.version, resource.spec);
    const [oldest] = this.#specs.keys();
    if (this.#specs.size > most && oldest !== undefined) this.#specs.delete(oldest);
  }

  /** Undefined when it is not known any more. */
  of(version: string): unknown {
    return this.#specs.get(version);
  }
}

import { diffTypes } from '../snapshot/diff.ts';
import type { EncodedResource, Snapshot } from '../snapshot/snapshot.ts';

/** Contents per resource, and resources per fleet, that are remembered. */
const MOST_CONTENTS = 4;
const MOST_RESOURCES = 20_000;

/**
 * What fleets were sent before what they are sent now: where proxies reject a content, what they hold instead is here.
 * Holds no copies, only what has changed or gone since the start.
 */
export class FormerContents {
  readonly #fleets = new Map<string, Map<string, readonly EncodedResource[]>>();

  /** From now on fleets are sent other snapshots. */
  replace(before: ReadonlyMap<string, Snapshot>, after: ReadonlyMap<string, Snapshot>): void {
    for (const key of this.#fleets.keys()) if (!after.has(key)) this.#fleets.delete(key);
    for (const [key, snapshot] of after) {
      const old = before.get(key);
      if (old && old !== snapshot) this.#remember(key, old, snapshot);
    }
  }

  /** The content of a version, or the newest one that is remembered. */
  find(fleet: string, typeUrl: string, name: string, version?: string): EncodedResource | undefined {
    const contents = this.#fleets.get(fleet)?.get(`${typeUrl} ${name}`) ?? [];
    return version === undefined ? contents[0] : contents.find(each => each.version === version);
  }

  #remember(key: string, before: Snapshot, after: Snapshot): void {
    const known = this.#fleets.get(key) ?? new Map<string, readonly EncodedResource[]>();
    this.#fleets.set(key, known);
    for (const [url, type] of after.types) {
      const old = before.types.get(url);
      if (!old || old === type) continue;
      const { changed, removed } = diffTypes(old, type);
      for (const name of [...changed.map(each => each.name), ...removed]) {
        const content = old.resources.get(name);
        if (!content) continue;
        const id = `${url} ${name}`;
        const earlier = (known.get(id) ?? []).filter(each => each.version !== content.version);
        // The longest unchanged are the first to be forgotten.
        known.delete(id);
        known.set(id, [content, ...earlier].slice(0, MOST_CONTENTS));
      }
    }
    for (const id of known.keys()) {
      if (known.size <= MOST_RESOURCES) return;
      known.delete(id);
    }
  }
}

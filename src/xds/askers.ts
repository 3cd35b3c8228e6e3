import type { Rest } from './resting.ts';

/** Who asks for what, of clients that rest: by type, and by name. */
export class Askers<Asker extends { readonly rest: Rest }> {
  readonly #types = new Map<string, OfType<Asker>>();

  add(asker: Asker): void {
    for (const { state } of asker.rest.lanes) {
      const { wildcard, globs, names } = state.subscription;
      const type = this.#types.get(state.typeUrl) ?? new OfType();
      this.#types.set(state.typeUrl, type);
      type.all.add(asker);
      // Names do not tell what these have.
      if (wildcard || globs) type.open.add(asker);
      else for (const name of names) type.add(name, asker);
    }
  }

  delete(asker: Asker): void {
    for (const { state } of asker.rest.lanes) {
      const type = this.#types.get(state.typeUrl);
      type?.all.delete(asker);
      type?.open.delete(asker);
      for (const name of state.subscription.names) type?.delete(name, asker);
    }
  }

  /** Of the type, whatever they ask for. */
  of(typeUrl: string): ReadonlySet<Asker> {
    return this.#types.get(typeUrl)?.all ?? nobody;
  }

  /** Of the type, who may have any of these. One may come more than once. */
  *ofAny(typeUrl: string, names: Iterable<string>): Generator<Asker, undefined> {
    const type = this.#types.get(typeUrl);
    if (!type) return;
    yield* type.open;
    for (const name of names) yield* type.named(name);
  }
}

class OfType<Asker> {
  readonly all = new Set<Asker>();
  readonly open = new Set<Asker>();
  readonly #named = new Map<string, Set<Asker>>();

  named(name: string): ReadonlySet<Asker> {
    return this.#named.get(name) ?? nobody;
  }

  add(name: string, asker: Asker): void {
    const named = this.#named.get(name) ?? new Set<Asker>();
    this.#named.set(name, named.add(asker));
  }

  delete(name: string, asker: Asker): void {
    const named = this.#named.get(name);
    named?.delete(asker);
    if (named?.size === 0) this.#named.delete(name);
  }
}

const nobody: ReadonlySet<never> = new Set();

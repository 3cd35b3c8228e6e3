import type { StoredDocument } from '../store/store.ts';
import { hostsOf, type Names } from './names.ts';
import type { Pipeline, Read } from './pipeline.ts';

interface ReadingOptions {
  readonly pipeline: Pipeline;
  readonly names: Names;
  /** Host names of what is in force. */
  readonly inForce: () => ReadonlySet<string>;
}

/** Reads documents and asks for the host names in them that have no answer yet, before anybody decides upon them. */
export class Reading {
  readonly #options: ReadingOptions;
  /** Documents whose host names may have been asked for and are not decided upon yet. */
  #undecided = 0;

  constructor(options: ReadingOptions) {
    this.#options = options;
  }

  async read<T>(documents: readonly StoredDocument[], decide: (read: Read) => T | Promise<T>): Promise<T> {
    const { pipeline, names, inForce } = this.#options;
    this.#undecided++;
    try {
      const read = pipeline.read(documents);
      const unknown = read.policy ? [...hostsOf(read.policy)].filter(host => !names.answers.has(host)) : [];
      if (unknown.length > 0) await names.ask(unknown);
      return await decide(read);
    } finally {
      this.#undecided--;
      // Names of what was not taken are followed no longer.
      if (this.#undecided === 0) names.want(inForce());
    }
  }
}

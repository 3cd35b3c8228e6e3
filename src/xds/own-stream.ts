import type { StreamSettings } from './client.ts';
import type { Answers } from './machine.ts';
import { Nonces, noncePrefix } from './nonce.ts';

/** A stream as its client counts it. */
export class OwnStream {
  readonly number: number;
  readonly settings: StreamSettings;
  readonly #nonces = new Map<string, Nonces>();
  /** Of the type that was meant last. */
  #recent: Nonces | undefined;

  constructor(number: number, settings: StreamSettings) {
    this.number = number;
    this.settings = settings;
  }

  /** Of a type that has been asked for. */
  nonces(typeUrl: string): Nonces {
    const found = this.#known(typeUrl);
    if (found) return found;
    const { nonceSalt, streamId } = this.settings;
    const made = new Nonces(typeUrl, noncePrefix(nonceSalt, streamId, this.#nonces.size));
    this.#nonces.set(typeUrl, made);
    return made;
  }

  answers(typeUrl: string, nonce: string, unanswered: number): Answers {
    return this.#known(typeUrl)?.answers(nonce, unanswered) ?? 'newest';
  }

  #known(typeUrl: string): Nonces | undefined {
    if (this.#recent?.typeUrl !== typeUrl) this.#recent = this.#nonces.get(typeUrl);
    return this.#recent;
  }
}

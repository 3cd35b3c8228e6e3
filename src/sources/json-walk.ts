import { setImmediate } from 'node:timers/promises';

/** Characters that are looked at before others have their turn: about two milliseconds. */
const aTurn = 256 * 1024;
/** Characters of a value that is passed over. */
const longestPassedOver = 1024 * 1024;

const [quote, backslash, comma, colon] = [0x22, 0x5c, 0x2c, 0x3a];
const [opens, closes] = [new Set([0x7b, 0x5b]), new Set([0x7d, 0x5d])];
const spaces = new Set([0x20, 0x09, 0x0a, 0x0d]);

/**
 * Walks over JSON that somebody else has written, which may mean harm: nothing is made of it but the values that are
 * asked for, and others have their turns meanwhile. Throws where it is none, as far as it is looked at.
 */
export class JsonWalk {
  readonly #text: string;
  #at = 0;
  /** Where the turn began: in the text, and in milliseconds. */
  #turn = 0;
  #since = performance.now();
  #cost = 0;

  constructor(text: string) {
    this.#text = text;
  }

  /** Milliseconds of the turns so far. */
  get cost(): number {
    return this.#cost + performance.now() - this.#since;
  }

  /** The members of a mapping. `take` takes the value of each by one of the methods of the walk. */
  async members(what: string, take: (key: string) => Promise<void> | void): Promise<void> {
    await this.#each(what, '{', '}', () => {
      const key = this.value(what, 4096);
      if (typeof key !== 'string' || this.#next() !== colon) throw new Error(`${what} is no mapping`);
      this.#at += 1;
      return take(key);
    });
  }

  /** The items of a list; that is none where there is null. */
  async items(what: string, take: () => Promise<void> | void): Promise<void> {
    this.#next();
    if (this.#text.startsWith('null', this.#at)) this.#at += 4;
    else await this.#each(what, '[', ']', take);
  }

  /** A value of so many characters at most. */
  value(what: string, most: number): unknown {
    const from = this.#begin();
    this.#at = this.#endOf(what, from, most);
    return JSON.parse(this.#text.slice(from, this.#at));
  }

  skip(what: string): void {
    this.#at = this.#endOf(what, this.#begin(), longestPassedOver);
  }

  /** That nothing follows. */
  end(): void {
    if (!Number.isNaN(this.#next())) throw new Error('the answer goes on after its end');
  }

  async #each(what: string, open: string, close: string, take: () => Promise<void> | void): Promise<void> {
    this.#next();
    if (this.#text[this.#at] !== open) throw new Error(`${what} is no ${open === '{' ? 'mapping' : 'list'}`);
    this.#at += 1;
    if (this.#next() === close.charCodeAt(0)) {
      this.#at += 1;
      return;
    }
    for (;;) {
      await take();
      const next = this.#next();
      this.#at += 1;
      if (next === close.charCodeAt(0)) return;
      if (next !== comma) throw new Error(`${what} was cut off, or is no JSON`);
      if (this.#at - this.#turn >= aTurn) await this.#othersFirst();
    }
  }

  async #othersFirst(): Promise<void> {
    this.#cost += performance.now() - this.#since;
    await setImmediate();
    this.#turn = this.#at;
    this.#since = performance.now();
  }

  #begin(): number {
    this.#next();
    return this.#at;
  }

  /** The next character that is no white space; NaN at the end. */
  #next(): number {
    while (spaces.has(this.#text.charCodeAt(this.#at))) this.#at += 1;
    return this.#text.charCodeAt(this.#at);
  }

  /** Where the value ends that begins there. */
  #endOf(what: string, from: number, most: number): number {
    const stop = from + most;
    let depth = 0;
    for (let at = from; at < Math.min(stop, this.#text.length); ) {
      const code = this.#text.charCodeAt(at);
      if (depth === 0 && at > from && (code === comma || closes.has(code) || spaces.has(code))) return at;
      if (opens.has(code)) depth += 1;
      if (closes.has(code)) depth -= 1;
      at = code === quote ? this.#endOfString(what, at) : at + 1;
      if (depth === 0 && (code === quote || closes.has(code))) {
        if (at > stop) break;
        return at;
      }
    }
    throw new Error(this.#text.length < stop ? `${what} was cut off` : `${what} is longer than it can be`);
  }

  #endOfString(what: string, from: number): number {
    for (let at = this.#text.indexOf('"', from + 1); at >= 0; at = this.#text.indexOf('"', at + 1)) {
      let before = at;
      while (this.#text.charCodeAt(before - 1) === backslash) before -= 1;
      if ((at - before) % 2 === 0) return at + 1;
    }
    throw new Error(`${what} was cut off`);
  }
}

import { duplicateKey, forbiddenKey, forbiddenKeys, limits, type Mistake, type Reading, tooDeep } from './document.ts';
import type { Place } from './source-map.ts';

/** Reads strict JSON (RFC 8259) with the place of every value. Stops at the first mistake of syntax. */
export function readJson(text: string): Reading {
  const reader = new JsonReader(text, false);
  try {
    const { value } = reader.document();
    let place: Place | undefined;
    const placeOf = () => {
      place ??= new JsonReader(text, true).document().place;
      return place;
    };
    return { values: [{ value, place: placeOf }], mistakes: reader.mistakes };
  } catch (error) {
    if (!(error instanceof Stop)) throw error;
    return { values: [], mistakes: [...reader.mistakes, error.mistake] };
  }
}

/** Ends the reading; does not leave this file. */
class Stop extends Error {
  readonly mistake: Mistake;
  constructor(mistake: Mistake) {
    super(mistake.message);
    this.mistake = mistake;
  }
}

interface Read {
  readonly value: unknown;
  readonly children?: ReadonlyMap<string | number, Place>;
}

const escapes: Readonly<Record<string, string>> = {
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  '"': '"',
  '\\': '\\',
  '/': '/',
};
const words: ReadonlyMap<string, unknown> = new Map<string, unknown>([
  ['true', true],
  ['false', false],
  ['null', null],
]);

class JsonReader {
  readonly mistakes: Mistake[] = [];
  readonly #text: string;
  readonly #placed: boolean;
  /** Where the reader is; copied only into mistakes. */
  readonly #path: (string | number)[] = [];
  #at = 0;

  /** @param placed whether to make places, which costs more than the reading */
  constructor(text: string, placed: boolean) {
    this.#text = text;
    this.#placed = placed;
    if (text.startsWith('\uFEFF')) this.#at = 1;
  }

  document(): { readonly value: unknown; readonly place: Place } {
    this.#space();
    const offset = this.#at;
    const { value, children } = this.#value();
    this.#space();
    if (this.#at < this.#text.length) this.#unexpected('nothing more');
    return { value, place: children ? { offset, children } : { offset } };
  }

  #value(): Read {
    const first = this.#text[this.#at];
    if ((first === '{' || first === '[') && this.#path.length >= limits.depth) {
      throw new Stop(tooDeep([...this.#path], this.#at));
    }
    if (first === '{') return this.#object();
    if (first === '[') return this.#array();
    if (first === '"') return { value: this.#string() };
    const scalar = /(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.+-])/y;
    scalar.lastIndex = this.#at;
    const found = scalar.exec(this.#text)?.[0];
    if (found === undefined) this.#unexpected('a value');
    this.#at += found.length;
    return { value: words.has(found) ? words.get(found) : Number(found) };
  }

  #object(): Read {
    const value: Record<string, unknown> = {};
    const children = this.#placed ? new Map<string | number, Place>() : undefined;
    this.#at += 1;
    this.#space();
    while (this.#text[this.#at] !== '}') {
      if (this.#text[this.#at] !== '"') this.#unexpected('a key in double quotes');
      const offset = this.#at;
      const key = this.#string();
      this.#path.push(key);
      this.#space();
      if (this.#text[this.#at] !== ':') this.#unexpected(':');
      this.#at += 1;
      this.#space();
      const read = this.#value();
      if (forbiddenKeys.has(key)) this.mistakes.push(forbiddenKey(key, [...this.#path], offset));
      else if (Object.hasOwn(value, key)) this.mistakes.push(duplicateKey(key, [...this.#path], offset));
      else {
        value[key] = read.value;
        children?.set(key, read.children ? { offset, children: read.children } : { offset });
      }
      this.#path.pop();
      this.#next('}');
    }
    this.#at += 1;
    return children ? { value, children } : { value };
  }

  #array(): Read {
    const value: unknown[] = [];
    const children = this.#placed ? new Map<string | number, Place>() : undefined;
    this.#at += 1;
    this.#space();
    while (this.#text[this.#at] !== ']') {
      const offset = this.#at;
      this.#path.push(value.length);
      const read = this.#value();
      this.#path.pop();
      children?.set(value.length, read.children ? { offset, children: read.children } : { offset });
      value.push(read.value);
      this.#next(']');
    }
    this.#at += 1;
    return children ? { value, children } : { value };
  }

  /** Past the comma to the next item, or to the bracket that ends the collection. */
  #next(end: string): void {
    this.#space();
    if (this.#text[this.#at] === end) return;
    if (this.#text[this.#at] !== ',') this.#unexpected(`, or ${end}`);
    const comma = this.#at;
    this.#at += 1;
    this.#space();
    if (this.#text[this.#at] === end) throw this.#stop(comma, `JSON allows no comma before ${end}`, 'remove the comma');
  }

  #string(): string {
    const start = this.#at;
    let value = '';
    let from = start + 1;
    for (let at = from; ; at += 1) {
      const code = this.#text.charCodeAt(at);
      if (Number.isNaN(code) || code < 0x20) {
        throw this.#stop(
          start,
          'this text has no closing quote on its line',
          'end it with ", and write line breaks as \\n',
        );
      }
      if (code === 0x22) {
        this.#at = at + 1;
        return value + this.#text.slice(from, at);
      }
      if (code !== 0x5c) continue;
      value += this.#text.slice(from, at);
      const letter = this.#text[at + 1] ?? '';
      const hex = letter === 'u' ? this.#text.slice(at + 2, at + 6) : '';
      const plain = escapes[letter];
      if (plain === undefined && !/^[0-9a-fA-F]{4}$/.test(hex)) {
        throw this.#stop(at, `\\${letter} is no escape of JSON`, 'write a backslash as \\\\');
      }
      value += plain ?? String.fromCharCode(Number.parseInt(hex, 16));
      at += plain === undefined ? 5 : 1;
      from = at + 1;
    }
  }

  #stop(offset: number, message: string, hint: string): Stop {
    return new Stop({ code: 'syntax.invalid', path: [...this.#path], offset, message, hint });
  }

  #space(): void {
    for (;;) {
      const code = this.#text.charCodeAt(this.#at);
      if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) return;
      this.#at += 1;
    }
  }

  #unexpected(expected: string): never {
    const found = this.#text.codePointAt(this.#at);
    if (found === undefined) {
      throw this.#stop(
        this.#text.length,
        `the JSON ends too early; ${expected} should follow`,
        'is the file complete?',
      );
    }
    const character = String.fromCodePoint(found);
    throw this.#stop(
      this.#at,
      `${JSON.stringify(character)} is not JSON here; ${expected} should stand here`,
      remedy(this.#text, this.#at),
    );
  }
}

function remedy(text: string, at: number): string {
  if (text.startsWith('//', at) || text.startsWith('/*', at) || text[at] === '#') {
    return 'JSON has no comments: remove it, or name the file .yaml';
  }
  if (text[at] === "'") return 'JSON knows double quotes only';
  if (/[A-Za-z_$]/.test(text[at] ?? '')) return 'texts and keys stand in double quotes';
  return 'or name the file .yaml, if it is YAML';
}

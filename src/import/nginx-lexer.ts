import { binaryProblem, importLimits, placed, type SourcePlace, type Statement, type Statements } from './statement.ts';

interface Token extends SourcePlace {
  readonly kind: 'word' | ';' | '{' | '}';
  readonly text: string;
  /** Just after it in the text. */
  readonly end: number;
}

interface Open {
  readonly head: Omit<Statement, 'body'>;
  readonly body: Statement[];
}

/** Reads the text of an nginx configuration; includes are not followed. The first mistake ends it. */
export function readNginx(file: string, text: string): Statements {
  const binary = binaryProblem(file, text);
  if (binary) return { statements: [], problems: [binary] };
  const top: Statement[] = [];
  const open: Open[] = [];
  let words: Token[] = [];
  let count = 0;
  const fail = (at: SourcePlace, message: string, hint?: string): Statements => ({
    statements: [],
    problems: [placed('import.syntax', at, message, hint)],
  });
  const scanner = new Scanner(file, text);
  for (;;) {
    const token = scanner.next();
    if (token === undefined) break;
    if ('mistake' in token) return fail(token, token.mistake);
    if (token.kind === 'word') {
      words.push(token);
      if (words.length > importLimits.words) return fail(token, `it has more than ${importLimits.words} words`);
      continue;
    }
    const [first, ...rest] = words;
    const into = open.at(-1)?.body ?? top;
    if (token.kind === '}') {
      const ended = open.pop();
      if (first) return fail(first, `"${first.text}" is not ended by ";"`);
      if (!ended) return fail(token, 'a "}" ends no block');
      (open.at(-1)?.body ?? top).push({ ...ended.head, body: ended.body });
      continue;
    }
    if (!first) return fail(token, `a "${token.kind}" has no directive before it`);
    count += 1;
    if (count > importLimits.statements)
      return fail(token, `there are more than ${importLimits.statements} directives`);
    const { line, column } = first;
    const head = { name: first.text, args: rest.map(each => each.text), file, line, column };
    words = [];
    if (token.kind === ';') {
      into.push(head);
    } else if (first.text.endsWith('_by_lua_block')) {
      if (!scanner.skipBlock()) return fail(first, `the block of "${first.text}" never ends`);
      into.push(head);
    } else {
      if (open.length >= importLimits.depth) return fail(first, `blocks nest more than ${importLimits.depth} deep`);
      open.push({ head, body: [] });
    }
  }
  const [unended] = words;
  if (unended) return fail(unended, `the file ends within "${unended.text}"`, 'is the file cut off?');
  const last = open.at(-1);
  if (last) return fail(last.head, `the block of "${last.head.name}" never ends`, 'is the file cut off?');
  return { statements: top, problems: [] };
}

/** Tokens of nginx: words, bare or in quotes, and `;`, `{`, `}`. */
class Scanner {
  readonly #file: string;
  readonly #text: string;
  #at = 0;
  #line = 1;
  #lineStart = 0;

  constructor(file: string, text: string) {
    this.#file = file;
    this.#text = text;
  }

  /** Undefined at the end. */
  next(): Token | (SourcePlace & { readonly mistake: string }) | undefined {
    this.#skipBlank();
    const letter = this.#text[this.#at];
    if (letter === undefined) return undefined;
    const place = { file: this.#file, line: this.#line, column: this.#at - this.#lineStart + 1 };
    if (letter === ';' || letter === '{' || letter === '}') {
      this.#at += 1;
      return { kind: letter, text: letter, end: this.#at, ...place };
    }
    const text = letter === '"' || letter === "'" ? this.#quoted(letter) : this.#bare();
    if (text === undefined) return { ...place, mistake: `a text that begins with ${letter} never ends` };
    return { kind: 'word', text, end: this.#at, ...place };
  }

  /** Passes over what is in another language, up to the brace that ends it. @returns false when there is none. */
  skipBlock(): boolean {
    for (let depth = 1; this.#at < this.#text.length; ) {
      const letter = this.#step();
      if (letter === '{') depth += 1;
      if (letter === '}') depth -= 1;
      if (depth === 0) return true;
    }
    return false;
  }

  #step(): string {
    const letter = this.#text[this.#at] ?? '';
    this.#at += 1;
    if (letter === '\n') {
      this.#line += 1;
      this.#lineStart = this.#at;
    }
    return letter;
  }

  #skipBlank(): void {
    for (;;) {
      const letter = this.#text[this.#at];
      if (letter === '#') while (this.#at < this.#text.length && this.#text[this.#at] !== '\n') this.#at += 1;
      else if (letter !== undefined && /[\s\ufeff]/.test(letter)) this.#step();
      else return;
    }
  }

  #quoted(quote: string): string | undefined {
    const parts: string[] = [];
    this.#at += 1;
    while (this.#at < this.#text.length) {
      const letter = this.#step();
      if (letter === quote) return parts.join('');
      parts.push(letter === '\\' ? this.#unescaped() : letter);
    }
    return undefined;
  }

  #bare(): string {
    const parts: string[] = [];
    for (;;) {
      const letter = this.#text[this.#at];
      if (letter === undefined || /[\s;]/.test(letter)) break;
      // A brace after a dollar is part of a variable; any other begins a block.
      if (letter === '{' && parts.at(-1) !== '$') break;
      this.#step();
      if (letter === '{') {
        parts.push(letter);
        for (let inner = this.#text[this.#at]; inner !== undefined && /\w/.test(inner); inner = this.#text[this.#at])
          parts.push(this.#step());
        if (this.#text[this.#at] === '}') parts.push(this.#step());
        continue;
      }
      if (letter === '}' && parts.length === 0) break;
      parts.push(letter === '\\' ? this.#unescaped() : letter);
    }
    return parts.join('');
  }

  /** What a backslash and the letter after it stand for: itself, unless that letter needs one. */
  #unescaped(): string {
    const letter = this.#at < this.#text.length ? this.#step() : '';
    const known: Readonly<Record<string, string>> = { '"': '"', "'": "'", '\\': '\\', t: '\t', r: '\r', n: '\n' };
    return known[letter] ?? `\\${letter}`;
  }
}

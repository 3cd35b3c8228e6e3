import { Composer, type CST, type Document, isAlias, isCollection, isMap, isScalar, isSeq, Lexer, Parser } from 'yaml';
import type { PolicyPath } from '../base/problem.ts';
import { didYouMean } from '../base/suggest.ts';
import {
  duplicateKey,
  forbiddenKey,
  forbiddenKeys,
  limits,
  type Mistake,
  quote,
  type Reading,
  type ReadValue,
  tooDeep,
} from './document.ts';
import type { Place } from './source-map.ts';

/** Reads YAML 1.2 (core schema), one value per document, with the place of every value. Merge keys are refused. */
export function readYaml(text: string): Reading {
  const mistakes = new Mistakes();
  const tokens = tokensOf(text, mistakes);
  if (mistakes.list.length > 0) return { values: [], mistakes: mistakes.list };
  const documents = compose(tokens, text.length, mistakes);
  if (mistakes.list.length > 0) return { values: [], mistakes: mistakes.list };
  const values: ReadValue[] = [];
  const budget = { aliases: 0, aliased: 0 };
  for (const document of documents) {
    if (document.contents === null) continue;
    const walker = new Walker(mistakes, budget);
    const offset = document.contents.range?.[0] ?? 0;
    const { value, children } = walker.read(document.contents, [], undefined);
    const place = children ? { offset, children } : { offset };
    if (value !== null) values.push({ value, place: () => place });
  }
  return { values, mistakes: mistakes.list };
}

/** Collects mistakes; of syntax, only the first few, since one often makes many. */
class Mistakes {
  readonly list: Mistake[] = [];

  syntax(offset: number, message: string, hint?: string, path: PolicyPath = []): void {
    if (this.list.length < limits.mistakes) this.list.push({ code: 'syntax.invalid', path, offset, message, hint });
  }

  get full(): boolean {
    return this.list.length >= limits.mistakes;
  }
}

/** Tokens of the text. Stops as soon as it nests too deep, so that the work stays linear and the stack flat. */
function tokensOf(text: string, mistakes: Mistakes): readonly CST.Token[] {
  const tokens: CST.Token[] = [];
  const parser = new Parser();
  let documents = 0;
  const take = (token: CST.Token) => {
    if (token.type === 'error') mistakes.syntax(token.offset, plain(token.message));
    else tokens.push(token);
    if (token.type === 'document') documents += 1;
  };
  for (const lexeme of new Lexer().lex(text)) {
    for (const token of parser.next(lexeme)) take(token);
    if (parser.stack.length > limits.depth + 8) {
      mistakes.list.push(tooDeep([], parser.offset));
      return [];
    }
    if (mistakes.full) return [];
    if (documents > limits.documents) {
      mistakes.syntax(parser.offset, `this file holds more than ${limits.documents} documents`, 'write one document');
      return [];
    }
  }
  for (const token of parser.end()) take(token);
  return tokens;
}

function compose(tokens: readonly CST.Token[], end: number, mistakes: Mistakes): readonly Document.Parsed[] {
  const composer = new Composer({
    version: '1.2',
    schema: 'core',
    merge: false,
    uniqueKeys: false,
    prettyErrors: false,
  });
  // The composer's own handler makes an Error with a stack for each mistake: seconds for a file full of them.
  Object.assign(composer, {
    onError: (source: ErrorSource, code: string, message: string) => {
      mistakes.syntax(startOf(source), plain(message), remedies[code]);
    },
  });
  const documents: Document.Parsed[] = [];
  for (const document of composer.compose(tokens, false, end)) {
    for (const each of [...document.errors, ...document.warnings]) {
      mistakes.syntax(each.pos[0], plain(each.message), remedies[each.code]);
    }
    const { version, explicit } = document.directives.yaml;
    if (explicit && version !== '1.2') {
      mistakes.syntax(0, `this file asks for YAML ${version}; only YAML 1.2 is read`, 'remove the %YAML line');
    }
    documents.push(document);
  }
  return documents;
}

type ErrorSource = number | readonly number[] | { readonly offset: number };

function startOf(source: ErrorSource): number {
  if (typeof source === 'number') return source;
  return 'offset' in source ? source.offset : (source[0] ?? 0);
}

/** The first sentence of the library's message, in the form of ours. */
function plain(message: string): string {
  const line = message.split('\n')[0] ?? '';
  const text = /^[A-Z](?![A-Z])/.test(line) ? `${line[0]?.toLowerCase()}${line.slice(1)}` : line;
  return text.length > 200 ? `${text.slice(0, 197)}...` : text.replace(/[.:]$/, '');
}

const remedies: Readonly<Record<string, string>> = {
  TAB_AS_INDENT: 'indent with spaces',
  BAD_INDENT: 'lines of one mapping or list begin in the same column',
  MISSING_CHAR: 'is a colon, comma, quote or bracket missing, here or just before?',
  BLOCK_AS_IMPLICIT_KEY: 'put texts that hold ": " in quotes, and begin nested mappings on a line of their own',
  MULTILINE_IMPLICIT_KEY: 'a key stands on one line and ends with ": "',
  BAD_SCALAR_START: 'put a text that begins with this character in quotes',
  BAD_DQ_ESCAPE: 'write a backslash as \\\\, or use single quotes',
  TAG_RESOLVE_FAILED: 'remove the tag; the types of values are known',
  BAD_DIRECTIVE: 'remove the line',
};

interface Read {
  /** Undefined where nothing could be read; there is a mistake then, and the value is left out. */
  readonly value: unknown;
  readonly children?: ReadonlyMap<string | number, Place>;
}

/** Turns the nodes of one document into plain data and places. */
class Walker {
  readonly #mistakes: Mistakes;
  readonly #budget: { aliases: number; aliased: number };
  readonly #anchors = new Map<string, unknown>();
  readonly #open = new Set<unknown>();
  #within = 0;

  constructor(mistakes: Mistakes, budget: { aliases: number; aliased: number }) {
    this.#mistakes = mistakes;
    this.#budget = budget;
  }

  /** @param at offset that mistakes of this value are shown at, where it is not its own (inside an alias) */
  read(node: unknown, path: PolicyPath, at: number | undefined): Read {
    if (node === null || node === undefined) return { value: null };
    if (this.#within > 0 && ++this.#budget.aliased > limits.aliasedValues) return this.#tooMany(path, at);
    if (isAlias(node)) return this.#alias(node.source, path, at ?? node.range?.[0] ?? 0);
    if (isScalar(node)) {
      if (node.anchor !== undefined) this.#anchors.set(node.anchor, node);
      return { value: node.value };
    }
    if (!isCollection(node)) return { value: null };
    const offset = at ?? node.range?.[0] ?? 0;
    if (path.length >= limits.depth) {
      this.#mistakes.list.push(tooDeep(path, offset));
      return { value: undefined };
    }
    if (node.anchor !== undefined) this.#anchors.set(node.anchor, node);
    this.#open.add(node);
    const read = isMap(node)
      ? this.#map(node.items, path, at)
      : isSeq(node)
        ? this.#list(node.items, path, at)
        : { value: null };
    this.#open.delete(node);
    return read;
  }

  #map(
    items: readonly { readonly key: unknown; readonly value: unknown }[],
    path: PolicyPath,
    at: number | undefined,
  ): Read {
    const value: Record<string, unknown> = {};
    const children = new Map<string | number, Place>();
    for (const item of items) {
      const offset = at ?? offsetOf(item.key) ?? offsetOf(item.value) ?? 0;
      const key = this.#key(item.key, path, offset);
      if (key === undefined) continue;
      const inner = [...path, key];
      const read = this.read(item.value, inner, at);
      if (key === '<<' && isScalar(item.key) && item.key.type === 'PLAIN') {
        this.#mistakes.list.push({
          code: 'syntax.forbidden_key',
          path: inner,
          offset,
          message: 'merge keys (<<) are not part of YAML 1.2',
          hint: 'repeat the keys, or give the whole value an anchor (&name) and use all of it (*name)',
        });
      } else if (forbiddenKeys.has(key)) this.#mistakes.list.push(forbiddenKey(key, inner, offset));
      else if (children.has(key)) this.#mistakes.list.push(duplicateKey(key, inner, offset));
      else if (read.value !== undefined) {
        value[key] = read.value;
        children.set(key, read.children ? { offset, children: read.children } : { offset });
      }
    }
    return { value, children };
  }

  #list(items: readonly unknown[], path: PolicyPath, at: number | undefined): Read {
    const value: unknown[] = [];
    const children = new Map<string | number, Place>();
    for (const [index, item] of items.entries()) {
      const offset = at ?? offsetOf(item) ?? 0;
      const read = this.read(item, [...path, index], at);
      value.push(read.value);
      children.set(index, read.children ? { offset, children: read.children } : { offset });
    }
    return { value, children };
  }

  /** Keys are texts; a number or `true` as a key is the text it is written as. */
  #key(node: unknown, path: PolicyPath, offset: number): string | undefined {
    let key = node;
    if (isAlias(key)) {
      this.#budget.aliases += 1;
      key = this.#anchors.get(key.source);
    }
    if (isScalar(key)) {
      if (key.anchor !== undefined) this.#anchors.set(key.anchor, key);
      const text = typeof key.value === 'string' ? key.value : (key.source ?? '');
      if (text !== '' || key.type !== 'PLAIN') return text;
      this.#mistakes.syntax(offset, 'a key is missing before the colon', undefined, path);
      return undefined;
    }
    this.#mistakes.syntax(offset, 'a key must be a text', 'is a "?" or a bracket misplaced?', path);
    return undefined;
  }

  #alias(name: string, path: PolicyPath, offset: number): Read {
    this.#budget.aliases += 1;
    if (this.#budget.aliases > limits.aliases) return this.#tooMany(path, offset);
    const node = this.#anchors.get(name);
    if (node === undefined) {
      const hint =
        didYouMean(name, this.#anchors.keys()) ??
        `an anchor &${name} must stand before its use; a text that begins with * stands in quotes`;
      this.#mistakes.syntax(offset, `there is no anchor ${quote(name)} before this`, hint, path);
      return { value: undefined };
    }
    if (this.#open.has(node)) {
      this.#mistakes.syntax(offset, `*${name} stands inside its own anchor`, 'repeat what is meant', path);
      return { value: undefined };
    }
    this.#within += 1;
    const read = this.read(node, path, offset);
    this.#within -= 1;
    return read;
  }

  #tooMany(path: PolicyPath, offset: number | undefined): Read {
    if (!this.#mistakes.list.some(each => each.code === 'syntax.too_many_aliases')) {
      this.#mistakes.list.push({
        code: 'syntax.too_many_aliases',
        path,
        offset,
        message: `more than ${limits.aliases} aliases in one file, or aliases that stand for more than ${limits.aliasedValues} values`,
        hint: 'write the values out, or write the policy in TypeScript',
      });
    }
    return { value: undefined };
  }
}

function offsetOf(node: unknown): number | undefined {
  return isScalar(node) || isCollection(node) || isAlias(node) ? node.range?.[0] : undefined;
}

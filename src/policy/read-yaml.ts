import { isAlias, isCollection, isMap, isScalar, isSeq } from 'yaml';
import type { PolicyPath } from '../base/problem.ts';
import { didYouMean } from '../base/suggest.ts';
import {
  duplicateKey,
  forbiddenKey,
  forbiddenKeys,
  limits,
  quote,
  type Reading,
  type ReadValue,
  tooDeep,
} from './document.ts';
import type { Place } from './source-map.ts';
import { Mistakes, yamlDocuments } from './yaml-syntax.ts';

/** Reads YAML 1.2 (core schema), one value per document, with the place of every value. Merge keys are refused. */
export function readYaml(text: string): Reading {
  const mistakes = new Mistakes();
  const documents = yamlDocuments(text, mistakes);
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

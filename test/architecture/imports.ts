/** One import, re-export, dynamic import or import type of a source file. */
export interface Import {
  readonly line: number;
  /** Undefined for a dynamic import of a computed name. */
  readonly specifier: string | undefined;
  /** True where nothing of it is left when the program runs. */
  readonly typesOnly: boolean;
  /** Undefined where all is taken: a namespace, a side effect, a dynamic import. */
  readonly names: readonly string[] | undefined;
}

/** Words after which a slash begins a regular expression. */
const beforeRegex =
  /(?:^|[(,=:[!&|?{;+\-*%<>~^]|\b(?:return|typeof|case|in|of|do|else|void|delete|throw|await|yield))\s*$/;

/**
 * The source with the inside of every comment, string, template text and regular expression replaced by blanks, so that
 * what is searched for in it is code. Every character keeps its place.
 */
export function maskText(source: string): string {
  const out = source.split('');
  const blank = (from: number, to: number): void => {
    for (let i = from; i < to; i += 1) if (out[i] !== '\n') out[i] = ' ';
  };
  // The depth of braces at which each open template goes on.
  const templates: number[] = [];
  let depth = 0;
  let at = 0;
  while (at < source.length) {
    const char = source[at];
    const next = source[at + 1];
    let end = at + 1;
    if (char === '/' && next === '/') {
      end = indexOrEnd(source, '\n', at);
      blank(at, end);
    } else if (char === '/' && next === '*') {
      end = indexOrEnd(source, '*/', at + 2) + 2;
      blank(at, end);
    } else if (char === "'" || char === '"') {
      end = endOfQuoted(source, at + 1, char);
      blank(at + 1, end - 1);
    } else if (char === '`' || (char === '}' && templates.at(-1) === depth)) {
      if (char === '}') templates.pop();
      const { stop, opens } = endOfTemplate(source, at + 1);
      blank(at + 1, stop);
      if (opens) templates.push(depth);
      end = opens ? stop + 2 : stop + 1;
    } else if (char === '/' && beforeRegex.test(out.slice(Math.max(0, at - 40), at).join(''))) {
      end = endOfRegex(source, at + 1);
      blank(at + 1, end - 1);
    } else if (char === '{') depth += 1;
    else if (char === '}') depth -= 1;
    at = end;
  }
  return out.join('');
}

function indexOrEnd(source: string, text: string, from: number): number {
  const found = source.indexOf(text, from);
  return found === -1 ? source.length : found;
}

function endOfQuoted(source: string, from: number, quote: string): number {
  let at = from;
  while (at < source.length && source[at] !== quote && source[at] !== '\n') at += source[at] === '\\' ? 2 : 1;
  return at + 1;
}

function endOfTemplate(source: string, from: number): { readonly stop: number; readonly opens: boolean } {
  let at = from;
  while (at < source.length) {
    if (source[at] === '`') return { stop: at, opens: false };
    if (source[at] === '$' && source[at + 1] === '{') return { stop: at, opens: true };
    at += source[at] === '\\' ? 2 : 1;
  }
  return { stop: at, opens: false };
}

function endOfRegex(source: string, from: number): number {
  let inClass = false;
  let at = from;
  while (at < source.length && source[at] !== '\n') {
    if (source[at] === '\\') at += 1;
    else if (source[at] === '[') inClass = true;
    else if (source[at] === ']') inClass = false;
    else if (source[at] === '/' && !inClass) return at + 1;
    at += 1;
  }
  return at;
}

const statement =
  /(?<![\w$.])(?:import|export)\s+(?:(type)\s+(?!from\b))?((?:[\w$]+\s*,\s*)?(?:\*(?:\s*as\s+[\w$]+)?|\{[^}]*\}|[\w$]+))\s*from\s*(['"])/g;
const sideEffect = /(?<![\w$.])import\s*(['"])/g;
const call = /(?<![\w$.])import\s*\(\s*(['"]?)/g;

/** Every import of a TypeScript module, in the order of its kinds. */
export function importsOf(source: string): readonly Import[] {
  const masked = maskText(source);
  const found: Import[] = [];
  const add = (index: number, quoteAt: number, typesOnly: boolean, names: readonly string[] | undefined): void => {
    const quote = source[quoteAt];
    const quoted = quote === "'" || quote === '"';
    const specifier = quoted ? source.slice(quoteAt + 1, endOfQuoted(source, quoteAt + 1, quote) - 1) : undefined;
    found.push({ line: lineAt(source, index), specifier, typesOnly, names });
  };
  for (const match of masked.matchAll(statement)) {
    const names = namesIn(match[2] ?? '');
    const allTypes = names !== undefined && names.length > 0 && names.every(name => name.startsWith('type '));
    const plain = names?.map(name => name.replace(/^type /, ''));
    add(match.index, match.index + match[0].length - 1, match[1] !== undefined || allTypes, plain);
  }
  for (const match of masked.matchAll(sideEffect))
    add(match.index, match.index + match[0].length - 1, false, undefined);
  for (const match of masked.matchAll(call)) {
    const inTypePlace = /(?:[:<|&]|\bextends|\btypeof|\btype\s+[\w$]+(?:<[^=]*>)?\s*=)\s*$/.test(
      masked.slice(0, match.index),
    );
    add(match.index, match.index + match[0].length - (match[1] === '' ? 0 : 1), inTypePlace, undefined);
  }
  return found;
}

/** `{ a, type B as C }` gives `a` and `type B`; a namespace or default gives undefined. */
function namesIn(clause: string): readonly string[] | undefined {
  const braces = /^\{([^}]*)\}$/.exec(clause.trim());
  if (braces === null) return undefined;
  return (braces[1] ?? '')
    .split(',')
    .map(part => part.trim().replace(/\s+/g, ' ').split(' as ')[0] ?? '')
    .filter(name => name !== '');
}

function lineAt(source: string, index: number): number {
  return source.slice(0, index).split('\n').length;
}

import { Composer, type CST, type Document, Lexer, Parser } from 'yaml';
import type { PolicyPath } from '../base/problem.ts';
import { limits, type Mistake, tooDeep } from './document.ts';

/** Collects mistakes; of syntax, only the first few, since one often makes many. */
export class Mistakes {
  readonly list: Mistake[] = [];

  syntax(offset: number, message: string, hint?: string, path: PolicyPath = []): void {
    if (this.list.length < limits.mistakes) this.list.push({ code: 'syntax.invalid', path, offset, message, hint });
  }

  get full(): boolean {
    return this.list.length >= limits.mistakes;
  }
}

/** The documents of a text as nodes, with their places. Where there are mistakes, some may be missing. */
export function yamlDocuments(text: string, mistakes: Mistakes): readonly Document.Parsed[] {
  const tokens = tokensOf(text, mistakes);
  return mistakes.list.length > 0 ? [] : compose(tokens, text.length, mistakes);
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

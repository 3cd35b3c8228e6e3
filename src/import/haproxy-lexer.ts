import { binaryProblem, importLimits, placed, type Statement, type Statements } from './statement.ts';

const sections = new Set([
  ...['global', 'defaults', 'frontend', 'backend', 'listen', 'peers', 'resolvers', 'userlist', 'mailers', 'program'],
  ...['cache', 'http-errors', 'ring', 'log-forward', 'fcgi-app', 'crt-store', 'log-profile', 'traces', 'acme'],
]);

/** Reads the text of an HAProxy configuration: its sections, with their lines below them. The first mistake ends it. */
export function readHaproxy(file: string, text: string): Statements {
  const binary = binaryProblem(file, text);
  if (binary) return { statements: [], problems: [binary] };
  const top: (Statement & { readonly body: Statement[] })[] = [];
  let count = 0;
  for (const [index, line] of text
    .replace(/^\ufeff/, '')
    .split('\n')
    .entries()) {
    const place = { file, line: index + 1, column: line.search(/\S|$/) + 1 };
    const words = wordsOf(line);
    if (words.length > importLimits.words && typeof words !== 'string') {
      const message = `the line has more than ${importLimits.words} words`;
      return { statements: [], problems: [placed('import.syntax', place, message)] };
    }
    if (typeof words === 'string') return { statements: [], problems: [placed('import.syntax', place, words)] };
    const [name, ...args] = words;
    if (name === undefined) continue;
    count += 1;
    if (count > importLimits.statements) {
      const message = `there are more than ${importLimits.statements} lines`;
      return { statements: [], problems: [placed('import.syntax', place, message)] };
    }
    if (sections.has(name)) {
      top.push({ name, args, ...place, body: [] });
      continue;
    }
    const section = top.at(-1);
    if (!section) {
      const message = `"${name}" stands before any section`;
      const hint = 'sections begin with global, defaults, frontend, backend or listen';
      return { statements: [], problems: [placed('import.syntax', place, message, hint)] };
    }
    section.body.push({ name, args, ...place });
  }
  return { statements: top, problems: [] };
}

/** The words of a line, without its comment; a text says what is wrong with it. */
function wordsOf(line: string): readonly string[] | string {
  const words: string[] = [];
  let word: string | undefined;
  let quote: string | undefined;
  for (let at = 0; at < line.length; at += 1) {
    const letter = line[at] ?? '';
    if (letter === '\\' && quote !== "'") {
      at += 1;
      const next = line[at] ?? '';
      const known: Readonly<Record<string, string>> = { n: '\n', r: '\r', t: '\t' };
      // In regular expressions the backslash stays.
      word = (word ?? '') + (/[\s"'#\\]/.test(next) ? next : (known[next] ?? `\\${next}`));
    } else if (quote !== undefined) {
      if (letter === quote) quote = undefined;
      else word = (word ?? '') + letter;
    } else if (letter === '"' || letter === "'") {
      quote = letter;
      word ??= '';
    } else if (letter === '#') {
      break;
    } else if (/\s/.test(letter)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else {
      word = (word ?? '') + letter;
    }
  }
  if (quote !== undefined) return `a text that begins with ${quote} does not end on its line`;
  return word === undefined ? words : [...words, word];
}

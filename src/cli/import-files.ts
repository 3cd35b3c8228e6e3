import { closeSync, constants, fstatSync, openSync, readdirSync, readSync } from 'node:fs';
import { join } from 'node:path';
import { type ImportFiles, importLimits, placed, type SourcePlace } from '../import/statement.ts';

/** Names that are looked at for one pattern. */
const mostNames = 20_000;

/** Files of this machine, for an import. */
export const filesHere: ImportFiles = {
  read: (path, at) => {
    try {
      return { text: contentOf(path) };
    } catch (error) {
      return unreadable(at, `${path} cannot be read: ${(error as Error).message}`);
    }
  },
  match: (pattern, at) => {
    try {
      const found = /[*?[]/.test(pattern) ? matching(pattern) : [pattern];
      if (found.length <= importLimits.files) return found;
      return unreadable(at, `${pattern} names more than ${importLimits.files} files`);
    } catch (error) {
      return unreadable(at, `${pattern} cannot be followed: ${(error as Error).message}`);
    }
  },
};

const unreadable = (at: SourcePlace, message: string) => ({ problem: placed('import.unreadable', at, message) });

function contentOf(path: string): string {
  // A pipe that nobody writes to is not waited for.
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    if (!fstatSync(file).isFile()) throw new Error('it is no file');
    const buffer = Buffer.alloc(importLimits.bytes + 1);
    let length = 0;
    for (let read = -1; read !== 0 && length < buffer.length; length += read)
      read = readSync(file, buffer, length, buffer.length - length, null);
    if (length > importLimits.bytes) throw new Error(`it is larger than ${importLimits.bytes} bytes`);
    return buffer.toString('utf8', 0, length);
  } finally {
    closeSync(file);
  }
}

/** The files that a pattern names, as the shell finds them: folder by folder, without those whose names begin with a dot. */
function matching(pattern: string): readonly string[] {
  const [first = '', ...parts] = pattern.split('/');
  let names = 0;
  let found: readonly string[] = first === '' ? ['/'] : within('.', first);
  for (const part of parts) if (part !== '') found = found.flatMap(folder => within(folder, part));
  return found.toSorted();

  function within(folder: string, part: string): readonly string[] {
    if (!/[*?[]/.test(part)) return [join(folder, part)];
    const all = namesIn(folder);
    names += all.length;
    if (names > mostNames) throw new Error(`more than ${mostNames} names would have to be looked at`);
    return all
      .filter(name => (part.startsWith('.') || !name.startsWith('.')) && fits(name, part))
      .map(name => join(folder, name));
  }
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder);
  } catch {
    // As the shell has it: where nothing can be looked at, nothing is found.
    return [];
  }
}

/** Whether a name fits a pattern of `*`, `?` and `[…]`, in time that grows with both. */
function fits(name: string, pattern: string): boolean {
  const tokens = pattern.match(/\[[!^]?\]?[^\]]*\]|[\s\S]/g) ?? [];
  let [at, token] = [0, 0];
  let star: { readonly token: number; at: number } | undefined;
  while (at < name.length) {
    if (tokens[token] === '*') {
      star = { token, at };
      token += 1;
    } else if (token < tokens.length && isOneOf(name[at] ?? '', tokens[token] ?? '')) {
      at += 1;
      token += 1;
    } else if (star) {
      star.at += 1;
      at = star.at;
      token = star.token + 1;
    } else {
      return false;
    }
  }
  return tokens.slice(token).every(each => each === '*');
}

function isOneOf(letter: string, token: string): boolean {
  if (token === '?') return true;
  if (token.length < 3) return letter === token;
  const turned = /^\[[!^]/.test(token);
  const ranges = token.slice(turned ? 2 : 1, -1).match(/[\s\S]-[\s\S]|[\s\S]/g) ?? [];
  const holds = ranges.some(each =>
    each.length === 3 ? letter >= (each[0] ?? '') && letter <= (each[2] ?? '') : letter === each,
  );
  return holds !== turned;
}

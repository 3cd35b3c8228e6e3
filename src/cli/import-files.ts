import { globSync, readFileSync, statSync } from 'node:fs';
import type { ImportFiles } from '../import/statement.ts';
import { importLimits, placed } from '../import/statement.ts';

/** Files of this machine, for an import. */
export const filesHere: ImportFiles = {
  read: path => {
    const unreadable = (reason: string) => ({
      problem: placed('import.unreadable', { file: path, line: 1, column: 1 }, `${path} cannot be read: ${reason}`),
    });
    try {
      const found = statSync(path);
      if (!found.isFile()) return unreadable('it is no file');
      if (found.size > importLimits.bytes) return unreadable(`it is larger than ${importLimits.bytes} bytes`);
      return { text: readFileSync(path, 'utf8') };
    } catch (error) {
      return unreadable((error as Error).message);
    }
  },
  match: pattern => (/[*?[]/.test(pattern) ? globSync(pattern).sort() : [pattern]),
};

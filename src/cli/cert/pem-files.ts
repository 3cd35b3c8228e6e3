import { readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { CliFailure } from '../output.ts';

const mostFiles = 1000;

/** The files that are named, those of folders in order. @throws CliFailure where a folder has none, or very many. */
export function certFiles(given: readonly string[]): readonly string[] {
  const files = [...new Set(given.flatMap(filesAt))];
  if (files.length <= mostFiles) return files;
  throw new CliFailure(`these are ${files.length} files: name at most ${mostFiles} at once`);
}

/** What cannot be looked at is told of when it is read. */
function filesAt(name: string): readonly string[] {
  try {
    if (!statSync(name).isDirectory()) return [name];
  } catch {
    return [name];
  }
  const names = namesIn(name).filter(each => /\.(?:crt|cer|pem|key|crl)$/i.test(each) && !each.startsWith('.'));
  if (names.length === 0) throw new CliFailure(`${name} has no .crt, .cer, .pem, .key or .crl file: name the files`);
  return names.sort().map(each => path.join(name, each));
}

function namesIn(folder: string): readonly string[] & string[] {
  try {
    return readdirSync(folder);
  } catch (cause) {
    throw new CliFailure(`cannot look into ${folder}: ${(cause as Error).message}`, 1, { cause });
  }
}

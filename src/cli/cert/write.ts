import { mkdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { replaceFiles } from '../../store/replace-file.ts';
import type { CertificatePair } from '../certificates.ts';
import { CliFailure } from '../output.ts';
import { isFileThere, modeForAll } from '../replaceable.ts';

export interface PairFiles {
  readonly certificate: string;
  readonly key: string;
}

/** What was made, and where it goes. */
export interface Made extends PairFiles {
  readonly pair: CertificatePair;
  readonly names: readonly string[];
  /** Milliseconds since the epoch. */
  readonly to: number;
}

export const pairFiles = (folder: string, name: string): PairFiles => ({
  certificate: path.join(folder, `${name}.crt`),
  key: path.join(folder, `${name}.key`),
});

/**
 * @param never files that are not overwritten, whatever is forced
 * @throws CliFailure where files are there that are not to be overwritten.
 */
export function refuseExisting(files: readonly PairFiles[], force = false, never: readonly string[] = []): void {
  const all = files.flatMap(({ certificate, key }) => [certificate, key]);
  const kept = new Set(never.flatMap(identitiesOf));
  const own = all.find(each => identitiesOf(each).some(identity => kept.has(identity)));
  if (own !== undefined) throw new CliFailure(`${own} is the authority itself: choose another name, or another --out`);
  const existing = all.filter(isFileThere);
  if (existing.length === 0 || force) return;
  const exist = existing.length === 1 ? 'exists' : 'exist';
  throw new CliFailure(`${existing.join(' and ')} ${exist} already: nothing was written; --force overwrites`);
}

/** A file by itself, whatever links lead to it; none where there is none, which nothing can be lost of. */
function identitiesOf(file: string): readonly string[] {
  try {
    const { dev, ino } = statSync(file, { bigint: true });
    return [`${dev}:${ino}`];
  } catch {
    return [];
  }
}

/** Writes all of them, or, where that fails, none. @throws CliFailure */
export function writePairs(made: readonly Made[]): readonly Made[] {
  const [folder = '.'] = made.map(each => path.dirname(each.certificate));
  try {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    replaceFiles(
      made.flatMap(({ certificate, key, pair }) => [
        { path: key, content: pair.key, keepOwner: true },
        { path: certificate, content: pair.certificate, mode: modeForAll(certificate), keepOwner: true },
      ]),
    );
    return made;
  } catch (cause) {
    throw new CliFailure(`nothing was written to ${folder}: ${(cause as Error).message}`, 1, { cause });
  }
}

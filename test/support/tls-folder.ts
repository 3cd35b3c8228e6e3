import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CertificateAuthority, KeyPair } from './certificates.ts';
import { temporaryDirectory } from './temporary.ts';

export interface TlsContents extends KeyPair {
  readonly clientCa: string;
}

/** Files of a certificate, its key and an authority, as an operator has them. */
export class TlsFolder {
  readonly folder = temporaryDirectory();
  readonly paths = {
    certificate: join(this.folder, 'tls.crt'),
    key: join(this.folder, 'tls.key'),
    clientCa: join(this.folder, 'ca.crt'),
  };
  #turns = 0;

  /** Writes the files, each put in place of the old one. */
  write(contents: Partial<TlsContents>): void {
    for (const [name, text] of Object.entries(contents)) {
      const file = this.paths[name as keyof TlsContents];
      writeFileSync(`${file}.new`, text);
      renameSync(`${file}.new`, file);
    }
  }

  /** Writes them in a folder beside, and turns a link to it: all change at once. From the first time they are links. */
  turn(contents: TlsContents): void {
    const data = `data-${++this.#turns}`;
    mkdirSync(join(this.folder, data));
    for (const [name, file] of Object.entries(this.paths)) {
      const base = file.slice(this.folder.length + 1);
      writeFileSync(join(this.folder, data, base), contents[name as keyof TlsContents]);
      if (this.#turns > 1) continue;
      rmSync(file, { force: true });
      symlinkSync(join('data', base), file);
    }
    symlinkSync(data, join(this.folder, 'data.new'));
    renameSync(join(this.folder, 'data.new'), join(this.folder, 'data'));
  }
}

/** A pair of the authority, which is that of clients too. */
export function contentsOf(ca: CertificateAuthority, names: readonly string[]): TlsContents {
  return { ...ca.issue({ names }), clientCa: ca.certificate };
}

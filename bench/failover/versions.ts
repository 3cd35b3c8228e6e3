import { readFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import path from 'node:path';

const root = path.join(import.meta.dirname, '..', '..');
const json = (file: string) => JSON.parse(readFileSync(path.join(root, file), 'utf8')) as { readonly version: string };

export const versions = {
  switchyard: `${json('package.json').version} with Envoy ${json('envoy/version.json').version}`,
  node: process.versions.node,
};

/** What the machine is, without its name. */
export function machine(): string {
  const cores = cpus();
  const gigabytes = Math.round(totalmem() / 2 ** 30);
  return `${cores.length} cores (${cores[0]?.model.trim() ?? 'unknown'}), ${gigabytes} GB, ${process.platform} ${process.arch}`;
}

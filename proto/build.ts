import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { ruleTable } from './build/field-rules.ts';
import { fileTable } from './build/file-table.ts';
import { installedSources, loadProtos, packageFolder, protoFiles } from './build/load.ts';
import { modelOf } from './build/model.ts';
import { descriptorTable, serviceDescriptor } from './build/tables.ts';
import { typeModules } from './build/types.ts';

const STAMP = '.stamp';

/**
 * Generates `proto/gen`: types, descriptors, files, field rules and service definitions of the Envoy API.
 *
 * The same inputs give the same bytes. Does nothing when `out` holds what these inputs give, unless `force`. May run several times at once. Returns what it did.
 */
export function buildProtos(out: string, force: boolean): { readonly kind: 'built' | 'fresh'; readonly files: number } {
  const inputs = inputHash();
  if (!force && isFresh(out, inputs)) return { kind: 'fresh', files: 0 };
  const loaded = loadProtos(installedSources());
  const model = modelOf(loaded.root);
  const files = typeModules(model);
  files.set('descriptors.json', json(descriptorTable(model)));
  files.set('files.json', json(fileTable(loaded)));
  files.set('rules.json', json(ruleTable(model)));
  files.set('services.json', json(serviceDescriptor(model.services)));
  mkdirSync(out, { recursive: true });
  for (const [name, text] of files) write(out, name, text);
  for (const name of readdirSync(out))
    if (/^[^.].*\.(ts|json)$/.test(name) && !files.has(name)) rmSync(path.join(out, name));
  write(out, STAMP, [inputs, ...files.keys()].join('\n'));
  return { kind: 'built', files: files.size };
}

function json(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}

/** By renaming, so that a reader never sees half a file and two builds at once do no harm. */
function write(folder: string, name: string, text: string): void {
  const temporary = path.join(folder, `.${name}.${process.pid}`);
  writeFileSync(temporary, text);
  renameSync(temporary, path.join(folder, name));
}

/** The stamp has the hash of the inputs and the names of the files made from them. */
function isFresh(out: string, inputs: string): boolean {
  const stamp = path.join(out, STAMP);
  if (!existsSync(stamp)) return false;
  const [hash, ...names] = readFileSync(stamp, 'utf8').split('\n');
  return hash === inputs && names.every(name => existsSync(path.join(out, name)));
}

/** Of the package versions, the overlay and the build itself. */
function inputHash(): string {
  const hash = createHash('sha256');
  for (const name of ['@grpc/grpc-js-xds', 'protobufjs'])
    hash.update(readFileSync(path.join(packageFolder(name), 'package.json')));
  const overlay = path.join(import.meta.dirname, 'overlay');
  for (const file of protoFiles(overlay)) hash.update(file).update(readFileSync(path.join(overlay, file)));
  const build = path.join(import.meta.dirname, 'build');
  hash.update(readFileSync(import.meta.filename));
  for (const file of readdirSync(build).sort()) hash.update(file).update(readFileSync(path.join(build, file)));
  return hash.digest('hex');
}

function main(): void {
  const { values } = parseArgs({
    options: { out: { type: 'string' }, force: { type: 'boolean', default: false } },
  });
  const started = performance.now();
  const { kind, files } = buildProtos(values.out ?? path.join(import.meta.dirname, 'gen'), values.force);
  const took = ((performance.now() - started) / 1000).toFixed(1);
  console.log(kind === 'fresh' ? 'Envoy API: up to date' : `Envoy API: generated ${files} files in ${took} s`);
}

if (import.meta.main) main();

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import protobuf from 'protobufjs';
import { mergeOverlay } from './overlay.ts';

const require = createRequire(import.meta.url);

/** Files whose messages travel inside `Any` without any field naming them. */
const WELL_KNOWN = ['any', 'duration', 'empty', 'field_mask', 'struct', 'timestamp', 'wrappers'];

/** Where the build reads `.proto` files from. */
export interface ProtoSources {
  /** Import roots, searched in order. */
  readonly roots: readonly string[];
  /** Folder whose files add to, or stand beside, the ones under `roots`. */
  readonly overlay: string;
  /** Folder that holds `google/protobuf/*.proto`. */
  readonly wellKnown: string;
}

/** A file of the API, with what its overlay adds. Its messages and services have its name as their `filename`. */
export interface ProtoFile {
  readonly name: string;
  readonly package: string;
  readonly syntax: 'proto2' | 'proto3';
  readonly imports: readonly string[];
  /** Those of the imports that whoever imports this file gets as well. */
  readonly publicImports: ReadonlySet<string>;
}

export interface LoadedProtos {
  /** Everything, resolved. */
  readonly root: protobuf.Root;
  /** By name. */
  readonly files: ReadonlyMap<string, ProtoFile>;
}

/** The sources of the repository: the Envoy API package, the well-known types of protobufjs, and our overlay. */
export function installedSources(): ProtoSources {
  const deps = path.join(packageFolder('@grpc/grpc-js-xds'), 'deps');
  return {
    roots: ['envoy-api', 'xds', 'protoc-gen-validate', 'googleapis'].map(name => path.join(deps, name)),
    overlay: path.join(import.meta.dirname, '..', 'overlay'),
    wellKnown: packageFolder('protobufjs'),
  };
}

/** Folder of an installed package. Throws with the remedy when it is not installed. */
export function packageFolder(name: string): string {
  try {
    return path.dirname(require.resolve(`${name}/package.json`));
  } catch (cause) {
    throw new Error(`The package ${name} is not installed. Run "npm ci" in the repository and try again.`, { cause });
  }
}

/**
 * Parses every v3 file of the Envoy and xDS APIs, all that they import, and the overlay.
 * Throws when a file is missing, does not parse, or the overlay contradicts what it extends.
 */
export function loadProtos(sources: ProtoSources): LoadedProtos {
  const root = new protobuf.Root();
  const loader = new Loader(sources, root);
  for (const name of WELL_KNOWN) loader.add(`google/protobuf/${name}.proto`);
  for (const folder of sources.roots) {
    for (const file of protoFiles(folder)) if (isWanted(file)) loader.add(file);
  }
  for (const file of protoFiles(sources.overlay)) loader.add(file);
  root.resolveAll();
  return { root, files: loader.files };
}

/** Files below `folder` that end in `.proto`, as sorted import paths with forward slashes. */
export function protoFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter(file => file.endsWith('.proto'))
    .map(file => file.split(path.sep).join('/'))
    .sort();
}

/** What is loaded for its own sake; the rest comes only when one of these imports it. */
export function isWanted(file: string): boolean {
  return /^envoy\/(.*\/)?v3\//.test(file) || /^(grpc|xds|udpa\/type)\//.test(file);
}

class Loader {
  readonly #sources: ProtoSources;
  readonly #root: protobuf.Root;
  readonly #seen = new Set<string>();
  readonly #files = new Map<string, ProtoFile>();

  constructor(sources: ProtoSources, root: protobuf.Root) {
    this.#sources = sources;
    this.#root = root;
  }

  get files(): ReadonlyMap<string, ProtoFile> {
    return this.#files;
  }

  add(file: string): void {
    if (this.#seen.has(file)) return;
    this.#seen.add(file);
    const bundled = protobuf.common.get(file);
    if (bundled?.nested) {
      this.#root.addJSON(bundled.nested);
      tagWithFile(this.#root, file);
      this.#note({ name: file, package: 'google.protobuf', syntax: 'proto3', imports: [], publicImports: new Set() });
      return;
    }
    const { roots, overlay, wellKnown } = this.#sources;
    const base = [...roots, wellKnown].map(folder => path.join(folder, file)).find(candidate => existsSync(candidate));
    if (base !== undefined) this.#parse(base, file, this.#root);
    const extra = path.join(overlay, file);
    if (existsSync(extra)) {
      const parsed = new protobuf.Root();
      this.#parse(extra, file, parsed);
      mergeOverlay(this.#root, parsed, file);
    } else if (base === undefined) {
      throw new Error(
        `${file} is imported but not found. Add a file of that path with the needed messages to ${overlay}.`,
      );
    }
  }

  #parse(location: string, file: string, into: protobuf.Root): void {
    // The published files have CRLF line ends, which would stay in option strings.
    const text = readFileSync(location, 'utf8').replaceAll('\r', '');
    let parsed: protobuf.IParserResult;
    try {
      parsed = protobuf.parse(text, into, { keepCase: true });
    } catch (cause) {
      throw new Error(`${location} does not parse: ${cause instanceof Error ? cause.message : String(cause)}`, {
        cause,
      });
    }
    // Before the imports are read, which would claim what has no file yet.
    tagWithFile(into, file);
    const imports = [...(parsed.imports ?? []), ...(parsed.weakImports ?? [])];
    this.#note({
      name: file,
      package: parsed.package ?? '',
      syntax: /^\s*syntax\s*=\s*["']proto3["']/m.test(text) ? 'proto3' : 'proto2',
      imports,
      // The parser does not tell which they are.
      publicImports: new Set([...text.matchAll(/^\s*import\s+public\s+["'](.+)["']/gm)].map(match => match[1] ?? '')),
    });
    for (const imported of imports) this.add(imported);
  }

  /** A file and its overlay are one. */
  #note(file: ProtoFile): void {
    const known = this.#files.get(file.name);
    const imports = [...new Set([...(known?.imports ?? []), ...file.imports])];
    const publicImports = new Set([...(known?.publicImports ?? []), ...file.publicImports]);
    this.#files.set(file.name, { ...file, ...known, imports, publicImports });
  }
}

/** Remembers the declaring file on everything that has none yet: it decides what is generated. */
function tagWithFile(namespace: protobuf.NamespaceBase, file: string): void {
  for (const child of namespace.nestedArray) {
    child.filename ??= file;
    if (child instanceof protobuf.Namespace) tagWithFile(child, file);
  }
}

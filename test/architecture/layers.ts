import { readdirSync, readFileSync } from 'node:fs';
import { builtinModules } from 'node:module';
import { dirname, join, relative } from 'node:path';
import { type Import, importsOf, maskText } from './imports.ts';

/** What of ours a folder of `src` may import: a folder, one file of it, or only the types of a folder. */
export const allowed: Readonly<Record<string, readonly string[]>> = {
  base: ['proto (types)'],
  policy: ['base'],
  ir: ['base', 'policy'],
  translate: ['base', 'ir', 'policy (types)', 'proto'],
  snapshot: ['base', 'proto'],
  import: ['base', 'policy', 'ir'],
  xds: ['base', 'snapshot', 'proto'],
  trace: ['base', 'proto (types)'],
  store: ['base', 'policy'],
  sources: ['base', 'policy', 'store'],
  fleet: ['base', 'snapshot', 'xds/events.ts', 'xds/limits.ts'],
  library: ['base', 'snapshot', 'xds', 'fleet', 'proto'],
  control: ['base', 'policy', 'ir', 'translate', 'snapshot', 'store'],
  events: ['base'],
  access: ['base', 'store'],
  admin: ['base', 'policy', 'store', 'control', 'fleet', 'snapshot', 'trace', 'events', 'access'],
  cli: [
    'base',
    'policy',
    'ir',
    'translate',
    'snapshot',
    'trace',
    'import',
    'store/replace-file.ts',
    'admin/api.ts',
    'admin/api/operation.ts',
    'admin/api/request.ts',
    'proto (types)',
  ],
};

/** Where a package may be imported: a folder, a file, `root` for the files directly in `src`, or a folder's types only. */
const packages: Readonly<Record<string, readonly string[]>> = {
  // The edges, where what comes in is parsed; what the store reads back is one.
  zod: ['policy', 'admin', 'store', 'access', 'root'],
  re2js: ['policy', 'ir', 'trace'],
  yaml: ['policy', 'cli', 'admin', 'root'],
  '@grpc/grpc-js': ['xds/grpc-js.ts', 'xds/service.ts (types)', 'library (types)', 'root'],
  '@grpc/proto-loader': ['root'],
  // Requests are scanned field by field, which the codec does not offer.
  protobufjs: ['xds'],
  hono: ['admin'],
  '@hono/zod-openapi': ['admin'],
  '@hono/node-server': ['admin', 'root'],
  // They load slowly, and only to make certificates; the second is what the first needs.
  '@peculiar/x509': ['certificate-maker.ts'],
  'reflect-metadata': ['certificate-maker.ts'],
  commander: ['cli'],
  chokidar: ['sources'],
  // The root makes the one logger and hands it on.
  pino: ['root', 'admin (types)', 'control (types)', 'sources (types)', 'xds/service.ts (types)'],
  'prom-client': ['admin', 'root'],
};

/** The stages: functions of their input alone, which know no clock, no chance, no file, no socket and no log. */
const pureLayers = new Set(['base', 'policy', 'ir', 'translate', 'snapshot', 'xds', 'trace', 'import']);

/** The executable joins the command line with the root, so it counts as one of the root's files. */
const executable = 'cli/main.ts';

/** The files of the stages that talk to the world. */
const impureFiles = new Set([
  'xds/pacer.ts',
  'xds/service.ts',
  'xds/grpc-js.ts',
  'xds/rpc.ts',
  'xds/methods.ts',
  'xds/http2-stream.ts',
  'xds/http2/transport.ts',
  'xds/http2/connection.ts',
  'xds/http2/call.ts',
  'xds/client-driver.ts',
  'xds/throttle.ts',
  'xds/tls.ts',
]);

/** What a stage may take of Node: names, or all of a module. */
const pureBuiltins: Readonly<Record<string, readonly string[] | 'all'>> = {
  'node:crypto': ['createHash', 'hash'],
  'node:buffer': 'all',
  'node:net': ['isIP', 'isIPv4', 'isIPv6'],
  'node:path': 'all',
  'node:util': 'all',
};

const impureWords =
  /\b(?:Date\.now|new Date\(\)|Math\.random|performance\.now|console\.\w+|setTimeout|setInterval|fetch\()/g;

export interface Violation {
  readonly file: string;
  readonly line: number;
  readonly message: string;
}

/** Every breach of the layers in the `src` and `proto` of a checkout. */
export function violationsIn(root: string): readonly Violation[] {
  const src = join(root, 'src');
  return [
    ...sourceFiles(src).flatMap(file => checkFile(root, relative(src, file), readFileSync(file, 'utf8'))),
    ...sourceFiles(join(root, 'proto')).flatMap(file => checkProto(root, file, readFileSync(file, 'utf8'))),
  ];
}

/** All TypeScript files under a folder, sorted; generated code left out. */
export function sourceFiles(folder: string): readonly string[] {
  return readdirSync(folder, { withFileTypes: true })
    .flatMap(entry => {
      const path = join(folder, entry.name);
      if (entry.isDirectory()) return entry.name === 'gen' ? [] : sourceFiles(path);
      return entry.name.endsWith('.ts') ? [path] : [];
    })
    .sort();
}

function checkFile(root: string, file: string, source: string): readonly Violation[] {
  const at = (line: number, message: string): Violation => ({ file: `src/${file}`, line, message });
  const layer = layerOf(file);
  if (layer !== 'root' && allowed[layer] === undefined) {
    return [at(1, `the folder src/${layer} has no place among the layers: give it one in test/architecture/layers.ts`)];
  }
  const found = importsOf(source).flatMap(each => {
    const message = objection(root, file, each);
    return message === undefined ? [] : [at(each.line, message)];
  });
  const masked = maskText(source);
  const forbid = (pattern: RegExp, message: string): void => {
    for (const match of masked.matchAll(pattern)) {
      found.push(at(masked.slice(0, match.index).split('\n').length, `${match[0]}: ${message}`));
    }
  };
  if (file !== 'settings.ts') forbid(/\bprocess\.env\b/g, 'only src/settings.ts reads the environment');
  forbid(/\b(?:createRequire|getBuiltinModule|require\()/g, 'modules are imported, so that the layers can be seen');
  if (pureLayers.has(layer) && !impureFiles.has(file)) forbid(impureWords, `${layer} is a pure stage`);
  return found;
}

function objection(root: string, file: string, each: Import): string | undefined {
  const { specifier } = each;
  const layer = layerOf(file);
  if (specifier === undefined) {
    return layer === 'sources' ? undefined : 'a computed import is only for sources, which load what users wrote';
  }
  if (specifier.startsWith('.')) return objectionToOurs(root, file, each, specifier);
  const builtin = specifier.startsWith('node:') || builtinModules.includes(specifier);
  if (builtin) return objectionToNode(file, each, specifier);
  const name = specifier.split('/', specifier.startsWith('@') ? 2 : 1).join('/');
  const places = packages[name];
  if (places === undefined) return `the package ${name} has no place among the layers`;
  const own = [layer, file, ...(each.typesOnly ? [`${layer} (types)`, `${file} (types)`] : [])];
  if (own.some(place => places.includes(place))) return undefined;
  return `the package ${name} is only for ${places.join(', ')}`;
}

function objectionToOurs(root: string, file: string, each: Import, specifier: string): string | undefined {
  const target = relative(root, join(root, 'src', dirname(file), specifier));
  const layer = layerOf(file);
  if (layer === 'root' && /^(?:src|proto)\/|^package\.json$/.test(target)) return undefined;
  const rules = allowed[layer] ?? [];
  const [top = '', ...rest] = target.split('/');
  const inside = top === 'src' ? rest.join('/') : target;
  const to = top === 'src' ? layerOf(inside) : top;
  if (top === 'src' && (to === layer || rules.includes(inside))) return undefined;
  if ((top === 'src' || top === 'proto') && rules.includes(to)) return undefined;
  if ((top === 'src' || top === 'proto') && rules.includes(`${to} (types)`)) {
    return each.typesOnly ? undefined : `${layer} may import only types of ${to}, not ${specifier}`;
  }
  return `${layer} may not import ${target}`;
}

function objectionToNode(file: string, each: Import, specifier: string): string | undefined {
  if (!specifier.startsWith('node:')) return `${specifier} is written node:${specifier}`;
  const layer = layerOf(file);
  if (!pureLayers.has(layer) || impureFiles.has(file) || each.typesOnly) return undefined;
  const names = pureBuiltins[specifier];
  if (names === 'all') return undefined;
  if (names !== undefined && each.names?.every(name => names.includes(name)) === true) return undefined;
  return `${layer} is a pure stage: it may not import ${specifier}${names ? ` but ${names.join(', ')}` : ''}`;
}

function checkProto(root: string, file: string, source: string): readonly Violation[] {
  return importsOf(source).flatMap(({ specifier, line }) => {
    if (specifier === undefined || !specifier.startsWith('.')) return [];
    const target = relative(root, join(dirname(file), specifier));
    if (target.startsWith('proto/')) return [];
    return [{ file: relative(root, file), line, message: `proto may not import ${target}` }];
  });
}

function layerOf(file: string): string {
  if (file === executable) return 'root';
  return file.includes('/') ? (file.split('/')[0] ?? '') : 'root';
}

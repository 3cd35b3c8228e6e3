import { readdir, stat } from 'node:fs/promises';
import { dirname, extname, join, relative, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { type Problem, problem, type SourceSpan } from '../base/problem.ts';
import { environmentOf, type Variables } from '../policy/placeholders.ts';
import type { StoredDocument } from '../store/store.ts';
import { loadModule } from './module-loader.ts';
import { codeOf, readText, stateOf, tellsApart } from './read-text.ts';

/** Kinds of file by ending. */
const formats: Readonly<Record<string, StoredDocument['format']>> = {
  '.yaml': 'yaml',
  '.yml': 'yaml',
  '.json': 'json',
  '.ts': 'module',
  '.mts': 'module',
  '.js': 'module',
  '.mjs': 'module',
};

/** Bytes of one file (P26). */
const longestFile = 1024 * 1024;
const mostFiles = 1000;
const deepestFolder = 8;

/** A state of files that tells two moments apart; texts of it are compared, never read. */
export type Stamp = string;

export interface PolicyFiles {
  /** In the order of their names. */
  readonly documents: readonly StoredDocument[];
  /** What kept files from being read; `documents` lacks these. */
  readonly problems: readonly Problem[];
  /** Files that the modules have imported, absolute. */
  readonly imported: readonly string[];
}

export interface ReadOptions {
  readonly signal: AbortSignal;
  /** Variables that policy files may name; absent: none is set. */
  readonly variables?: Variables;
  /** The document of a file that has not changed since that was read, if there is one. Absent: all are read. */
  readonly known?: (file: string) => StoredDocument | undefined;
  /** Longest run of one TypeScript or JavaScript file, in milliseconds. */
  readonly moduleTimeoutMs?: number;
}

/**
 * Reads policy from a file, or from all files of policy in a folder and its subfolders. Names that begin with `.` or `_`
 * and `node_modules` are passed over, so that modules may share code. What cannot be read is a problem.
 *
 * @throws the signal's reason when that ends it.
 */
export async function readPolicyFiles(path: string, options: ReadOptions): Promise<PolicyFiles> {
  const found = await list(path);
  const documents: StoredDocument[] = [];
  const problems: Problem[] = [...found.problems];
  const imported: string[] = [];
  for (const file of found.files) {
    options.signal.throwIfAborted();
    const known = options.known?.(file);
    const read = known ? { document: known, imported: [] } : await readOne(file, options);
    if (read.document) documents.push(read.document);
    if (read.problem) problems.push(read.problem);
    imported.push(...read.imported);
  }
  const environment = environmentOf(documents, options.variables ?? none);
  return { documents: environment ? [...documents, environment] : documents, problems, imported };
}

const none: Variables = () => undefined;

/** The state of the files that {@link readPolicyFiles} reads, and of `more`. Never throws. */
export async function stampOf(path: string, more: readonly string[]): Promise<Stamp> {
  const { files, problems } = await list(path);
  const states = await Promise.all([...files, ...more].map(async file => `${file} ${await stateOf(file)}`));
  return [...states, ...problems.map(each => each.message)].join('\n');
}

/**
 * The documents that stand in their files for as long as those are as in the stamp, which was taken before and after they
 * were read, at an instant. Of a module others decide as well.
 */
export function documentsBy(stamp: Stamp, documents: readonly StoredDocument[], at: number): Known {
  const byFile = new Map(documents.map(each => [each.file, each]));
  const found = [...statesIn(stamp)].flatMap(([file, state]) => {
    const document = byFile.get(file);
    return document && document.format !== 'module' && tellsApart(state, at)
      ? [[file, { state, document }] as const]
      : [];
  });
  return new Map(found);
}

export type Known = ReadonlyMap<string, { readonly state: string; readonly document: StoredDocument }>;

/** The state of each file. */
export function statesIn(stamp: Stamp): ReadonlyMap<string, string> {
  return new Map(
    stamp.split('\n').map(line => {
      const end = line.lastIndexOf(' ino=');
      return [line.slice(0, end), line.slice(end)] as const;
    }),
  );
}

/** The files of a stamp that hold nothing, and those of `before` that it no longer has: signs of a save in progress. */
export function looksUnfinished(stamp: Stamp, before: Stamp | undefined): boolean {
  if (/ size=0 /.test(stamp)) return true;
  const names = (text: Stamp) => text.split('\n').map(line => line.slice(0, line.lastIndexOf(' ino=')));
  const now = new Set(names(stamp));
  return before !== undefined && names(before).some(name => !now.has(name));
}

interface Listing {
  readonly files: readonly string[];
  readonly problems: readonly Problem[];
}

async function list(path: string): Promise<Listing> {
  try {
    const found = await stat(path, { bigint: true });
    if (!found.isDirectory()) {
      const known = formats[extname(path)] !== undefined && !path.endsWith('.d.ts');
      return known ? { files: [path], problems: [] } : { files: [], problems: [unknownFormat(path)] };
    }
    const files = (await listFolder(path, 0, new Set([identityOf(found)]))).sort();
    if (files.length > mostFiles) {
      const message = `the folder has ${files.length} files of policy; at most ${mostFiles} are read`;
      return {
        files: [],
        problems: [fileProblem('file.too_large', path, message, 'is it the folder that you meant?')],
      };
    }
    if (files.length > 0) return { files, problems: [] };
    const message = `the folder ${path} holds no file of policy`;
    const hint = `add a file that ends in ${Object.keys(formats).join(', ')}; names that begin with . or _ are passed over`;
    return { files: [], problems: [fileProblem('file.unreadable', path, message, hint)] };
  } catch (error) {
    return { files: [], problems: [unreadable(path, error)] };
  }
}

/** `seen`: folders that were listed already, so that links which lead back are not followed round and round. */
async function listFolder(folder: string, depth: number, seen: Set<string>): Promise<string[]> {
  const files: string[] = [];
  const entries = (await readdir(folder, { withFileTypes: true })).filter(
    ({ name }) => !/^[._]/.test(name) && name !== 'node_modules',
  );
  // Links last: a folder of this tree is then listed at its own place.
  for (const entry of entries.sort((a, b) => Number(a.isSymbolicLink()) - Number(b.isSymbolicLink()))) {
    const path = join(folder, entry.name);
    const inner = entry.isSymbolicLink() || entry.isDirectory() ? await folderAt(path) : undefined;
    if (inner !== undefined) {
      if (depth >= deepestFolder || seen.has(inner)) continue;
      seen.add(inner);
      files.push(...(await listFolder(path, depth + 1, seen)));
    } else if (formats[extname(entry.name)] && !entry.name.endsWith('.d.ts')) files.push(path);
  }
  return files;
}

/** @returns undefined when it is no folder; a link that leads nowhere counts as a file, so that it is reported. */
async function folderAt(path: string): Promise<string | undefined> {
  try {
    const found = await stat(path, { bigint: true });
    return found.isDirectory() ? identityOf(found) : undefined;
  } catch {
    return undefined;
  }
}

const identityOf = ({ dev, ino }: { readonly dev: bigint; readonly ino: bigint }): string => `${dev}:${ino}`;

interface ReadFile {
  readonly document?: StoredDocument;
  readonly problem?: Problem;
  readonly imported: readonly string[];
}

async function readOne(file: string, options: ReadOptions): Promise<ReadFile> {
  const format = formats[extname(file)] ?? 'yaml';
  if (format === 'module') return readModule(file, options);
  try {
    const text = await readText(file, longestFile);
    if (text === undefined) {
      const message = `the file is larger than ${longestFile} bytes`;
      return {
        problem: fileProblem('file.too_large', file, message, 'split it into several files of one folder'),
        imported: [],
      };
    }
    if (text.trim() === '') {
      const hint = 'save it again; or remove it, if nothing is meant to stand in it';
      const message = `${file} is empty: was it cut off while it was saved?`;
      return { problem: fileProblem('file.unreadable', file, message, hint), imported: [] };
    }
    return { document: { file, format, text }, imported: [] };
  } catch (error) {
    return { problem: unreadable(file, error), imported: [] };
  }
}

async function readModule(file: string, { signal, moduleTimeoutMs = 10_000 }: ReadOptions): Promise<ReadFile> {
  const reply = await loadModule(resolve(file), { signal, timeoutMs: moduleTimeoutMs });
  const imported = reply.files.filter(each => each !== resolve(file));
  if (reply.kind === 'loaded') return { document: { file, format: 'module', text: reply.json }, imported };
  const found = problem(
    'file.module_failed',
    [],
    `the module failed: ${firstLine(reply.message)}`,
    'run it with node to see more',
  );
  const span = spanInStack(reply.stack, reply.files);
  return {
    problem: { ...found, source: span ? { ...span, file: asGiven(span.file, file) } : { file, line: 1, column: 1 } },
    imported,
  };
}

/** The absolute path as seen from where the policy's own path is: relative if that one is. */
const asGiven = (path: string, policy: string): string =>
  join(dirname(policy), relative(dirname(resolve(policy)), path));

/** The innermost place in a stack that lies in one of the files. */
function spanInStack(stack: string, files: readonly string[]): SourceSpan | undefined {
  for (const [, path, line, column] of stack.matchAll(/(?:file:\/\/)?(\/[^\n():]+):(\d+)(?::(\d+))?/g)) {
    const file = files.find(each => each === path || pathToFileURL(each).pathname === path);
    if (file) return { file, line: Number(line), column: Number(column ?? 1) };
  }
  return undefined;
}

const firstLine = (text: string): string => text.split('\n', 1)[0] ?? '';

function unknownFormat(path: string): Problem {
  const message = `${path} is no file of policy by its ending`;
  return fileProblem('file.unknown_format', path, message, `rename it to end in ${Object.keys(formats).join(', ')}`);
}

function unreadable(file: string, error: unknown): Problem {
  const code = codeOf(error);
  const known: Readonly<Record<string, readonly [string, string]>> = {
    ENOENT: ['does not exist', 'create it, or say where the policy is with --policy'],
    EACCES: ['may not be read by this user', 'give the user that Switchyard runs as leave to read it'],
    ERR_ENCODING_INVALID_ENCODED_DATA: ['is not UTF-8 text', 'save it as UTF-8'],
  };
  const [why, hint] = known[code] ?? [`cannot be read: ${error instanceof Error ? error.message : code}`, undefined];
  return fileProblem('file.unreadable', file, `${file} ${why}`, hint);
}

function fileProblem(code: Problem['code'], file: string, message: string, hint?: string): Problem {
  return { ...problem(code, [], message, hint), source: { file, line: 1, column: 1 } };
}

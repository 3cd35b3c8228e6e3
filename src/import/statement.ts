import { type Problem, type ProblemCode, problem } from '../base/problem.ts';

/** Where something stands in the file that is imported. Lines and columns count from 1. */
export interface SourcePlace {
  readonly file: string;
  readonly line: number;
  readonly column: number;
}

/** One directive of a file that is imported, with what stands below it. */
export interface Statement extends SourcePlace {
  readonly name: string;
  readonly args: readonly string[];
  /** What stands between its braces, or below its heading. Absent: it has no such part. */
  readonly body?: readonly Statement[];
}

/** What a text holds; a problem where it cannot be read. */
export interface Statements {
  readonly statements: readonly Statement[];
  readonly problems: readonly Problem[];
}

/** Reads files for an import. */
export interface ImportFiles {
  /** The text of a file, which is asked for at a place. */
  read(path: string, at: SourcePlace): { readonly text: string } | { readonly problem: Problem };
  /** The files that a pattern names, sorted; a pattern without `*`, `?` and `[` names itself. */
  match(pattern: string, at: SourcePlace): readonly string[] | { readonly problem: Problem };
}

/** Limits that keep a file from costing more than its worth. */
export const importLimits = {
  /** Bytes of one file. */
  bytes: 4_194_304,
  /** Blocks inside each other, and files that include each other. */
  depth: 32,
  /** Directives of all files together. */
  statements: 50_000,
  /** Files that are read. */
  files: 1000,
  /** Letters of all files together. */
  letters: 16_777_216,
  /** Words of one directive. */
  words: 4096,
  /** Rules that one directive may become. */
  alternatives: 64,
  /** Rules of a route, which is what a server or frontend becomes. */
  rules: 1000,
  /** Hosts of a frontend times what is asked of each. */
  combinations: 250_000,
  /** Lines of all sections of HAProxy, with those of their defaults. */
  expanded: 500_000,
  /** Endpoints of a service. */
  endpoints: 10_000,
  /** Ports. */
  gateways: 256,
  /** Different regular expressions. */
  regexes: 2000,
} as const;

/** A problem at a place of the file that is imported. */
export function placed(
  code: ProblemCode,
  { file, line, column }: SourcePlace,
  message: string,
  hint?: string,
): Problem {
  return { ...problem(code, [], message, hint), source: { file, line, column } };
}

/** A text that is no text of this kind: bytes of something else. */
export function binaryProblem(file: string, text: string): Problem | undefined {
  const at = text.search(/[\0\ufffd]/);
  if (at < 0) return undefined;
  const before = text.slice(0, at).split('\n');
  const place = { file, line: before.length, column: (before.at(-1)?.length ?? 0) + 1 };
  return placed('import.unreadable', place, 'the file is no text in UTF-8', 'name a configuration file');
}

/** The directive as it was written, cut to one short line. */
export function written({ name, args }: Statement): string {
  const text = [name, ...args].join(' ').replaceAll(/\s+/g, ' ');
  return text.length > 80 ? `${text.slice(0, 77)}…` : text;
}

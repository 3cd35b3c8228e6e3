import type { Problem } from '../base/problem.ts';
import {
  type ImportFiles,
  importLimits,
  placed,
  type SourcePlace,
  type Statement,
  type Statements,
} from './statement.ts';

/** Reads the files of an import, as far as their limits together allow; the first mistake ends it. */
export class Reader {
  #problem: Problem | undefined;
  #files = 0;
  #letters = 0;
  #statements = 0;
  readonly #source: ImportFiles;
  readonly #read: (file: string, text: string) => Statements;

  constructor(source: ImportFiles, read: (file: string, text: string) => Statements) {
    this.#source = source;
    this.#read = read;
  }

  get problem(): Problem | undefined {
    return this.#problem;
  }

  /** What a file holds; nothing once something went wrong. `at`: where it is asked for. */
  file(path: string, at: SourcePlace = { file: path, line: 1, column: 1 }): readonly Statement[] {
    if (this.#problem) return [];
    this.#files += 1;
    if (this.#files > importLimits.files) return this.fail(at, `there are more than ${importLimits.files} files`);
    const found = this.#source.read(path, at);
    if ('problem' in found) {
      this.#problem = found.problem;
      return [];
    }
    this.#letters += found.text.length;
    if (this.#letters > importLimits.letters)
      return this.fail(at, `the files have more than ${importLimits.letters} letters together`);
    const { statements, problems } = this.#read(path, found.text);
    this.#problem = problems[0];
    return this.#problem ? [] : statements;
  }

  /** The files that a pattern names. */
  match(pattern: string, at: SourcePlace): readonly string[] {
    if (this.#problem) return [];
    const found = this.#source.match(pattern, at);
    if (!('problem' in found)) return found;
    this.#problem = found.problem;
    return [];
  }

  /** Counts directives of all files. False: there are too many, or something went wrong before. */
  counts(at: Statement): boolean {
    this.#statements += 1;
    if (!this.#problem && this.#statements > importLimits.statements)
      this.fail(at, `there are more than ${importLimits.statements} directives`);
    return this.#problem === undefined;
  }

  fail(at: SourcePlace, message: string): readonly [] {
    this.#problem ??= placed('import.unreadable', at, message);
    return [];
  }
}

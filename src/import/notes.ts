import type { PolicyPath, Problem } from '../base/problem.ts';
import { placed, type Statement, written } from './statement.ts';

/** What is known of a directive that has no counterpart. */
export interface Absent {
  /** `policy`: it changes what requests get. `process`: it says how the program itself runs. */
  readonly about: 'policy' | 'process';
  readonly hint?: string;
}

/**
 * Keeps account of an import: each directive is taken, told of, or set aside, so that none is lost without a word.
 */
export class Notes {
  readonly #taken = new Set<Statement>();
  readonly #told = new Set<string>();
  readonly #places = new Map<Statement, PolicyPath>();
  readonly #origins = new Map<string, Statement>();
  #problems: Problem[] = [];
  readonly #aside: Statement[] = [];

  get problems(): readonly Problem[] {
    return this.#problems.toSorted(
      (a, b) =>
        (a.source?.file ?? '').localeCompare(b.source?.file ?? '') || (a.source?.line ?? 0) - (b.source?.line ?? 0),
    );
  }

  /** What says how the imported program itself runs. */
  get aside(): readonly Statement[] {
    return this.#aside;
  }

  /** It is in the policy as it was meant. */
  take(...statements: readonly Statement[]): void {
    for (const each of statements) this.#taken.add(each);
  }

  /** It has become what stands there. */
  became(statement: Statement, path: PolicyPath): void {
    this.#taken.add(statement);
    if (!this.#places.has(statement)) this.#places.set(statement, path);
    const key = keyOf(path);
    if (!this.#origins.has(key)) this.#origins.set(key, statement);
  }

  /** Where it stands in the policy. */
  placeOf(statement: Statement): PolicyPath | undefined {
    return this.#places.get(statement);
  }

  /** What the nearest part of the policy around a path has come from, and the path of that part. */
  originOf(path: PolicyPath): { readonly statement: Statement; readonly path: PolicyPath } | undefined {
    for (let depth = path.length; depth > 0; depth -= 1) {
      const part = path.slice(0, depth);
      const statement = this.#origins.get(keyOf(part));
      if (statement) return { statement, path: part };
    }
    return undefined;
  }

  /** An item of a list of the policy is gone: those behind it move up. */
  dropped(list: PolicyPath, index: number): void {
    const moved = (path: PolicyPath): PolicyPath => {
      const at = path[list.length];
      if (typeof at !== 'number' || at <= index || list.some((part, depth) => part !== path[depth])) return path;
      return [...list, at - 1, ...path.slice(list.length + 1)];
    };
    const gone = keyOf([...list, index]).slice(0, -1);
    const kept = [...this.#origins].filter(([key]) => !(key.startsWith(gone) && /[,\]]/.test(key[gone.length] ?? '')));
    const origins = kept.map(([key, each]) => [keyOf(moved(JSON.parse(key) as PolicyPath)), each] as const);
    this.#origins.clear();
    for (const [key, each] of origins) if (!this.#origins.has(key)) this.#origins.set(key, each);
    this.#problems = this.#problems.map(each => ({ ...each, path: moved(each.path) }));
  }

  /** It is in the policy, and means something else there. */
  changed(statement: Statement, path: PolicyPath, difference: string, hint?: string): void {
    this.#tell('import.changed', statement, path, `"${written(statement)}" is taken in part: ${difference}`, hint);
  }

  /** It is not in the policy. */
  left(statement: Statement, path: PolicyPath, reason?: string, hint?: string): void {
    const because = reason === undefined ? ', which has no counterpart' : `: ${reason}`;
    this.#tell('import.left_out', statement, path, `"${written(statement)}" is left out${because}`, hint);
  }

  /** A block as a whole is not in the policy; nothing is said of what stands in it. */
  leftWhole(block: Statement, path: PolicyPath, reason: string, hint?: string): void {
    this.#cover(block);
    this.left(block, path, reason, hint);
  }

  #cover(block: Statement): void {
    this.#taken.add(block);
    for (const each of block.body ?? []) this.#cover(each);
  }

  /** Tells of every directive of a block that nothing took. `path`: where the block has become what it has. */
  rest(statements: readonly Statement[], about: (statement: Statement) => Absent, path: PolicyPath = []): void {
    for (const each of statements) {
      if (this.#taken.has(each)) {
        if (each.body) this.rest(each.body, about, this.placeOf(each) ?? path);
        continue;
      }
      const { about: kind, hint } = about(each);
      this.#taken.add(each);
      if (kind === 'process') this.#aside.push(each);
      else this.left(each, path, undefined, hint);
    }
  }

  #tell(code: 'import.changed' | 'import.left_out', at: Statement, path: PolicyPath, text: string, hint?: string) {
    this.#taken.add(at);
    const key = `${at.file}:${at.line}:${at.column} ${text}`;
    if (this.#told.has(key)) return;
    this.#told.add(key);
    this.#problems.push({ ...placed(code, at, text, hint), path });
  }
}

const keyOf = (path: PolicyPath): string => JSON.stringify(path);

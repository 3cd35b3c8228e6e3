import type { PolicyPath, ProblemCode } from '../base/problem.ts';
import type { Place } from './source-map.ts';

/** A text of policy with the name of its file. `module`: JSON of the value that a TypeScript module exported. */
export interface PolicyDocument {
  readonly file: string;
  readonly format: 'yaml' | 'json' | 'module';
  readonly text: string;
}

/** A mistake in one document: like a problem, but placed by offset, or by its path where there is no offset. */
export interface Mistake {
  readonly code: ProblemCode;
  readonly path: PolicyPath;
  readonly message: string;
  readonly hint?: string | undefined;
  readonly offset?: number | undefined;
}

/** One value of a text, as plain data, with the places of everything in it. */
export interface ReadValue {
  readonly value: unknown;
  /** Made when it is first asked for, since few texts have problems. */
  readonly place: () => Place;
}

/** What a text holds. Never thrown: what cannot be read is a mistake. */
export interface Reading {
  readonly values: readonly ReadValue[];
  readonly mistakes: readonly Mistake[];
}

/** Limits that keep a document from costing more than its worth (P26). */
export const limits = {
  /** Bytes of UTF-8 in one document. */
  bytes: 1_048_576,
  /** Collections inside each other. */
  depth: 64,
  /** Uses of anchors in one file. */
  aliases: 100,
  /** Values that all aliases of one file may stand for together. */
  aliasedValues: 50_000,
  /** Documents in one file. */
  documents: 1000,
  /** Syntax mistakes shown of one file. */
  mistakes: 5,
} as const;

/** Keys that reach into JavaScript's objects; refused wherever they stand (P26). */
export const forbiddenKeys: ReadonlySet<string> = new Set(['__proto__', 'constructor', 'prototype']);

export function forbiddenKey(key: string, path: PolicyPath, offset: number): Mistake {
  return {
    code: 'syntax.forbidden_key',
    path,
    offset,
    message: `the key ${JSON.stringify(key)} is not allowed`,
    hint: 'choose another name',
  };
}

export function duplicateKey(key: string, path: PolicyPath, offset: number): Mistake {
  return {
    code: 'syntax.duplicate_key',
    path,
    offset,
    message: `the key ${quote(key)} is written twice in the same mapping`,
    hint: 'remove one of them, or give it another name',
  };
}

export function tooDeep(path: PolicyPath, offset: number): Mistake {
  return {
    code: 'syntax.too_deep',
    path,
    offset,
    message: `nests more than ${limits.depth} levels deep`,
    hint: 'a policy needs about ten; look for a bracket or an indent that never ends',
  };
}

/** A text in quotes, cut where it is long. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 80 ? `${text.slice(0, 77)}...` : text);
}

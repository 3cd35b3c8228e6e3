import type { Override } from '../policy/operational-state.ts';

/** A file of policy as it was accepted; `value` stands for documents that came as data (TypeScript, API). */
export interface StoredDocument {
  readonly file: string;
  readonly format: 'yaml' | 'json' | 'module';
  readonly text: string;
}

/** One accepted change of the declared policy. */
export interface Revision {
  /** Counts from 1. */
  readonly number: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly author: string;
  readonly source: 'file' | 'api' | 'cli';
  readonly reason: string;
  readonly documents: readonly StoredDocument[];
}

/** What survives restarts. A write is durable when the call returns (P3). Failures throw `StoreError` and change nothing. */
export interface Store {
  latestRevision(): Revision | undefined;
  /** @returns the revision with its number. Equal documents to the latest: no new revision, the latest is returned. */
  acceptRevision(revision: Omit<Revision, 'number'>): Revision;
  overrides(): readonly Override[];
  /** Puts in place of the override of the same rule or endpoint. */
  putOverride(override: Override): void;
  /** @returns whether there was one. */
  deleteOverride(override: OverrideKey): boolean;
  /** Last good answers of name resolution, so that a restart compiles the same bytes. */
  resolvedNames(): ReadonlyMap<string, readonly string[]>;
  putResolvedName(host: string, addresses: readonly string[]): void;
  close(): void;
}

export type OverrideKey =
  | { readonly kind: 'shift'; readonly route: string; readonly rule: string }
  | { readonly kind: 'endpoint'; readonly service: string; readonly address: string };

/** The store could not read or write. `kind` says what an operator can do about it. */
export class StoreError extends Error {
  readonly kind: 'full' | 'locked' | 'damaged' | 'io';
  constructor(kind: StoreError['kind'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StoreError';
    this.kind = kind;
  }
}

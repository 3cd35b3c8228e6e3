import type { Override, Quarantine } from '../policy/operational-state.ts';

/** A file of policy as it was accepted. `module`: a TypeScript or JavaScript file; `text` is its default export as JSON. */
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
  /** @returns undefined when there is none, it is no longer kept (the last 100 at least are), or it is damaged. */
  revision(number: number): Revision | undefined;
  overrides(): readonly Override[];
  /** Puts in place of the override of the same rule or endpoint. */
  putOverride(override: Override): void;
  /** @returns whether there was one. */
  deleteOverride(override: OverrideKey): boolean;
  /** Puts and deletes several, all at once: either all of it is stored or nothing. */
  changeOverrides(change: OverrideChange): void;
  quarantines(): readonly Quarantine[];
  /** Puts in place of the quarantine of the same resource. */
  putQuarantine(quarantine: Quarantine): void;
  /** @returns whether there was one. */
  deleteQuarantine(quarantine: QuarantineKey): boolean;
  /** Last good answers of name resolution, so that a restart compiles the same bytes. */
  resolvedNames(): ReadonlyMap<string, readonly string[]>;
  /** All at once, since each write waits for the disk. A name without addresses is forgotten. */
  changeResolvedNames(changes: NameChanges): void;
  close(): void;
}

/** Host name → its last good addresses, or undefined to forget it. */
export type NameChanges = ReadonlyMap<string, readonly string[] | undefined>;

export type OverrideKey =
  | { readonly kind: 'shift'; readonly route: string; readonly rule: string }
  | { readonly kind: 'endpoint'; readonly service: string; readonly address: string }
  | { readonly kind: 'maintenance'; readonly of: 'service' | 'route'; readonly name: string };

/** What is put in place of overrides of the same things, and what is deleted. */
export interface OverrideChange {
  readonly put: readonly Override[];
  readonly end: readonly OverrideKey[];
}

/** One text per override that there can be at a time. */
export function overrideId(key: OverrideKey): string {
  if (key.kind === 'shift') return JSON.stringify([key.kind, key.route, key.rule]);
  if (key.kind === 'endpoint') return JSON.stringify([key.kind, key.service, key.address]);
  return JSON.stringify([key.kind, key.of, key.name]);
}

/** A resource of a fleet. */
export type QuarantineKey = Pick<Quarantine, 'fleet' | 'typeUrl' | 'name'>;

/** One text per quarantine that there can be at a time. */
export function quarantineId({ fleet, typeUrl, name }: QuarantineKey): string {
  return JSON.stringify([fleet, typeUrl, name]);
}

/** True if the two sets of documents are the same, in the same order. */
export function sameDocuments(a: readonly StoredDocument[], b: readonly StoredDocument[]): boolean {
  return (
    a.length === b.length &&
    a.every((each, index) => {
      const other = b[index];
      return other?.file === each.file && other.format === each.format && other.text === each.text;
    })
  );
}

/** The store could not read or write. `kind` says what an operator can do about it. */
export class StoreError extends Error {
  readonly kind: 'full' | 'locked' | 'damaged' | 'io';
  constructor(kind: StoreError['kind'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'StoreError';
    this.kind = kind;
  }
}

import type { Override, Quarantine } from '../policy/operational-state.ts';

/** A file of policy as it was accepted. `module`: a TypeScript or JavaScript file; `text` is its default export as JSON. */
export interface StoredDocument {
  readonly file: string;
  readonly format: 'yaml' | 'json' | 'module';
  readonly text: string;
}

/** Who made a change and why, and what it is. */
export interface Change {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly author: string;
  /** `server`: it did so by itself, such as when the time of an override was up. */
  readonly source: 'file' | 'api' | 'cli' | 'server';
  readonly reason: string;
  /** In one line, such as `services/catalog changed`. */
  readonly what: string;
}

/** An accepted change, without the state that it led to. */
export interface RevisionInfo extends Change {
  /** Counts from 1, over changes of both kinds. */
  readonly number: number;
  /** Whether it changed the policy, or only what lies over it. */
  readonly kind: 'declared' | 'operational';
  /** Digest of the policy files that have no effect while they are so, since others were put in force; or {@link nextFiles}. */
  readonly heldFiles?: string;
}

/** In place of a digest: whichever files are handed on first. */
export const nextFiles = 'next';

/** One accepted change, and the whole declared and operational state from then on. */
export interface Revision extends RevisionInfo {
  readonly documents: readonly StoredDocument[];
  readonly overrides: readonly Override[];
}

/** A change of the declared policy. */
export interface DeclaredChange extends Omit<Change, 'what'> {
  readonly what?: string;
  readonly documents: readonly StoredDocument[];
  /** In place of all overrides; absent: they stay. */
  readonly overrides?: readonly Override[];
  readonly heldFiles?: string;
}

/** Why a revision is kept for ever. */
export interface Pin {
  readonly by: string;
  readonly at: number;
  readonly reason?: string;
}

export type ListedRevision = RevisionInfo & { readonly pin?: Pin };

export interface RevisionQuery {
  /** Only those with a smaller number. */
  readonly before?: number;
  /** At most so many. */
  readonly limit: number;
  readonly matches?: (revision: ListedRevision) => boolean;
}

/** That fleets were sent something else from then on. */
export interface PublicationRecord {
  /** Counts from 1. */
  readonly number: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Number of the revision that was in force. */
  readonly revision: number;
  readonly cause: PublicationCause;
  readonly author: string;
  /** In one line. */
  readonly what: string;
  /** Fleet key → version of its snapshot from then on, null: no such fleet any more. Only those that changed. */
  readonly fleets: Readonly<Record<string, string | null>>;
}

export const publicationCauses = ['start', 'policy', 'override', 'names', 'quarantine', 'computed', 'freeze'] as const;
export type PublicationCause = (typeof publicationCauses)[number];

/** That nothing is published but what is asked by name, and what stays in force meanwhile. */
export interface Freeze {
  readonly by: string;
  readonly since: number;
  readonly reason?: string;
  /** Number of the revision that stays in force. */
  readonly revision: number;
  /** Its documents, where others are in force, changed during the freeze. */
  readonly documents?: readonly StoredDocument[];
  readonly overrides: readonly Override[];
  readonly quarantines: readonly Quarantine[];
  readonly resolvedNames: Readonly<Record<string, readonly string[]>>;
}

/** Everything that a store holds, for a backup. */
export interface StoreContents {
  /** Number of the last revision. */
  readonly last: number;
  /** Oldest first. */
  readonly revisions: Iterable<Revision>;
  readonly pins: ReadonlyMap<number, Pin>;
  readonly overrides: readonly Override[];
  readonly quarantines: readonly Quarantine[];
  readonly resolvedNames: ReadonlyMap<string, readonly string[]>;
  readonly publications: readonly PublicationRecord[];
}

/** How a request that named itself by a key was answered, for when it comes again. */
export interface KeptAnswer {
  /** Digest of who asked and of the key. */
  readonly key: string;
  /** Digest of the request. */
  readonly request: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** What survives restarts. A write is durable when the call returns (P3). Failures throw `StoreError` and change nothing. */
export interface Store {
  /** The newest change of the declared policy: its documents are in force. */
  latestRevision(): Revision | undefined;
  /** Number of the newest revision of either kind; 0 before the first. */
  lastNumber(): number;
  /** @returns the revision with its number. If nothing would change, none is made, and the latest is returned. */
  acceptRevision(change: DeclaredChange): Revision;
  /** @returns undefined when there is none, it is no longer kept, or it is damaged. */
  revision(number: number): Revision | undefined;
  /** Those that are kept, newest first. */
  revisions(query: RevisionQuery): readonly ListedRevision[];
  /** Keeps a revision for ever, or as long as others. @returns whether there is such a revision. */
  pin(number: number, pin: Pin | undefined): boolean;
  overrides(): readonly Override[];
  /**
   * Puts in place of overrides of the same things, and deletes, all at once: either all of it is stored or nothing.
   *
   * @returns the revision that it made; undefined when nothing has changed.
   */
  changeOverrides(change: OverrideChange, about: Change): Revision | undefined;
  quarantines(): readonly Quarantine[];
  /** Puts in place of the quarantine of the same resource. */
  putQuarantine(quarantine: Quarantine): void;
  /** @returns whether there was one. */
  deleteQuarantine(quarantine: QuarantineKey): boolean;
  /** Last good answers of name resolution, so that a restart compiles the same bytes. */
  resolvedNames(): ReadonlyMap<string, readonly string[]>;
  /** All at once, since each write waits for the disk. A name without addresses is forgotten. */
  changeResolvedNames(changes: NameChanges): void;
  freeze(): Freeze | undefined;
  setFreeze(freeze: Freeze | undefined): void;
  /** Those that are kept, oldest first. */
  publications(): readonly PublicationRecord[];
  addPublications(records: readonly PublicationRecord[]): void;
  /** Answers that are kept, in no order. No part of backups. */
  answers(): readonly KeptAnswer[];
  /** Puts it in place of one with the same key. @param over keys of those that are kept no longer. */
  keepAnswer(answer: KeptAnswer, over: readonly string[]): void;
  contents(): StoreContents;
  /** Puts all of it in place of all that there is; a freeze ends. Numbers of revisions are not used again all the same. */
  restore(contents: StoreContents): void;
  close(): void;
}

/** How much of the past is kept. */
export interface Retention {
  /** Revisions, pinned ones aside. */
  readonly revisions: number;
  /** Milliseconds; the newest hundred revisions stay however old they are, since a clock may jump (P6). */
  readonly age: number;
  readonly publications: number;
}

export const usualRetention: Retention = { revisions: 1000, age: 90 * 86_400_000, publications: 10_000 };

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

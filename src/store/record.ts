import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Override, Quarantine } from '../policy/operational-state.ts';
import {
  type Freeze,
  type KeptAnswer,
  type Pin,
  type PublicationRecord,
  publicationCauses,
  type Revision,
} from './store.ts';

/**
 * How things are written down: as JSON, each with a checksum over its place and its text, so that damage is found
 * and an undamaged record in the wrong place is, too (P4). What is read is checked against a schema (P10).
 */

/** Checksum of a record: SHA-256 over where it stands and what it says. */
export function checksum(place: string, text: string): string {
  return createHash('sha256').update(place).update('\0').update(text).digest('hex');
}

/** Name of a document's text: SHA-256 of it. */
export function textHash(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

const change = {
  at: z.number(),
  author: z.string(),
  source: z.enum(['file', 'api', 'cli', 'server']),
  reason: z.string(),
};
const info = {
  ...change,
  what: z.string(),
  number: z.int().min(1),
  kind: z.enum(['declared', 'operational']),
  heldFiles: z.string().optional(),
};

const Hash = z.string();

/** A revision whose documents and overrides stand elsewhere, by the hashes of texts. */
const RevisionRecord = z.object({ ...info, chunks: z.array(Hash), overrides: z.array(Hash) });
export type RevisionRecord = z.output<typeof RevisionRecord>;

const format = z.enum(['yaml', 'json', 'module']);
/** A run of a revision's documents: file, format, hash of the text. Most changes of a policy touch one of its runs. */
const Chunk = z.array(z.tuple([z.string(), format, Hash]));

/** What a revision was before overrides were part of it. */
const FirstRevisionRecord = z.object({
  ...change,
  number: z.int().min(1),
  documents: z.array(z.object({ file: z.string(), format, hash: Hash })),
});

const authorship = { by: z.string(), since: z.number(), reason: z.string().optional() };
const OverrideRecord = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('shift'),
    route: z.string(),
    rule: z.string(),
    weights: z.record(z.string(), z.int().min(0)),
    ...authorship,
  }),
  z.object({
    kind: z.literal('endpoint'),
    service: z.string(),
    address: z.string(),
    weight: z.int().optional(),
    state: z.enum(['active', 'draining', 'disabled']).optional(),
    sessionsUntil: z.number().optional(),
    expiresAt: z.number().optional(),
    ...authorship,
  }),
  z.object({
    kind: z.literal('maintenance'),
    of: z.enum(['service', 'route']),
    name: z.string(),
    expiresAt: z.number().optional(),
    ...authorship,
  }),
]);

const QuarantineRecord = z.object({
  fleet: z.string(),
  typeUrl: z.string(),
  name: z.string(),
  version: z.string(),
  since: z.number(),
  message: z.string(),
  proxies: z.array(z.string()),
  lastGood: z.array(z.object({ typeUrl: z.string(), name: z.string(), value: z.base64() })),
});

const Addresses = z.array(z.string()).min(1);

const Documents = z.array(z.object({ file: z.string(), format, text: z.string() }));

const PinRecord = z.object({ by: z.string(), at: z.number(), reason: z.string().optional() });

const PublicationRecordOf = z.object({
  number: z.int().min(1),
  at: z.number(),
  revision: z.int().min(0),
  cause: z.enum(publicationCauses),
  author: z.string(),
  what: z.string(),
  fleets: z.record(z.string(), z.string().nullable()),
});

const AnswerRecord = z.object({
  key: z.string(),
  request: z.string(),
  at: z.number(),
  status: z.int(),
  headers: z.record(z.string(), z.string()),
  body: z.string(),
});

const FreezeRecord = z.object({
  by: z.string(),
  since: z.number(),
  reason: z.string().optional(),
  revision: z.int().min(0),
  documents: Documents.optional(),
  overrides: z.array(z.unknown().transform(asOverride)),
  quarantines: z.array(z.unknown().transform(asQuarantine)),
  resolvedNames: z.record(z.string(), Addresses),
});

/** A revision with its state, as one value. Those of before overrides were part of it say nothing of them. */
const WholeRevision = z.object({
  ...info,
  what: z.string().default(''),
  kind: z.enum(['declared', 'operational']).default('declared'),
  documents: Documents,
  overrides: z.array(z.unknown().transform(asOverride)).default([]),
});

/** @throws Error when the text is not such a record. */
export function parseRevision(text: string): RevisionRecord {
  return RevisionRecord.parse(JSON.parse(text));
}

/** @throws Error when the text is no record of the first form. */
export function parseFirstRevision(text: string): z.output<typeof FirstRevisionRecord> {
  return FirstRevisionRecord.parse(JSON.parse(text));
}

/** @throws Error when the value is no revision. */
export function asRevision(value: unknown): Revision {
  return WholeRevision.parse(value) as Revision;
}

/** @throws Error when the text is not such a record. */
export function parseChunk(text: string): z.output<typeof Chunk> {
  return Chunk.parse(JSON.parse(text));
}

/** @throws Error when the value is no pin. */
export function asPin(value: unknown): Pin {
  return PinRecord.parse(value) as Pin;
}

/** @throws Error when the value is no publication. */
export function asPublication(value: unknown): PublicationRecord {
  return PublicationRecordOf.parse(value);
}

/** @throws Error when the text is not such a record. */
export function parseAnswer(text: string): KeptAnswer {
  return AnswerRecord.parse(JSON.parse(text));
}

/** @throws Error when the value is no freeze. */
export function asFreeze(value: unknown): Freeze {
  return FreezeRecord.parse(value) as Freeze;
}

/** @throws Error when the text is not such a record. */
export function parseOverride(text: string): Override {
  return asOverride(JSON.parse(text));
}

/** @throws Error when the value is no override. */
export function asOverride(value: unknown): Override {
  // The schema's optional fields may be undefined by type; JSON has no undefined, so they are absent.
  return OverrideRecord.parse(value) as Override;
}

/** @throws Error when the text is not such a record. */
export function parseQuarantine(text: string): Quarantine {
  return asQuarantine(JSON.parse(text));
}

/** @throws Error when the value is no quarantine. */
export function asQuarantine(value: unknown): Quarantine {
  return QuarantineRecord.parse(value);
}

/** @throws Error when the text is not such a record. */
export function parseAddresses(text: string): readonly string[] {
  return Addresses.parse(JSON.parse(text));
}

import { createHash } from 'node:crypto';
import { z } from 'zod';
import type { Override, Quarantine } from '../policy/operational-state.ts';
import type { Revision } from './store.ts';

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

const RevisionRecord = z.object({
  number: z.int().min(1),
  at: z.number(),
  author: z.string(),
  source: z.enum(['file', 'api', 'cli']),
  reason: z.string(),
  documents: z.array(z.object({ file: z.string(), format: z.enum(['yaml', 'json', 'module']), hash: z.string() })),
});
/** A revision whose documents stand elsewhere, by the hash of their text. */
export type RevisionRecord = z.output<typeof RevisionRecord>;

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

/** @throws Error when the text is not such a record. */
export function parseRevision(text: string): RevisionRecord {
  return RevisionRecord.parse(JSON.parse(text));
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

export function revisionRecord(revision: Revision): RevisionRecord {
  const { number, at, author, source, reason, documents } = revision;
  const references = documents.map(({ file, format, text }) => ({ file, format, hash: textHash(text) }));
  return { number, at, author, source, reason, documents: references };
}

import { createHash } from 'node:crypto';
import { setImmediate } from 'node:timers/promises';
import { promisify } from 'node:util';
import { gunzipSync, gzip } from 'node:zlib';
import { z } from 'zod';
import type { Override, Quarantine } from '../policy/operational-state.ts';
import { asOverride, asPin, asPublication, asQuarantine, asRevision, textHash } from './record.ts';
import type { Pin, PublicationRecord, Revision, StoreContents } from './store.ts';

/**
 * A backup: everything that a store holds, as lines of JSON, compressed. Each text stands in it once, before what uses
 * it; the last line is a checksum over all others. It does not depend on how a store keeps things.
 */

/** Bytes of a backup when it is not compressed: what is larger is not read, since it would fill the memory. */
const largest = 1024 * 1024 * 1024;
/** Of one compressed. */
export const largestBackup = 256 * 1024 * 1024;

/** Milliseconds after which others have a turn: a store may hold very much, and proxies wait for nobody's backup. */
const turn = 20;

/** @param at milliseconds since the epoch. */
export async function writeBackup(contents: StoreContents, at: number): Promise<Buffer> {
  const body = new Body();
  const hashes = new Map<string, string>();
  const put = (text: string): string => {
    const known = hashes.get(text);
    if (known !== undefined) return known;
    const hash = textHash(text);
    body.line('text', text);
    hashes.set(text, hash);
    return hash;
  };
  body.line('switchyard', { format: 1, at, last: contents.last });
  let since = performance.now();
  for (const { documents, overrides, ...info } of contents.revisions) {
    const files = documents.map(({ file, format, text }) => ({ file, format, hash: put(text) }));
    body.line('revision', { ...info, documents: files, overrides: overrides.map(each => put(JSON.stringify(each))) });
    if (performance.now() - since < turn) continue;
    await setImmediate();
    since = performance.now();
  }
  for (const [number, pin] of contents.pins) body.line('pin', { number, pin });
  for (const each of contents.overrides) body.line('override', each);
  for (const each of contents.quarantines) body.line('quarantine', each);
  for (const [host, addresses] of contents.resolvedNames) body.line('name', { host, addresses });
  for (const each of contents.publications) body.line('publication', each);
  return promisify(gzip)(body.end());
}

/** Lines, and at the end how many they are and what they add up to. */
class Body {
  readonly #lines: Buffer[] = [];
  readonly #sum = createHash('sha256');

  line(kind: string, value: unknown): void {
    const bytes = Buffer.from(`${JSON.stringify([kind, value])}\n`);
    this.#sum.update(bytes);
    this.#lines.push(bytes);
  }

  end(): Buffer {
    const end = JSON.stringify(['end', { lines: this.#lines.length, sha256: this.#sum.digest('hex') }]);
    return Buffer.concat([...this.#lines, Buffer.from(`${end}\n`)]);
  }
}

/** What a backup holds, and when it was made. */
export interface Backup {
  /** Milliseconds since the epoch. */
  readonly at: number;
  readonly contents: StoreContents;
}

const Line = z.tuple([z.string(), z.unknown()]);
const Head = z.object({ format: z.literal(1), at: z.number(), last: z.int().min(0) });
const End = z.object({ lines: z.int(), sha256: z.string() });
const PinLine = z.object({ number: z.int(), pin: z.unknown() });
const NameLine = z.object({ host: z.string(), addresses: z.array(z.string()).min(1) });
const RevisionLine = z.looseObject({
  documents: z.array(z.looseObject({ hash: z.string() })),
  overrides: z.array(z.string()),
});

/** Reads a backup, all of it checked. @throws Error that says what is wrong with it; nothing of it is then of use. */
export function readBackup(bytes: Uint8Array): Backup {
  const text = unpacked(bytes);
  const end = text.lastIndexOf('\n', text.length - 2) + 1;
  const body = text.slice(0, end);
  const [kind, value] = lineOf(text.slice(end));
  if (kind !== 'end' || !text.endsWith('\n')) throw new Error('its end is missing: it was cut off');
  const { lines, sha256 } = End.parse(value);
  const all = body.split('\n').slice(0, -1);
  if (all.length !== lines || sum(body) !== sha256) throw new Error('it is damaged: it does not match its checksum');
  const [first = '', ...rest] = all;
  const [name, about] = lineOf(first);
  if (name !== 'switchyard') throw new Error('it is no backup of Switchyard');
  const head = Head.safeParse(about);
  if (!head.success) throw new Error('it was written by another version of Switchyard');
  return { at: head.data.at, contents: contentsOf(rest, head.data.last) };
}

function contentsOf(lines: readonly string[], last: number): StoreContents {
  const texts = new Map<string, string>();
  const revisions: Revision[] = [];
  const pins = new Map<number, Pin>();
  const overrides: Override[] = [];
  const quarantines: Quarantine[] = [];
  const resolvedNames = new Map<string, readonly string[]>();
  const publications: PublicationRecord[] = [];
  const take: Readonly<Record<string, (value: unknown) => void>> = {
    text: value => void texts.set(textHash(z.string().parse(value)), z.string().parse(value)),
    revision: value => void revisions.push(revisionOf(value, texts)),
    pin: value => {
      const { number, pin } = PinLine.parse(value);
      pins.set(number, asPin(pin));
    },
    override: value => void overrides.push(asOverride(value)),
    quarantine: value => void quarantines.push(asQuarantine(value)),
    name: value => {
      const { host, addresses } = NameLine.parse(value);
      resolvedNames.set(host, addresses);
    },
    publication: value => void publications.push(asPublication(value)),
  };
  for (const line of lines) {
    const [kind, value] = lineOf(line);
    const act = Object.hasOwn(take, kind) ? take[kind] : undefined;
    if (!act) throw new Error(`it holds "${kind}", which this version of Switchyard does not know`);
    act(value);
  }
  return { last, revisions, pins, overrides, quarantines, resolvedNames, publications };
}

function revisionOf(value: unknown, texts: ReadonlyMap<string, string>): Revision {
  const found = (hash: string): string => {
    const text = texts.get(hash);
    if (text === undefined) throw new Error('it lacks a text that a revision uses');
    return text;
  };
  const { documents, overrides, ...info } = RevisionLine.parse(value);
  const whole = documents.map(({ hash, ...about }) => ({ ...about, text: found(hash) }));
  return asRevision({
    ...info,
    documents: whole,
    overrides: overrides.map(each => JSON.parse(found(each)) as unknown),
  });
}

function unpacked(bytes: Uint8Array): string {
  try {
    return gunzipSync(bytes, { maxOutputLength: largest }).toString('utf8');
  } catch (cause) {
    throw new Error('it is no backup of Switchyard, or was cut off', { cause });
  }
}

function lineOf(text: string): z.output<typeof Line> {
  try {
    return Line.parse(JSON.parse(text));
  } catch {
    return ['', undefined];
  }
}

function sum(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

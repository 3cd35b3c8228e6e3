import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { setImmediate } from 'node:timers/promises';
import { getHeapStatistics } from 'node:v8';
import { createGunzip, createGzip } from 'node:zlib';
import { z } from 'zod';
import type { Override, Quarantine } from '../policy/operational-state.ts';
import { asOverride, asPin, asPublication, asQuarantine, asRevision, textHash } from './record.ts';
import type { Pin, PublicationRecord, Revision, StoreContents } from './store.ts';

/**
 * A backup: everything that a store holds, as lines of JSON, compressed. Each text stands in it once, before what uses
 * it; the last line is a checksum over all others. It does not depend on how a store keeps things.
 */

/** Bytes of a backup, as the admin API takes it. */
export const largestBackup = 256 * 1024 * 1024;
/** Bytes of a line: a text has a megabyte or less. */
const longestLine = 64 * 1024 * 1024;

/** Bytes that are compressed at once. */
const aPiece = 256 * 1024;
/** Milliseconds after which others have a turn: a store may hold very much, and proxies wait for nobody's backup. */
const turn = 20;

/** @param at milliseconds since the epoch. */
export async function writeBackup(contents: StoreContents, at: number): Promise<Buffer> {
  const packed: Buffer[] = [];
  const lines = Readable.from(pieces(linesOf(contents, at)), { objectMode: false });
  await pipeline(lines, createGzip(), async packing => {
    for await (const piece of packing) packed.push(piece as Buffer);
  });
  return Buffer.concat(packed);
}

/** Lines in pieces of which each has its turn. */
async function* pieces(lines: Iterable<Buffer>): AsyncIterable<Buffer> {
  let [piece, length, since]: [Buffer[], number, number] = [[], 0, performance.now()];
  for (const line of lines) {
    piece.push(line);
    length += line.length;
    if (length < aPiece && performance.now() - since < turn) continue;
    yield Buffer.concat(piece);
    await setImmediate();
    [piece, length, since] = [[], 0, performance.now()];
  }
  yield Buffer.concat(piece);
}

/** The lines, and at the end how many they are and what they add up to. */
function* linesOf(contents: StoreContents, at: number): Iterable<Buffer> {
  const sum = createHash('sha256');
  let lines = 0;
  for (const line of entriesOf(contents, at)) {
    const bytes = Buffer.from(`${JSON.stringify(line)}\n`);
    sum.update(bytes);
    lines += 1;
    yield bytes;
  }
  yield Buffer.from(`${JSON.stringify(['end', { lines, sha256: sum.digest('hex') }])}\n`);
}

type Entry = readonly [kind: string, value: unknown];

function* entriesOf(contents: StoreContents, at: number): Iterable<Entry> {
  const known = new Set<string>();
  yield ['switchyard', { format: 1, at, last: contents.last }];
  for (const { documents, overrides, ...info } of contents.revisions) {
    const texts = [...documents.map(each => each.text), ...overrides.map(each => JSON.stringify(each))];
    const hashes = texts.map(textHash);
    for (const [index, hash] of hashes.entries()) {
      if (known.has(hash)) continue;
      known.add(hash);
      yield ['text', texts[index]];
    }
    const files = documents.map(({ file, format }, index) => ({ file, format, hash: hashes[index] }));
    yield ['revision', { ...info, documents: files, overrides: hashes.slice(documents.length) }];
  }
  for (const [number, pin] of contents.pins) yield ['pin', { number, pin }];
  for (const each of contents.overrides) yield ['override', each];
  for (const each of contents.quarantines) yield ['quarantine', each];
  for (const [host, addresses] of contents.resolvedNames) yield ['name', { host, addresses }];
  for (const each of contents.publications) yield ['publication', each];
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

/** Bytes of a backup that is not compressed, for which this process has room: what it holds is held in memory. */
const roomFor = () => Math.floor(getHeapStatistics().heap_size_limit / 2);

/**
 * Reads a backup, all of it checked, while others have their turns.
 *
 * @param most bytes of it when it is not compressed; as many as there is room for, unless said
 * @throws Error that says what is wrong with it; nothing of it is then of use.
 */
export async function readBackup(bytes: Uint8Array, most: number = roomFor()): Promise<Backup> {
  const reader = new BackupReader();
  let length = 0;
  for await (const piece of unpacked(bytes)) {
    length += piece.length;
    if (length > most) throw tooLarge(most);
    reader.add(piece);
  }
  return reader.end();
}

function tooLarge(most: number): Error {
  const room = `${Math.floor(most / 1024 / 1024)} MiB`;
  return new Error(
    `it holds more than ${room}, for which this process has no memory; Node is given more by NODE_OPTIONS=--max-old-space-size=…`,
  );
}

async function* unpacked(bytes: Uint8Array): AsyncIterable<Buffer> {
  const unzip = createGunzip({ chunkSize: aPiece });
  unzip.end(bytes);
  try {
    yield* unzip as AsyncIterable<Buffer>;
  } catch (cause) {
    throw new Error('it is no backup of Switchyard, or was cut off', { cause });
  }
}

/** Takes a backup piece by piece. What is wrong with a line is said when the checksum has shown that it is so in truth. */
class BackupReader {
  readonly #sum = createHash('sha256');
  readonly #contents = new ContentsReader();
  #lines = 0;
  /** The newest whole line: the last of all is not one of the contents. */
  #last: Buffer | undefined;
  /** Of a line that has not ended. */
  #begun: Buffer[] = [];
  #begunLength = 0;
  #fault: Error | undefined;

  add(piece: Buffer): void {
    let from = 0;
    for (let to = piece.indexOf(10); to >= 0; to = piece.indexOf(10, from)) {
      this.#take();
      this.#last = Buffer.concat([...this.#begun, piece.subarray(from, to)]);
      this.#begun = [];
      this.#begunLength = 0;
      from = to + 1;
    }
    this.#begun.push(piece.subarray(from));
    this.#begunLength += piece.length - from;
    if (this.#begunLength > longestLine) throw new Error('it is damaged: it has a line that is too long');
  }

  /** @throws Error */
  end(): Backup {
    const [kind, value] = lineOf(this.#last);
    if (kind !== 'end' || this.#begunLength > 0) throw new Error('its end is missing: it was cut off');
    const { lines, sha256 } = End.parse(value);
    if (this.#lines !== lines || this.#sum.digest('hex') !== sha256)
      throw new Error('it is damaged: it does not match its checksum');
    if (this.#fault) throw this.#fault;
    return this.#contents.end();
  }

  #take(): void {
    const line = this.#last;
    if (!line) return;
    this.#sum.update(line).update('\n');
    this.#lines += 1;
    if (this.#fault) return;
    try {
      this.#contents.take(...lineOf(line));
    } catch (error) {
      this.#fault = error as Error;
    }
  }
}

class ContentsReader {
  readonly #texts = new Map<string, string>();
  readonly #revisions: Revision[] = [];
  readonly #pins = new Map<number, Pin>();
  readonly #overrides: Override[] = [];
  readonly #quarantines: Quarantine[] = [];
  readonly #resolvedNames = new Map<string, readonly string[]>();
  readonly #publications: PublicationRecord[] = [];
  #head: z.output<typeof Head> | undefined;
  readonly #takers: Readonly<Record<string, (value: unknown) => void>> = {
    text: value => void this.#texts.set(textHash(z.string().parse(value)), z.string().parse(value)),
    revision: value => void this.#revisions.push(revisionOf(value, this.#texts)),
    pin: value => {
      const { number, pin } = PinLine.parse(value);
      this.#pins.set(number, asPin(pin));
    },
    override: value => void this.#overrides.push(asOverride(value)),
    quarantine: value => void this.#quarantines.push(asQuarantine(value)),
    name: value => {
      const { host, addresses } = NameLine.parse(value);
      this.#resolvedNames.set(host, addresses);
    },
    publication: value => void this.#publications.push(asPublication(value)),
  };

  /** The first line says what it is. @throws Error */
  take(kind: string, value: unknown): void {
    if (!this.#head) {
      if (kind !== 'switchyard') throw new Error('it is no backup of Switchyard');
      const head = Head.safeParse(value);
      if (!head.success) throw new Error('it was written by another version of Switchyard');
      this.#head = head.data;
      return;
    }
    const act = Object.hasOwn(this.#takers, kind) ? this.#takers[kind] : undefined;
    if (!act) throw new Error(`it holds "${kind}", which this version of Switchyard does not know`);
    act(value);
  }

  /** @throws Error */
  end(): Backup {
    if (!this.#head) throw new Error('it is no backup of Switchyard');
    const { at, last } = this.#head;
    const kept = { revisions: this.#revisions, pins: this.#pins, overrides: this.#overrides };
    const told = { quarantines: this.#quarantines, resolvedNames: this.#resolvedNames };
    return { at, contents: { last, ...kept, ...told, publications: this.#publications } };
  }
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

function lineOf(line: Buffer | undefined): z.output<typeof Line> {
  try {
    return Line.parse(JSON.parse(line?.toString() ?? ''));
  } catch {
    return ['', undefined];
  }
}

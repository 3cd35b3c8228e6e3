import {
  closeSync,
  fdatasync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { linesBackwards } from './lines-backwards.ts';

/** What became of a request. */
export const auditResults = ['done', 'refused', 'unauthenticated', 'failed'] as const;
export type AuditResult = (typeof auditResults)[number];

/** Who did what, from where, and with what result. No body, and no secret (P29). */
export interface AuditContent {
  /** Name of the token; empty where none was good. */
  readonly who: string;
  readonly role?: string;
  /** Who the caller says to be beside that. */
  readonly claims?: string;
  /** Address, or `unix socket`. */
  readonly from: string;
  /** `PUT /api/v1/routes/shop/rules/everyone/weights?force=true`. */
  readonly what: string;
  readonly result: AuditResult;
  /** Status of the answer. */
  readonly status: number;
  /** Why it was refused, and the like. */
  readonly detail?: string;
  readonly reason?: string;
  /** Number of the revision in force afterwards. */
  readonly revision?: number;
  /** Id of the request, which stands in the log and in the answer too. */
  readonly request?: string;
  /** How many like it before were not written, one by one. */
  readonly untold?: number;
}

export interface AuditEntry extends AuditContent {
  /** Grows. */
  readonly id: number;
  /** ISO 8601. */
  readonly at: string;
}

export interface AuditFilter {
  readonly who?: string;
  readonly result?: AuditResult;
}

export interface AuditLogOptions {
  /** Folder; made when it is not there. */
  readonly folder: string;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
  /** Bytes of a file, and how many full ones are kept beside the one that is written to. */
  readonly fileBytes?: number;
  readonly files?: number;
  readonly report: (message: string, error: unknown) => void;
}

const Entry = z.object({
  id: z.number(),
  at: z.string(),
  who: z.string(),
  role: z.string().optional(),
  claims: z.string().optional(),
  from: z.string(),
  what: z.string(),
  result: z.enum(auditResults),
  status: z.number(),
  detail: z.string().optional(),
  reason: z.string().optional(),
  revision: z.number().optional(),
  request: z.string().optional(),
  untold: z.number().optional(),
});

const current = 'audit.jsonl';
/** Characters of one text. */
const longest = 500;
/** Entries that are remembered beside the files, for when these cannot be written. */
const mostUnwritten = 1000;
/** Milliseconds until what was written is made durable too: a kill loses nothing, a power cut so much. */
const syncAfter = 500;

/**
 * Who did what: lines of JSON in files that are rotated and bounded. Never throws and never waits: where the disk does not
 * take it, that is counted and said, the newest entries are remembered, and the server goes on (P5).
 */
export class AuditLog {
  readonly #options: Required<AuditLogOptions>;
  readonly #unwritten: AuditEntry[] = [];
  #file: { readonly descriptor: number; size: number } | undefined;
  /** The last write may have left half a line. */
  #torn = true;
  #last: number;
  #failures = 0;
  #failing: string | undefined;
  #syncTimer: NodeJS.Timeout | undefined;
  readonly #counts = new Map<AuditResult, number>(auditResults.map(result => [result, 0]));

  constructor(options: AuditLogOptions) {
    this.#options = { now: Date.now, fileBytes: 4 * 1024 * 1024, files: 8, ...options };
    this.#last = Math.max(this.#options.now() * 1000, this.#lastWritten());
  }

  /** Why entries cannot be written just now. */
  get failing(): string | undefined {
    return this.#failing;
  }

  /** Entries that were not written to a file. */
  get failures(): number {
    return this.#failures;
  }

  /** Since the start. */
  get counts(): ReadonlyMap<AuditResult, number> {
    return this.#counts;
  }

  add(content: AuditContent): void {
    this.#last += 1;
    const now = this.#options.now();
    const entry: AuditEntry = { id: this.#last, at: new Date(now).toISOString(), ...bounded(content) };
    this.#counts.set(content.result, (this.#counts.get(content.result) ?? 0) + 1);
    try {
      this.#write(`${JSON.stringify(entry)}\n`);
      this.#failing = undefined;
    } catch (error) {
      this.#fail(entry, error);
    }
  }

  /**
   * The newest entries before an id (absent: of all), newest first, at most `limit`. What cannot be read is passed over.
   * Files are looked through from their end, no further than is asked for.
   */
  async read(before: number | undefined, filter: AuditFilter, limit: number): Promise<readonly AuditEntry[]> {
    const wanted = wantedOf(before, filter);
    // A file that is rotated while it is read may be met twice.
    const found = new Map<number, AuditEntry>();
    const newest = await this.#open(current);
    // Looked for only now, so that a file that is rotated meanwhile is met twice rather than never.
    const rotated = this.#rotated().reverse();
    await look(newest, found, wanted, limit);
    for (const [index, name] of rotated.entries()) {
      if (found.size >= limit) break;
      // A file is named by its last entry.
      if (before !== undefined && Number(/\d+/.exec(rotated[index + 1] ?? '')?.[0] ?? 0) >= before) continue;
      await look(await this.#open(name), found, wanted, limit);
    }
    for (const each of this.#unwritten) if (wanted.entry(each)) found.set(each.id, each);
    return [...found.values()].sort((a, b) => b.id - a.id).slice(0, limit);
  }

  async #open(name: string): Promise<OpenLog | undefined> {
    try {
      const file = await open(join(this.#options.folder, name), 'r');
      const found = await file.stat();
      // Lines are added to what is full by little more than one.
      if (found.isFile() && found.size <= 2 * this.#options.fileBytes) return { file, size: found.size };
      await file.close();
    } catch {
      // It is passed over.
    }
    return undefined;
  }

  /** What was written is left as it is. */
  close(): void {
    clearTimeout(this.#syncTimer);
    if (!this.#file) return;
    closeSync(this.#file.descriptor);
    this.#file = undefined;
  }

  #write(line: string): void {
    const file = this.#opened(line.length);
    const bytes = Buffer.from(this.#torn && file.size > 0 ? `\n${line}` : line);
    this.#torn = true;
    let written = 0;
    while (written < bytes.length) {
      const count = writeSync(file.descriptor, bytes, written);
      written += count;
      file.size += count;
    }
    this.#torn = false;
    this.#syncTimer ??= setTimeout(() => this.#sync(), syncAfter).unref();
  }

  /** Ids grow over restarts, whatever the clock says. */
  #lastWritten(): number {
    const rotated = Number(/\d+/.exec(this.#rotated().at(-1) ?? '')?.[0] ?? 0);
    try {
      const ids = tailOf(join(this.#options.folder, current))
        .split('\n')
        .flatMap(line => entryOf(line)?.id ?? []);
      return Math.max(rotated, ...ids);
    } catch {
      return rotated;
    }
  }

  #sync(): void {
    this.#syncTimer = undefined;
    const { report } = this.#options;
    if (this.#file)
      fdatasync(this.#file.descriptor, error => error && report('the audit log may not be durable', error));
  }

  #opened(more: number): { readonly descriptor: number; size: number } {
    const { folder, fileBytes } = this.#options;
    if (this.#file && this.#file.size + more > fileBytes && this.#file.size > 0) this.#rotate();
    if (!this.#file) {
      mkdirSync(folder, { recursive: true, mode: 0o700 });
      const descriptor = openSync(join(folder, current), 'a', 0o600);
      this.#file = { descriptor, size: fstatSync(descriptor).size };
      this.#torn = true;
    }
    return this.#file;
  }

  #rotate(): void {
    const { folder, files } = this.#options;
    this.close();
    renameSync(join(folder, current), join(folder, `audit-${String(this.#last).padStart(17, '0')}.jsonl`));
    for (const name of this.#rotated().slice(0, -files)) rmSync(join(folder, name), { force: true });
  }

  /** Full ones, oldest first. */
  #rotated(): string[] {
    try {
      return readdirSync(this.#options.folder)
        .filter(name => /^audit-\d+\.jsonl$/.test(name))
        .sort();
    } catch {
      return [];
    }
  }

  #fail(entry: AuditEntry, error: unknown): void {
    const first = this.#failing === undefined;
    this.#failures += 1;
    this.#failing = error instanceof Error ? error.message : String(error);
    this.#unwritten.push(entry);
    if (this.#unwritten.length > mostUnwritten) this.#unwritten.shift();
    // The folder may have been taken away: it is opened anew.
    try {
      this.close();
    } catch {
      // It was closed already.
    }
    this.#file = undefined;
    if (first) this.#options.report(`the audit log in ${this.#options.folder} cannot be written`, error);
  }
}

interface OpenLog {
  readonly file: Awaited<ReturnType<typeof open>>;
  readonly size: number;
}

interface Wanted {
  /** Whether a line may be one that is wanted: far cheaper than to read it. */
  readonly line: (line: string) => boolean;
  readonly entry: (entry: Pick<AuditEntry, 'id' | 'who' | 'result'>) => boolean;
}

function wantedOf(before: number | undefined, { who, result }: AuditFilter): Wanted {
  const texts = [who, result].flatMap(each => (each === undefined ? [] : [JSON.stringify(each)]));
  return {
    line: line => line !== '' && texts.every(each => line.includes(each)),
    entry: entry =>
      (before === undefined || entry.id < before) &&
      (who === undefined || entry.who === who) &&
      (result === undefined || entry.result === result),
  };
}

/** Adds what is wanted of a log, until there are `limit`, and closes it. */
async function look(
  log: OpenLog | undefined,
  found: Map<number, AuditEntry>,
  wanted: Wanted,
  limit: number,
): Promise<void> {
  if (!log) return;
  try {
    for await (const lines of linesBackwards(log.file, log.size)) {
      for (const line of lines) {
        if (found.size >= limit) return;
        const entry = wanted.line(line) ? entryOf(line, wanted) : undefined;
        if (entry) found.set(entry.id, entry);
      }
    }
  } catch {
    // The rest of it is passed over.
  } finally {
    await log.file.close().catch(() => {});
  }
}

/** The end of a file, where its last lines stand. */
function tailOf(path: string): string {
  const descriptor = openSync(path, 'r');
  try {
    const { size } = fstatSync(descriptor);
    const buffer = Buffer.alloc(Math.min(size, 64 * 1024));
    readSync(descriptor, buffer, 0, buffer.length, size - buffer.length);
    return buffer.toString('utf8');
  } finally {
    closeSync(descriptor);
  }
}

function bounded(content: AuditContent): AuditContent {
  const cut = (value: unknown) => (typeof value === 'string' ? value.slice(0, longest) : value);
  return Object.fromEntries(
    Object.entries(content).map(([name, value]) => [name, cut(value)]),
  ) as unknown as AuditContent;
}

function entryOf(line: string, wanted?: Wanted): AuditEntry | undefined {
  try {
    const value: AuditEntry = JSON.parse(line);
    return wanted && !wanted.entry(value) ? undefined : (Entry.parse(value) as AuditEntry);
  } catch {
    return undefined;
  }
}

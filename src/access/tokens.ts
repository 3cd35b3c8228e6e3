import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';
import { readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { replaceFile } from '../store/replace-file.ts';
import { storeFailure } from '../store/store-failure.ts';
import { type Caller, roles, type Scope, scopeKinds } from './caller.ts';

/** Name of the file in the data directory. */
export const tokensFile = 'tokens.json';

/** A token as it may be shown: without anything that it could be made of. Instants are milliseconds since the epoch. */
export interface TokenInfo extends Scope {
  readonly id: string;
  readonly name: string;
  readonly role: Caller['role'];
  readonly createdAt: number;
  readonly createdBy: string;
  readonly expiresAt?: number;
}

type TokenRecord = TokenInfo & { /** SHA-256 of the token, in hex. */ readonly hash: string };

export type TokenOutcome =
  /** `token` is said this once, and kept nowhere. */
  | { readonly kind: 'created'; readonly info: TokenInfo; readonly token: string }
  | { readonly kind: 'refused'; readonly why: string };

/** What a text that somebody bears comes to. */
export type Verdict = { readonly kind: 'good'; readonly caller: Caller } | { readonly kind: 'expired' | 'unknown' };

const Records = z.object({
  format: z.literal(1),
  tokens: z.array(
    z.object({
      id: z.string(),
      name: z.string(),
      role: z.enum(roles),
      fleets: z.array(z.string()).optional(),
      kinds: z.array(z.enum(scopeKinds)).optional(),
      createdAt: z.number(),
      createdBy: z.string(),
      expiresAt: z.number().optional(),
      hash: z.string().regex(/^[0-9a-f]{64}$/),
    }),
  ),
});

export const mostTokens = 1000;

/** Name under which the bearer of the token in the file `admin-token` goes. */
const firstAdmin = 'admin';

export interface TokensOptions {
  /** Data directory. */
  readonly directory: string;
  /** The token that stands in the file `admin-token`. */
  readonly adminToken: string;
  /** Milliseconds since the epoch. */
  readonly now?: () => number;
}

/** The tokens of a data directory. Of each it keeps SHA-256 alone: whoever reads the file can use none. */
export class Tokens {
  /** Why the tokens of the file are not known, if it cannot be read. */
  readonly damage: string | undefined;
  readonly #path: string;
  readonly #now: () => number;
  readonly #admin: Buffer;
  readonly #revoked = new Map<string, AbortController>();
  #records: ReadonlyMap<string, TokenRecord>;
  /** What stands in the file can be read, or has been set aside. */
  #ours: boolean;

  constructor({ directory, adminToken, now = Date.now }: TokensOptions) {
    this.#path = join(directory, tokensFile);
    this.#now = now;
    this.#admin = sha256(adminToken);
    const read = readRecords(this.#path);
    this.damage = read instanceof Error ? read.message : undefined;
    this.#ours = this.damage === undefined;
    this.#records = new Map((read instanceof Error ? [] : read).map(each => [each.id, each]));
  }

  list(): readonly TokenInfo[] {
    return [...this.#records.values()].map(infoOf);
  }

  /** @throws StoreError when it cannot be stored; there is then no such token. */
  create(given: Omit<TokenInfo, 'id' | 'createdAt'>): TokenOutcome {
    const all = [...this.#records.values()];
    if (given.name === firstAdmin || all.some(each => each.name === given.name)) {
      return { kind: 'refused', why: `there is a token "${given.name}" already` };
    }
    if (all.length >= mostTokens) return { kind: 'refused', why: `there are ${mostTokens} tokens, which is the most` };
    const id = randomBytes(6).toString('hex');
    const token = `switchyard_${id}_${randomBytes(32).toString('base64url')}`;
    const record: TokenRecord = { ...given, id, createdAt: this.#now(), hash: sha256(token).toString('hex') };
    this.#store(new Map(this.#records).set(id, record), `the token "${given.name}"`);
    return { kind: 'created', info: infoOf(record), token };
  }

  /** @returns whether there was one. @throws StoreError when that cannot be stored; the token is then still good. */
  revoke(name: string): boolean {
    const record = [...this.#records.values()].find(each => each.name === name);
    if (!record) return false;
    const rest = new Map(this.#records);
    rest.delete(record.id);
    this.#store(rest, `the end of the token "${name}"`);
    this.#revoked.get(record.id)?.abort();
    this.#revoked.delete(record.id);
    return true;
  }

  /** Whose token a text is. Takes as long for a wrong one as for a good one. */
  verify(text: string): Verdict {
    const hash = sha256(text);
    if (timingSafeEqual(hash, this.#admin)) {
      return { kind: 'good', caller: { id: '', name: firstAdmin, role: 'admin' } };
    }
    const record = this.#records.get(/^switchyard_([0-9a-f]{12})_/.exec(text)?.[1] ?? '');
    const same = timingSafeEqual(hash, record ? Buffer.from(record.hash, 'hex') : this.#admin);
    if (!record || !same) return { kind: 'unknown' };
    if (record.expiresAt !== undefined && record.expiresAt <= this.#now()) return { kind: 'expired' };
    const { id, name, role, fleets, kinds, expiresAt } = record;
    const scope = { ...(fleets && { fleets }), ...(kinds && { kinds }) };
    return { kind: 'good', caller: { id, name, role, ...scope, ...(expiresAt !== undefined && { expiresAt }) } };
  }

  /**
   * Aborted when a token is revoked: what goes on for long must not outlive it. That of the first admin, who has no id,
   * never is.
   */
  revoked({ id }: Pick<Caller, 'id'>): AbortSignal {
    if (id !== '' && !this.#records.has(id)) return AbortSignal.abort();
    const controller = this.#revoked.get(id) ?? new AbortController();
    this.#revoked.set(id, controller);
    return controller.signal;
  }

  #store(records: ReadonlyMap<string, TokenRecord>, what: string): void {
    try {
      // What cannot be read may still be mended by hand.
      if (!this.#ours) setAside(this.#path);
      this.#ours = true;
      replaceFile(this.#path, `${JSON.stringify({ format: 1, tokens: [...records.values()] }, undefined, 2)}\n`);
    } catch (cause) {
      throw storeFailure(`${what} was not stored, and nothing has changed`, cause);
    }
    this.#records = records;
  }
}

function readRecords(path: string): readonly TokenRecord[] | Error {
  try {
    const { tokens } = Records.parse(JSON.parse(readFileSync(path, 'utf8')));
    // JSON has no undefined, so that what is optional is absent.
    return tokens as readonly TokenRecord[];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    const why = error instanceof z.ZodError ? 'it is not what Switchyard has written' : (error as Error).message;
    return new Error(`${path} cannot be read: ${why}`, { cause: error });
  }
}

function setAside(path: string): void {
  try {
    renameSync(path, `${path}.damaged`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
}

function infoOf({ hash: _, ...info }: TokenRecord): TokenInfo {
  return info;
}

function sha256(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}

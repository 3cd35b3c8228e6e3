import { userInfo } from 'node:os';
import type { ErrorReply } from '../admin/api.ts';
import type { AdminFlags, AdminTarget, CliHost, SendInit } from './host.ts';
import { CliFailure, printable } from './output.ts';
import { problemText } from './problem-text.ts';
import { withProgress } from './progress.ts';
import { nobodyListens, unreached } from './unreached.ts';

export interface AdminAnswer<T> {
  readonly status: number;
  readonly body: T;
}

/** Longer than the API waits at most for acknowledgements; milliseconds. */
const patience = 90_000;

/**
 * Calls the admin API.
 * @throws CliFailure that says what to do: server not reachable, token not found, or the API's own refusal.
 */
export async function callAdmin<T>(
  host: CliHost,
  flags: AdminFlags,
  method: 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE',
  path: string,
  body?: unknown,
): Promise<AdminAnswer<T>> {
  const what = path.includes('wait=acked') ? 'waiting for the proxies to acknowledge' : undefined;
  const sent = { type: 'application/json', ...(body === undefined ? {} : { body: JSON.stringify(body) }) };
  const { status, bytes } = await call(host, flags, method, path, sent, what);
  return { status, body: parse(bytes.toString('utf8'), host.adminTarget(flags).url) as T };
}

/** Fetches what is not JSON. @throws CliFailure as {@link callAdmin}. */
export async function download(host: CliHost, flags: AdminFlags, path: string): Promise<Buffer> {
  return (await call(host, flags, 'GET', path, { type: 'application/json' })).bytes;
}

/** Sends what is not JSON. @throws CliFailure as {@link callAdmin}. */
export async function upload<T>(
  host: CliHost,
  flags: AdminFlags,
  path: string,
  given: { readonly type: string; readonly body: Uint8Array<ArrayBuffer> },
): Promise<AdminAnswer<T>> {
  const { status, bytes } = await call(host, flags, 'PUT', path, given);
  return { status, body: parse(bytes.toString('utf8'), host.adminTarget(flags).url) as T };
}

/** No server was there to be asked, or it was not known how. */
export class NoServer extends CliFailure {
  /** Nothing was asked of anybody. What broke off, or was not answered, may have been carried out. */
  readonly absent: boolean;

  constructor(message: string, cause?: unknown) {
    super(message, 1, cause === undefined ? undefined : { cause });
    this.absent = cause === undefined || nobodyListens(cause);
  }
}

async function call(
  host: CliHost,
  flags: AdminFlags,
  method: string,
  path: string,
  { type, body }: { readonly type: string; readonly body?: string | Uint8Array<ArrayBuffer> },
  what?: string,
): Promise<{ readonly status: number; readonly bytes: Buffer }> {
  const target = host.adminTarget(flags);
  const { url, token, dataFolder } = target;
  if (token === undefined) {
    throw new NoServer(
      `no admin token in ${dataFolder}: name the server's data directory with --data, or give --token`,
    );
  }
  const answer = send(target, path, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': type, 'x-switchyard-author': author() },
    ...(body === undefined ? {} : { body }),
    signal: AbortSignal.any([host.signal, AbortSignal.timeout(patience)]),
  });
  const { status, bytes } = await withProgress(host, what ?? `waiting for the server at ${url}`, answer);
  if (status < 400) return { status, bytes };
  throw refusal(printable(parse(bytes.toString('utf8'), url) as Partial<ErrorReply>), status);
}

function author(): string {
  try {
    // Headers carry ASCII only.
    return `${userInfo().username.replace(/[^\x21-\x7e]/g, '?')} (CLI)`;
  } catch {
    // A user id without an entry in the system's list, as in containers.
    return 'CLI';
  }
}

async function send(
  target: AdminTarget,
  path: string,
  init: SendInit,
): Promise<{ readonly status: number; readonly bytes: Buffer }> {
  try {
    const response = await sendTo(target, path, init);
    return { status: response.status, bytes: Buffer.from(await response.arrayBuffer()) };
  } catch (cause) {
    throw new NoServer(unreached(target.url, cause, patience), cause);
  }
}

/** Calls a server; rejects as `fetch` does. */
export function sendTo({ url, send }: AdminTarget, path: string, init: SendInit): Promise<Response> {
  return send ? send(path, init) : fetch(`${url}${path}`, init);
}

/** The API speaks of its paths and queries; here they are commands and flags. */
const inCommands = [
  ['Send "Authorization: Bearer TOKEN"', "name that server's data directory with --data, or give --token"],
  ['?force=true', '--force'],
  ['?takeOver=true', '--take-over'],
  ['?allowShrink=true', '--allow-shrink'],
  ['?overrides=true', '--overrides'],
  ['GET /api/v1/revisions', '"switchyard history"'],
  ['GET /api/v1/proxies', '"switchyard status"'],
  ['/api/v1/policy', '"switchyard status"'],
] as const;

function refusal({ title, detail, hint, problems }: Partial<ErrorReply>, status: number): CliFailure {
  const listed = (problems ?? []).map(each => `\n${problemText(each).trimEnd()}`).join('');
  const words = hint && inCommands.reduce((text, [api, here]) => text.replace(api, here), hint);
  const remedy = words ? `\nhint: ${words}` : '';
  return new CliFailure(`${title ?? `status ${status}`}${detail ? `: ${detail}` : ''}${listed}${remedy}`);
}

function parse(text: string, url: string): unknown {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value;
  } catch {
    // Said below.
  }
  throw new CliFailure(`what answers at ${url} is not Switchyard's admin API`);
}

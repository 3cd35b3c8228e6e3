import { userInfo } from 'node:os';
import type { ErrorReply } from '../admin/api.ts';
import type { AdminFlags, CliHost } from './host.ts';
import { CliFailure, printable } from './output.ts';
import { problemText } from './problem-text.ts';
import { withProgress } from './progress.ts';

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
  const { url, token, dataFolder } = host.adminTarget(flags);
  if (token === undefined) {
    throw new CliFailure(
      `no admin token in ${dataFolder}: name the server's data directory with --data, or give --token`,
    );
  }
  const what = path.includes('wait=acked')
    ? 'waiting for the proxies to acknowledge'
    : `waiting for the server at ${url}`;
  const answer = send(url, path, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', 'x-switchyard-author': author() },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.any([host.signal, AbortSignal.timeout(patience)]),
  });
  const { status, text } = await withProgress(host, what, answer);
  const value = parse(text, url);
  if (status >= 400) throw refusal(printable(value as Partial<ErrorReply>), status);
  return { status, body: value as T };
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
  url: string,
  path: string,
  init: RequestInit,
): Promise<{ readonly status: number; readonly text: string }> {
  try {
    const response = await fetch(`${url}${path}`, init);
    return { status: response.status, text: await response.text() };
  } catch (cause) {
    throw new CliFailure(
      `no admin API at ${url} (${reasonOf(cause)}): is "switchyard serve" running? Else say where with --admin HOST:PORT`,
      1,
      { cause },
    );
  }
}

/** What went wrong, from the innermost cause: fetch itself only says that it failed. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  if (error.name === 'TimeoutError') return `no answer in ${patience / 1000} s`;
  if (error.cause !== undefined) return reasonOf(error.cause);
  return error.message || (error as NodeJS.ErrnoException).code || error.name;
}

/** The API speaks of its paths and queries; here they are commands and flags. */
const inCommands = [
  ['?force=true', '--force'],
  ['?takeOver=true', '--take-over'],
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

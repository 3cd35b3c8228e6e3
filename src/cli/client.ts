import type { ErrorReply } from '../admin/api.ts';
import type { AdminFlags, CliHost } from './host.ts';
import { CliFailure } from './output.ts';

export interface AdminAnswer<T> {
  readonly status: number;
  readonly body: T;
}

/**
 * Calls the admin API.
 * @throws CliFailure that says what to do: server not reachable, token not found, or the API's own refusal.
 */
export async function callAdmin<T>(
  host: CliHost,
  flags: AdminFlags,
  method: 'GET' | 'PUT' | 'PATCH' | 'DELETE',
  path: string,
  body?: unknown,
): Promise<AdminAnswer<T>> {
  const { url, token, dataFolder } = host.adminTarget(flags);
  if (token === undefined) {
    throw new CliFailure(
      `no admin token in ${dataFolder}: name the server's data directory with --data, or give --token (SWITCHYARD_TOKEN)`,
    );
  }
  const response = await send(url, path, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json', 'x-switchyard-author': author() },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(90_000),
  });
  const text = await response.text();
  if (!response.ok) throw refusal(response.status, text);
  return { status: response.status, body: parse(text, url) as T };
}

const author = () => `switchyard CLI (uid ${process.getuid?.() ?? '?'})`;

async function send(url: string, path: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(`${url}${path}`, init);
  } catch (cause) {
    const reason = cause instanceof Error && cause.cause instanceof Error ? cause.cause.message : String(cause);
    throw new CliFailure(
      `no admin API at ${url} (${reason}): is "switchyard serve" running? else --admin HOST:PORT`,
      1,
      {
        cause,
      },
    );
  }
}

function refusal(status: number, text: string): CliFailure {
  let reply: Partial<ErrorReply> = {};
  try {
    reply = JSON.parse(text) as Partial<ErrorReply>;
  } catch {
    // Not from our API: the text itself is all there is to say.
  }
  const problems = (reply.problems ?? []).map(each => `\n  ${each.path}: ${each.message}`);
  const hint = reply.hint ? `\nhint: ${reply.hint}` : '';
  return new CliFailure(
    `${reply.title ?? `status ${status}`}: ${reply.detail ?? text.slice(0, 300)}${problems.join('')}${hint}`,
  );
}

function parse(text: string, url: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new CliFailure(`what answers at ${url} is not Switchyard's admin API`, 1, { cause });
  }
}

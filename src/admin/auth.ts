import { randomBytes } from 'node:crypto';
import { chmodSync, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import path from 'node:path';
import type { MiddlewareHandler } from 'hono';
import { replaceFile } from '../store/replace-file.ts';
import { ApiError } from './problem-json.ts';
import type { Refusals } from './refusals.ts';

/** Name of the file in the data directory that holds the bearer token. */
export const tokenFile = 'admin-token';

/**
 * The bearer token of the admin API, made at the first start into a file that only its owner can read.
 * @throws when the file can neither be read nor made.
 */
export function adminToken(dataFolder: string): string {
  const file = path.join(dataFolder, tokenFile);
  const existing = readToken(dataFolder);
  if (existing !== undefined) {
    chmodSync(file, 0o600);
    return existing;
  }
  const token = randomBytes(32).toString('base64url');
  replaceFile(file, `${token}\n`);
  return token;
}

/** @returns undefined when there is none yet. @throws when it is there and cannot be read. */
export function readToken(dataFolder: string): string | undefined {
  try {
    const text = readFileSync(path.join(dataFolder, tokenFile), 'utf8').trim();
    return text.length >= 32 ? text : undefined;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw new Error(`cannot read the admin token in ${dataFolder}: ${(error as Error).message}`, { cause: error });
  }
}

/**
 * Refuses what a browser may send on another site's behalf (P28): a Host that is neither an IP address, nor localhost,
 * nor allowed by name (DNS rebinding), a foreign Origin, a cross-site fetch.
 */
export function sameSiteOnly(allowedHosts: ReadonlySet<string>, refusals: Refusals): MiddlewareHandler {
  return async (context, next) => {
    // A request may name its server twice, in its line and its header; neither may be foreign.
    const asked = new URL(context.req.url);
    for (const host of [hostOf(context.req.header('host') ?? ''), hostOf(asked.hostname)]) {
      if (isIP(host) !== 0 || host === 'localhost' || allowedHosts.has(host)) continue;
      refusals.add(context, 'host');
      throw new ApiError(403, 'Host not allowed', `Host "${host.slice(0, 100)}" is not one of this server's names.`, {
        hint: 'Call it by IP address or localhost, or allow the name with --admin-host.',
      });
    }
    const site = context.req.header('sec-fetch-site');
    const origin = context.req.header('origin');
    const foreign = origin !== undefined && origin !== `${asked.protocol}//${context.req.header('host')}`;
    if (foreign || (site !== undefined && site !== 'same-origin' && site !== 'none')) {
      refusals.add(context, 'cross_site');
      throw new ApiError(403, 'Cross-site request', 'Requests on behalf of other sites are refused.');
    }
    await next();
  };
}

function hostOf(header: string): string {
  const bracketed = /^\[([^\]]+)\](?::\d+)?$/.exec(header);
  return (bracketed?.[1] ?? header.replace(/:\d+$/, '')).toLowerCase();
}

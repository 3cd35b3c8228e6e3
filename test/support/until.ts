import { setTimeout as pause } from 'node:timers/promises';

/**
 * Waits until `look` gives something other than undefined or false, and gives that. A look that throws counts as not yet,
 * and so does one that takes too long. The limit is for what hangs: it is to hold on a machine with much else to do.
 * @throws Error that says what was awaited, and the last failure, after `within` milliseconds.
 */
export async function until<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
  within = 30_000,
): Promise<T> {
  const deadline = performance.now() + within;
  let failure: unknown;
  for (;;) {
    try {
      const found = await limited(look, within);
      if (found !== undefined && found !== false) return found;
      failure = undefined;
    } catch (error) {
      failure = error;
    }
    if (performance.now() > deadline) throw new Error(`not within ${within} ms: ${what}`, { cause: failure });
    await pause(20);
  }
}

/** What `look` gives. @throws Error when that takes more than `limit` milliseconds. */
async function limited<T>(look: () => T | Promise<T>, limit: number): Promise<T> {
  const ended = new AbortController();
  const late = pause(limit, undefined, { signal: ended.signal }).then(() => {
    throw new Error(`no answer to this question within ${limit} ms`);
  });
  try {
    return await Promise.race([look(), late]);
  } finally {
    ended.abort();
    late.catch(() => {});
  }
}

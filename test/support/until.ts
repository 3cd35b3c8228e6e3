import { setTimeout as pause } from 'node:timers/promises';

/**
 * Waits until `look` gives something other than undefined or false, and gives that. A look that throws counts as not yet.
 * @throws Error that says what was awaited, and the last failure, after `within` milliseconds.
 */
export async function until<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
  within = 10_000,
): Promise<T> {
  const deadline = performance.now() + within;
  let failure: unknown;
  for (;;) {
    try {
      const found = await look();
      if (found !== undefined && found !== false) return found;
      failure = undefined;
    } catch (error) {
      failure = error;
    }
    if (performance.now() > deadline) throw new Error(`not within ${within} ms: ${what}`, { cause: failure });
    await pause(20);
  }
}

/**
 * One line per step, with its seconds. On a terminal the line counts while the step runs; elsewhere a line is added
 * every `everyMs`, so that a log shows that something still happens.
 *
 * @param {{ readonly isTTY?: boolean, write(text: string): unknown }} out
 * @param {{ readonly everyMs?: number }} [options]
 */
export function createProgress(out, options) {
  const terminal = out.isTTY === true;
  const everyMs = options?.everyMs ?? (terminal ? 200 : 15_000);

  /** @param {string} line */
  const print = line => out.write(terminal ? `\r\x1b[K${line}\n` : `${line}\n`);

  return {
    print,

    /**
     * @template T
     * @param {string} title
     * @param {() => Promise<T>} work
     * @returns {Promise<T>}
     */
    async step(title, work) {
      const began = Date.now();
      const seconds = () => `${((Date.now() - began) / 1000).toFixed(1)} s`;
      const tick = () => out.write(terminal ? `\r\x1b[K  ${title} … ${seconds()}` : `  ${title} … ${seconds()}\n`);
      if (terminal) tick();
      const timer = setInterval(tick, everyMs);
      try {
        const result = await work();
        print(`  ${title}: done in ${seconds()}`);
        return result;
      } catch (error) {
        print(`  ${title}: FAILED after ${seconds()}`);
        throw error;
      } finally {
        clearInterval(timer);
      }
    },
  };
}

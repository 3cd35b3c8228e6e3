import type { CliHost } from './host.ts';

/** Milliseconds after which something takes long enough to be told. */
const patience = 1000;

/** Tells a person at the terminal what is waited for, once it takes longer than a second, and for how long. */
export async function withProgress<T>(host: Pick<CliHost, 'progress'>, what: string, work: Promise<T>): Promise<T> {
  const { progress } = host;
  if (!progress) return work;
  const began = performance.now();
  let told = false;
  const timer = setInterval(() => {
    told = true;
    progress(`${what} … ${Math.round((performance.now() - began) / 1000)}s`);
  }, patience);
  try {
    return await work;
  } finally {
    clearInterval(timer);
    if (told) progress('');
  }
}

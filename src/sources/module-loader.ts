import { once } from 'node:events';
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';
import type { ModuleReply, ModuleRequest } from './module-worker.ts';

export interface LoadModuleOptions {
  /** Longest run of the module, in milliseconds. */
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

const beside = (name: string): URL =>
  new URL(import.meta.url.endsWith('.ts') ? `${name}.ts` : `${name}.js`, import.meta.url);

/**
 * Runs a policy module in a thread of its own, fresh each time, and gives its default export as JSON. A module that
 * throws, hangs, exits or grows beyond 256 MiB harms nothing but itself: each of these is a `failed` reply.
 *
 * @throws the signal's reason when that ends it.
 */
export async function loadModule(file: string, { timeoutMs, signal }: LoadModuleOptions): Promise<ModuleReply> {
  signal.throwIfAborted();
  const request: ModuleRequest = { module: pathToFileURL(file).href, library: beside('../policy/define').href };
  const worker = new Worker(beside('./module-worker'), {
    workerData: request,
    // Flags that this process was started with are not meant for it.
    execArgv: [],
    resourceLimits: { maxOldGenerationSizeMb: 256 },
    stdout: true,
    stderr: true,
  });
  // What a policy prints must not get among what we print for other programs to read.
  for (const stream of [worker.stdout, worker.stderr]) stream.on('data', chunk => process.stderr.write(chunk));
  let reply: ModuleReply | undefined;
  worker.on('message', (message: unknown) => {
    if (isReply(message)) reply = message;
  });
  const failed = (message: string): ModuleReply => ({ kind: 'failed', message, stack: '', files: [file] });
  const limit = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  try {
    // Rejects with what the thread could not catch.
    const [code] = await once(worker, 'exit', { signal: limit });
    return reply ?? failed(`it ended the thread with exit code ${code}`);
  } catch (error) {
    signal.throwIfAborted();
    if (reply) return reply;
    if (limit.aborted) return failed(`it was not done after ${timeoutMs} ms`);
    return failed(error instanceof Error ? error.message : String(error));
  } finally {
    // Without a listener, what still happens in the thread would end us.
    worker.on('error', () => {});
    await worker.terminate();
  }
}

/** A module may post messages of its own. */
function isReply(message: unknown): message is ModuleReply {
  if (typeof message !== 'object' || message === null) return false;
  const reply = message as Readonly<Record<string, unknown>>;
  const hasTexts = (...keys: readonly string[]) => keys.every(key => typeof reply[key] === 'string');
  const { kind, files } = reply;
  if (!Array.isArray(files) || !files.every(file => typeof file === 'string')) return false;
  return (kind === 'loaded' && hasTexts('json')) || (kind === 'failed' && hasTexts('message', 'stack'));
}

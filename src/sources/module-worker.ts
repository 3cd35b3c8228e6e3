// Runs in a worker thread: imports one policy module and hands back its default export as JSON.
import { registerHooks } from 'node:module';
import { fileURLToPath } from 'node:url';
import { parentPort, workerData } from 'node:worker_threads';

/** What the thread is given. Both are URLs. */
export interface ModuleRequest {
  readonly module: string;
  /** What `import … from 'switchyard'` means to a policy, wherever its file lies. */
  readonly library: string;
}

/** What it answers, once. `files`: what was loaded on the way, the module itself included, packages left out. */
export type ModuleReply =
  | { readonly kind: 'loaded'; readonly json: string; readonly files: readonly string[] }
  | { readonly kind: 'failed'; readonly message: string; readonly stack: string; readonly files: readonly string[] };

const { module, library } = workerData as ModuleRequest;
const ours = new URL('../', import.meta.url).href;
const files = new Set<string>();

registerHooks({
  resolve: (specifier, context, next) =>
    specifier === 'switchyard' ? { url: library, shortCircuit: true } : next(specifier, context),
  load: (url, context, next) => {
    if (url.startsWith('file:') && !url.includes('/node_modules/') && !url.startsWith(ours)) {
      files.add(fileURLToPath(url));
    }
    return next(url, context);
  },
});

/** The value as JSON can hold it. @throws TypeError naming the place of what it cannot. */
function plain(value: unknown, path: string, above: readonly object[]): unknown {
  if (value === null || typeof value === 'string' || typeof value === 'boolean' || value === undefined) return value;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  if (typeof value !== 'object') throw new TypeError(`${path} is ${describe(value)}; a policy is plain data`);
  if (above.includes(value)) throw new TypeError(`${path} contains itself; a policy is plain data`);
  if ('toJSON' in value && typeof value.toJSON === 'function') return plain(value.toJSON(), path, [...above, value]);
  const inside = [...above, value];
  if (Array.isArray(value)) return value.map((item, index) => plain(item, `${path}[${index}]`, inside));
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item, `${path}.${key}`, inside)]));
}

function describe(value: unknown): string {
  return typeof value === 'function' ? 'a function' : typeof value === 'number' ? String(value) : `a ${typeof value}`;
}

async function load(): Promise<ModuleReply> {
  try {
    const loaded = (await import(module)) as { readonly default?: unknown };
    if (!('default' in loaded))
      throw new TypeError('it has no default export; write export default definePolicy({ … })');
    const json = JSON.stringify(plain(await loaded.default, 'the default export', []));
    if (json === undefined) throw new TypeError('its default export is undefined');
    return { kind: 'loaded', json, files: [...files] };
  } catch (error) {
    const { message, stack } = error instanceof Error ? error : new Error(String(error));
    // Whatever was thrown, its parts need not be texts.
    return { kind: 'failed', message: `${message}`, stack: typeof stack === 'string' ? stack : '', files: [...files] };
  }
}

parentPort?.postMessage(await load());
// Whatever the module has left running ends here; what it has printed is still handed over.
process.exit();

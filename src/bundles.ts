import { mkdir, open, readdir, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Accepted, Control } from './control/control.ts';
import type { FleetIr } from './ir/ir.ts';
import { bundle } from './snapshot/bundle.ts';
import { bootstrap, bootstrapDefaults } from './translate/bootstrap.ts';
import { translate } from './translate/translate.ts';

export interface BundleOptions {
  readonly control: Pick<Control, 'accepted' | 'onChange'>;
  /** Made when it is not there. */
  readonly folder: string;
  readonly report: (message: string, error: unknown) => void;
  readonly signal: AbortSignal;
  /** How long to rest after a round of writing that took `ms`, in milliseconds. */
  readonly restAfter?: (ms: number) => number;
}

/** A big fleet's bundle takes the process and the disk tens of milliseconds: no more than a tenth of the time. */
const usualRest = (ms: number): number => Math.min(9 * ms, 10_000);

/**
 * Keeps a static Envoy configuration per fleet on disk, so that an Envoy can start while we are down (P2). Files are
 * replaced as a whole; of many changes in a row, some are passed over. Settles when the signal has ended it and the
 * newest is written.
 */
export async function keepBundles(options: BundleOptions): Promise<void> {
  const { control, folder, report, signal, restAfter = usualRest } = options;
  const written = new Map<string, string>();
  let failing = false;
  for (;;) {
    const { accepted } = control;
    const begun = performance.now();
    if (accepted) {
      try {
        await writeChanged(folder, accepted, written);
        failing = false;
      } catch (error) {
        if (!failing) report(`the bundles in ${folder} are not up to date`, error);
        failing = true;
      }
    }
    if (signal.aborted) return;
    await rest(failing ? retryPause : restAfter(performance.now() - begun), signal);
    if (!failing) await changeOf(control, accepted, signal);
    if (signal.aborted && control.accepted === accepted) return;
  }
}

const retryPause = 10_000;

async function rest(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal });
  } catch {
    // Ended: the caller looks.
  }
}

async function writeChanged(folder: string, accepted: Accepted, written: Map<string, string>): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  for (const fleet of accepted.fleets) {
    const version = accepted.snapshots.get(fleet.key)?.version;
    const name = fileOf(fleet.key);
    if (version === undefined || written.get(name) === version) continue;
    await writeWhole(join(folder, name), `${JSON.stringify(bundleOf(fleet), undefined, 2)}\n`);
    written.set(name, version);
  }
  const wanted = new Set(accepted.fleets.map(fleet => fileOf(fleet.key)));
  for (const name of await readdir(folder)) {
    if (!name.endsWith('.json') || wanted.has(name)) continue;
    await rm(join(folder, name), { force: true });
    written.delete(name);
  }
}

/** Node id, cluster and admin address are those of the fleet's first proxy as a guess; flags of Envoy change them. */
function bundleOf(fleet: FleetIr): unknown {
  const base = bootstrap({
    node: { id: fleet.members?.[0] ?? fleet.fleetName, cluster: fleet.match.cluster ?? fleet.fleetName },
    xds: ['127.0.0.1:18000'],
    variant: 'delta',
    admin: '127.0.0.1:9901',
    ...bootstrapDefaults,
  });
  return bundle(translate(fleet), base);
}

/** Fleet names hold no underscore, so that no two keys share a file. */
const fileOf = (key: string): string => `${key.replaceAll(/[^A-Za-z0-9.-]/g, '_')}.json`;

async function writeWhole(path: string, text: string): Promise<void> {
  const file = await open(`${path}.new`, 'w', 0o600);
  try {
    await file.writeFile(text);
    await file.sync();
  } finally {
    await file.close();
  }
  await rename(`${path}.new`, path);
}

/** Settles when something else than `seen` is in force, or the signal ends it. */
async function changeOf(
  control: BundleOptions['control'],
  seen: Accepted | undefined,
  signal: AbortSignal,
): Promise<void> {
  if (signal.aborted || control.accepted !== seen) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  const unsubscribe = control.onChange(() => {
    if (control.accepted !== seen) resolve();
  });
  const stop = () => resolve();
  signal.addEventListener('abort', stop, { once: true });
  await promise;
  unsubscribe();
  signal.removeEventListener('abort', stop);
}

import {
  appendFileSync,
  chownSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  readFileSync,
  realpathSync,
  rmSync,
} from 'node:fs';
import path from 'node:path';
import { which } from '../../setup/command.mjs';
import { findEnvoy } from '../../setup/envoy.mjs';
import { npmPack } from '../../setup/npm.mjs';
import type { Daemon } from './daemon.ts';
import { CannotRun, must, run } from './shell.ts';

const root = path.join(import.meta.dirname, '..', '..');
const certificates = '/etc/ssl/certs/ca-certificates.crt';

/** How an image came to be there. */
export interface BaseImage {
  readonly tag: string;
  readonly from: 'there already' | 'pulled' | 'a stand-in made here';
}

/**
 * Brings the official images: those that are there, else pulled ones, else stand-ins under the same tags, made of this
 * machine's own system: its Debian packages, and the Node and the Envoy of this checkout.
 *
 * @param made is told of each image that was not there before
 * @throws CannotRun when none of the ways is open
 */
export async function provideBaseImages(
  daemon: Daemon,
  folder: string,
  made: (tag: string) => void,
  signal: AbortSignal,
): Promise<readonly BaseImage[]> {
  const images: BaseImage[] = [];
  for (const [tag, build] of Object.entries(wanted())) {
    if ((await run('docker', ['image', 'inspect', tag], { env: daemon.env, signal })).ok) {
      images.push({ tag, from: 'there already' });
      continue;
    }
    const pulled = await run('docker', ['pull', '--quiet', tag], { env: daemon.env, signal, timeoutMs: 300_000 });
    if (!pulled.ok) await build(tag, { daemon, folder, signal, why: pulled.output.trim().split('\n').at(-1) ?? '' });
    made(tag);
    images.push({ tag, from: pulled.ok ? 'pulled' : 'a stand-in made here' });
  }
  return images;
}

interface StandIn {
  readonly daemon: Daemon;
  readonly folder: string;
  readonly signal: AbortSignal;
  /** Why the official one could not be pulled. */
  readonly why: string;
}

/** The images that the compose files name, and how to make each. */
function wanted(): Readonly<Record<string, (tag: string, standIn: StandIn) => Promise<void>>> {
  const text = readFileSync(path.join(root, 'compose', 'demo.yaml'), 'utf8');
  const tag = (pattern: RegExp) => {
    const found = pattern.exec(text)?.[1];
    if (found === undefined) throw new Error(`compose/demo.yaml names no image like ${pattern}`);
    return found;
  };
  return { [tag(/image: (node:\S+)/)]: nodeStandIn, [tag(/image: (envoyproxy\/envoy:\S+)/)]: envoyStandIn };
}

/** Debian's base system with Node and npm, and the user that the official image has. */
async function nodeStandIn(tag: string, { daemon, folder, signal, why }: StandIn): Promise<void> {
  for (const program of ['debootstrap', 'tar']) {
    if (process.getuid?.() === 0 && which(program, process.env.PATH) !== undefined) continue;
    throw new CannotRun(
      `${tag} cannot be pulled (${why}), and a stand-in needs root and ${program} (Debian: apt-get install debootstrap).`,
    );
  }
  const system = path.join(folder, 'node-image');
  const suite = /^VERSION_CODENAME=(\w+)$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? 'stable';
  const built = await run('debootstrap', ['--variant=minbase', suite, system], { signal, timeoutMs: 300_000 });
  if (!built.ok) {
    throw new CannotRun(
      `${tag} cannot be pulled (${why}), and debootstrap fails: ${built.output.trim().split('\n').at(-1)}`,
    );
  }
  for (const waste of ['var/cache/apt', 'var/lib/apt/lists', 'usr/share/doc', 'usr/share/locale', 'usr/share/man']) {
    rmSync(path.join(system, waste), { recursive: true, force: true });
  }
  copyFileSync(process.execPath, path.join(system, 'usr/local/bin/node'));
  await installNpm(system, folder, signal);
  appendFileSync(path.join(system, 'etc/passwd'), 'node:x:1000:1000::/home/node:/bin/bash\n');
  appendFileSync(path.join(system, 'etc/group'), 'node:x:1000:\n');
  mkdirSync(path.join(system, 'home/node'), { recursive: true });
  chownSync(path.join(system, 'home/node'), 1000, 1000);
  // This machine's authorities, so that npm gets through the same proxies as here.
  mkdirSync(path.join(system, path.dirname(certificates)), { recursive: true });
  copyFileSync(certificates, path.join(system, certificates));
  await importImage(tag, system, [`ENV NODE_EXTRA_CA_CERTS=${certificates}`, 'CMD ["node"]'], {
    daemon,
    folder,
    signal,
  });
}

/** npm as its maker packs it: unlike Debian's, it holds all that it needs. */
async function installNpm(system: string, folder: string, signal: AbortSignal): Promise<void> {
  const archive = await npmPack('npm@11', folder, 'Fetching npm for the stand-in image');
  await must('tar', ['-xzf', archive, '-C', folder], { signal });
  rmSync(archive);
  const modules = path.join(system, 'usr/local/lib/node_modules');
  mkdirSync(modules, { recursive: true });
  cpSync(path.join(folder, 'package'), path.join(modules, 'npm'), { recursive: true });
  rmSync(path.join(folder, 'package'), { recursive: true });
  await must('ln', ['-s', '../lib/node_modules/npm/bin/npm-cli.js', path.join(system, 'usr/local/bin/npm')], {
    signal,
  });
  await must('chmod', ['+x', path.join(modules, 'npm/bin/npm-cli.js')], { signal });
}

/** Envoy and the libraries that it loads, nothing else: no shell, as in the official image. */
async function envoyStandIn(tag: string, { daemon, folder, signal, why }: StandIn): Promise<void> {
  // Fetches it where this machine has none.
  await must(process.execPath, ['setup/run.mjs', 'envoy', '--version'], { cwd: root, signal, timeoutMs: 300_000 });
  const envoy = findEnvoy(root, process.env);
  if (envoy === undefined) throw new CannotRun(`${tag} cannot be pulled (${why}), and this machine has no Envoy.`);
  const system = path.join(folder, 'envoy-image');
  const libraries = (await must('ldd', [envoy], { signal })).match(/\/\S+/g) ?? [];
  const files = new Map([[envoy, '/usr/local/bin/envoy'], ...libraries.map(each => [each, each] as const)]);
  for (const [from, to] of files) {
    mkdirSync(path.join(system, path.dirname(to)), { recursive: true });
    copyFileSync(realpathSync(from), path.join(system, to));
  }
  mkdirSync(path.join(system, 'etc/envoy'), { recursive: true });
  const changes = ['USER 65532', 'ENTRYPOINT ["/usr/local/bin/envoy"]', 'CMD ["-c", "/etc/envoy/envoy.yaml"]'];
  await importImage(tag, system, changes, { daemon, folder, signal });
}

async function importImage(
  tag: string,
  system: string,
  changes: readonly string[],
  { daemon, folder, signal }: Pick<StandIn, 'daemon' | 'folder' | 'signal'>,
): Promise<void> {
  const archive = path.join(folder, 'image.tar');
  await must('tar', ['-C', system, '-cf', archive, '.'], { signal });
  rmSync(system, { recursive: true, force: true });
  const options = changes.flatMap(change => ['--change', change]);
  await must('docker', ['import', ...options, archive, tag], { env: daemon.env, signal, timeoutMs: 120_000 });
  rmSync(archive);
}

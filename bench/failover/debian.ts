import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';

const execute = promisify(execFile);
const root = path.join(import.meta.dirname, '..', '..', '.tools', 'debian');

/** A program out of one of Debian's packages, unpacked into the checkout; nothing is installed. */
export interface DebianProgram {
  readonly file: string;
  /** Of the package, such as `2.6.12-1+deb12u4`. */
  readonly version: string;
  /** With the libraries that the machine lacks. */
  readonly env: NodeJS.ProcessEnv;
}

/**
 * Fetches a package and the libraries that it needs and the machine lacks, from the machine's own package sources.
 * @throws Error that says what to do when that cannot be.
 */
export async function debianProgram(name: string, say: (line: string) => void): Promise<DebianProgram> {
  const version = await candidate(name);
  const folder = path.join(root, `${name}_${version.replace(/[^\w.+~-]/g, '_')}`);
  if (!existsSync(folder)) {
    const packages = [name, ...(await missingLibraries(name))];
    say(`fetching ${packages.join(', ')} with apt-get`);
    await unpack(packages, folder);
  }
  const file = path.join(folder, 'usr', 'sbin', name);
  if (!existsSync(file)) throw new Error(`Debian's package ${name} holds no /usr/sbin/${name}`);
  const libraries = libraryFolders(folder).join(':');
  return { file, version, env: { ...process.env, ...(libraries ? { LD_LIBRARY_PATH: libraries } : {}) } };
}

/** The version that apt would install. */
async function candidate(name: string): Promise<string> {
  const { stdout } = await execute('apt-cache', ['policy', name], { env: { ...process.env, LC_ALL: 'C' } }).catch(
    (cause: unknown) => {
      const others = 'leave haproxy and nginx out with --system switchyard';
      throw new Error(`the bench takes ${name} from Debian's packages, and there is no apt here: ${others}`, { cause });
    },
  );
  const found = /Candidate: (\S+)/.exec(stdout)?.[1];
  if (found !== undefined && found !== '(none)') return found;
  throw new Error(`apt knows no package ${name}: run "apt-get update" as root, or leave it out with --system`);
}

/** Libraries among the dependencies, and theirs, that are not installed. */
async function missingLibraries(name: string, known = new Set<string>()): Promise<string[]> {
  const { stdout } = await execute('apt-cache', ['depends', '--important', name], {
    env: { ...process.env, LC_ALL: 'C' },
  });
  const needed = [...stdout.matchAll(/^ {2}(?:Pre)?Depends: (lib\S+)$/gm)].map(([, library = '']) => library);
  const missing: string[] = [];
  for (const library of needed) {
    if (known.has(library)) continue;
    known.add(library);
    if (!(await isInstalled(library))) missing.push(library, ...(await missingLibraries(library, known)));
  }
  return missing;
}

async function isInstalled(name: string): Promise<boolean> {
  return await execute('dpkg', ['-s', name]).then(
    ({ stdout }) => stdout.includes('Status: install ok installed'),
    () => false,
  );
}

/** Into a new folder, whole or not at all. */
async function unpack(packages: readonly string[], folder: string): Promise<void> {
  const fresh = `${folder}.new`;
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(fresh, { recursive: true });
  await execute('apt-get', ['download', ...packages], { cwd: fresh }).catch((cause: unknown) => {
    throw new Error(`apt-get could not fetch ${packages.join(', ')}: is the network there?`, { cause });
  });
  for (const file of readdirSync(fresh).filter(each => each.endsWith('.deb'))) {
    await execute('dpkg', ['-x', file, '.'], { cwd: fresh });
    rmSync(path.join(fresh, file));
  }
  renameSync(fresh, folder);
}

function libraryFolders(folder: string): string[] {
  const holders = ['lib', 'usr/lib'].map(each => path.join(folder, each)).filter(each => existsSync(each));
  return holders
    .flatMap(each => [each, ...readdirSync(each).map(inner => path.join(each, inner))])
    .filter(each => readdirSync(each, { withFileTypes: true }).some(({ name }) => /\.so(\.\d+)*$/.test(name)));
}

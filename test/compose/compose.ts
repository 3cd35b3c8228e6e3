import { must, type Ran, run } from './shell.ts';

/** The generations of compose: one Python program of its own, and the plugin of the docker command. */
export const generations = {
  v1: ['docker-compose'],
  v2: ['docker', 'compose'],
} as const;
export type Generation = keyof typeof generations;

/** A compose project that the test runs. */
export interface Project {
  readonly name: string;
  /** Runs compose with these arguments. @throws Error with its last lines. */
  compose(args: readonly string[], timeoutMs?: number): Promise<string>;
  /** Runs docker with these arguments. @throws Error with its last lines. */
  docker(args: readonly string[]): Promise<string>;
  /** Id of the container of a service. */
  container(service: string): Promise<string>;
  /** Names of what the daemon has of the project: containers, volumes, networks. */
  remains(): Promise<readonly string[]>;
  /** Ends and removes all of it; also after the test's signal. */
  down(): Promise<Ran>;
}

/** Those that this machine has, with their versions. */
export async function composeVersions(
  env: NodeJS.ProcessEnv,
  signal: AbortSignal,
): Promise<ReadonlyMap<Generation, string>> {
  const found = new Map<Generation, string>();
  for (const generation of ['v2', 'v1'] as const) {
    const [file, ...before] = generations[generation];
    const { ok, stdout } = await run(file, [...before, 'version', '--short'], { env, signal });
    const version = stdout.trim().replace(/^v/, '');
    // In some distributions the old name starts the new program.
    if (ok && (generation === 'v1') === version.startsWith('1.')) found.set(generation, version);
  }
  return found;
}

export function composeProject(
  generation: Generation,
  options: {
    readonly name: string;
    readonly file: string;
    readonly env: NodeJS.ProcessEnv;
    readonly signal: AbortSignal;
  },
): Project {
  const { name, file, env, signal } = options;
  const [program, ...before] = generations[generation];
  const all = [...before, '-f', file, '-p', name];
  const docker = (args: readonly string[]) => must('docker', args, { env, signal });
  return {
    name,
    docker,
    compose: (args, timeoutMs = 60_000) => must(program, [...all, ...args], { env, signal, timeoutMs }),
    container: async service => {
      const labels = [`label=com.docker.compose.project=${name}`, `label=com.docker.compose.service=${service}`];
      const id = await docker(['ps', '-aq', '--no-trunc', ...labels.flatMap(label => ['--filter', label])]);
      if (!/^\w+\n$/.test(id)) throw new Error(`${service} has not exactly one container: "${id.trim()}"`);
      return id.trim();
    },
    remains: async () => {
      const label = ['--filter', `label=com.docker.compose.project=${name}`];
      const lists = [
        ['ps', '-a', '--format', '{{.Names}}', ...label],
        ['volume', 'ls', '--format', '{{.Name}}', ...label],
        ['network', 'ls', '--format', '{{.Name}}', ...label],
      ];
      const texts = await Promise.all(lists.map(docker));
      return texts.flatMap(text => text.split('\n').filter(line => line !== ''));
    },
    down: () => run(program, [...all, 'down', '-v', '--remove-orphans', '-t', '3'], { env, timeoutMs: 120_000 }),
  };
}

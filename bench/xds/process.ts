import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { createInterface } from 'node:readline';

/** A process that answers each line with one, pinned to a core where that can be had. */
export class Led {
  readonly name: string;
  readonly #child: ChildProcess;
  readonly #waiting: { readonly command: string; readonly resolve: (line: string) => void }[] = [];
  readonly #ended: Promise<void>;
  #reject: (error: Error) => void = () => {};
  #errors = '';

  /** @param core undefined: wherever the system likes. */
  constructor(name: string, command: readonly string[], core: number | undefined) {
    this.name = name;
    const [file = '', ...args] = pinned(command, core);
    this.#child = spawn(file, args, { stdio: ['pipe', 'pipe', 'pipe'] });
    this.#child.stderr?.on('data', (chunk: Buffer) => {
      this.#errors = (this.#errors + chunk.toString()).slice(-4096);
    });
    this.#child.stdin?.on('error', () => {});
    if (this.#child.stdout) createInterface({ input: this.#child.stdout }).on('line', line => this.#answered(line));
    this.#ended = new Promise(resolve => {
      this.#child.once('error', error => {
        this.#errors += error.message;
        resolve();
      });
      this.#child.once('exit', () => resolve());
    });
    void this.#ended.then(() => this.#reject(new Error(`${name} has ended:\n${this.#errors}`)));
  }

  get pid(): number {
    return this.#child.pid ?? -1;
  }

  get errors(): string {
    return this.#errors;
  }

  /** The answer to a command; an empty command waits for a line that comes by itself. Rejects when the process ends. */
  async ask(command: string): Promise<string> {
    const line = new Promise<string>((resolve, reject) => {
      this.#waiting.push({ command, resolve });
      this.#reject = reject;
    });
    if (command !== '') this.#child.stdin?.write(`${command}\n`);
    const answer = await line;
    if (answer.startsWith('failed')) throw new Error(`${this.name}, asked to ${command}: ${answer}`);
    return answer;
  }

  async stop(): Promise<void> {
    this.#reject = () => {};
    const force = setTimeout(() => this.#child.kill('SIGKILL'), 2000);
    this.#child.stdin?.end('quit\n');
    await this.#ended;
    clearTimeout(force);
  }

  #answered(line: string): void {
    this.#waiting.shift()?.resolve(line);
  }
}

const hasTaskset = spawnSync('taskset', ['--version'], { stdio: 'ignore' }).error === undefined;

export const canPin = hasTaskset && availableParallelism() > 1;

function pinned(command: readonly string[], core: number | undefined): readonly string[] {
  return core === undefined || !canPin ? command : ['taskset', '-c', String(core), ...command];
}

/** Nanoseconds of processor time that all threads of a process have used. */
export function cpuOf(pid: number): number {
  let sum = 0;
  for (const task of readdirSync(`/proc/${pid}/task`)) {
    sum += Number(readFileSync(`/proc/${pid}/task/${task}/schedstat`, 'latin1').split(' ')[0]);
  }
  return sum;
}

/** Ten seconds: who is busy that long has something to do of its own. */
const MOST_LOOKS = 250;

/** The same, once it does nothing any more. */
export async function quietCpuOf(pid: number): Promise<number> {
  for (let before = cpuOf(pid), tries = 0; ; tries++) {
    await new Promise(resolve => setTimeout(resolve, 40));
    const after = cpuOf(pid);
    if (after - before < 1_000_000 || tries > MOST_LOOKS) return after;
    before = after;
  }
}

/** Bytes resident at most since `resetPeak`. */
export function peakOf(pid: number): number {
  const found = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'));
  return Number(found?.[1] ?? Number.NaN) * 1024;
}

export function resetPeak(pid: number): void {
  writeFileSync(`/proc/${pid}/clear_refs`, '5');
}

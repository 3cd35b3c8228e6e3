import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';
import { until } from './until.ts';

const root = path.dirname(path.dirname(import.meta.dirname));

/**
 * A pseudo-terminal of 80 by 24 around a command: what is typed goes in, what a person would see comes out, and the exit
 * code is that of the command. Python's own module makes it, so that nothing is to be compiled.
 */
const around = `
import fcntl, os, pty, select, struct, sys, termios
pid, terminal = pty.fork()
if pid == 0:
    os.execv(sys.argv[1], sys.argv[1:])
fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack('HHHH', 24, 80, 0, 0))
sources = [terminal, 0]
while terminal in sources:
    ready, _, _ = select.select(sources, [], [])
    if 0 in ready:
        typed = os.read(0, 4096)
        if typed: os.write(terminal, typed)
        else: sources.remove(0)
    if terminal in ready:
        try: shown = os.read(terminal, 4096)
        except OSError: shown = b''
        if shown: os.write(1, shown)
        else: sources.remove(terminal)
_, status = os.waitpid(pid, 0)
sys.exit(os.waitstatus_to_exitcode(status) if os.WIFEXITED(status) else 128 + os.WTERMSIG(status))
`;

/** A command that believes that a person is there. */
export class PseudoTerminal implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly #ended: Promise<number | null>;
  #text = '';

  /** Runs `switchyard` with nothing in its environment but this. */
  constructor(args: readonly string[], cwd: string, env: Readonly<Record<string, string>> = {}) {
    const command = [process.execPath, path.join(root, 'src/cli/main.ts'), ...args];
    this.#child = spawn('python3', ['-c', around, ...command], {
      cwd,
      env: { PATH: process.env['PATH'] ?? '', HOME: process.env['HOME'] ?? '/', TERM: 'xterm-256color', ...env },
      stdio: ['pipe', 'pipe', 'inherit'],
      timeout: 120_000,
    });
    this.#child.stdout?.on('data', (chunk: Buffer) => {
      this.#text += chunk.toString();
    });
    this.#ended = new Promise((resolve, reject) => {
      this.#child.once('error', reject);
      this.#child.once('close', resolve);
    });
  }

  /** All that was shown so far, with the sequences that a terminal obeys. */
  get text(): string {
    return this.#text;
  }

  type(text: string): void {
    this.#child.stdin?.write(text);
  }

  /** Waits until something is shown, from a place on. @returns where it ends. */
  async shows(what: string | RegExp, from = 0): Promise<number> {
    const end = await until(
      `the terminal shows ${what}`,
      async () => {
        const rest = this.#text.slice(from);
        const found = typeof what === 'string' ? what : what.exec(rest)?.[0];
        const at = found === undefined ? -1 : rest.indexOf(found);
        return at >= 0 && from + at + (found ?? '').length;
      },
      30_000,
    ).catch((cause: unknown) => {
      throw new Error(JSON.stringify(this.#text), { cause });
    });
    return end;
  }

  /** Its exit code, once it has ended. */
  ended(): Promise<number | null> {
    return this.#ended;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) this.#child.kill('SIGKILL');
    await this.#ended;
  }
}

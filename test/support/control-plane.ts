import { type ChildProcess, spawn } from 'node:child_process';
import path from 'node:path';
import type { PolicyReply, ProxyReply } from '../../src/admin/api.ts';
import { readToken } from '../../src/admin/auth.ts';
import { until } from './until.ts';
import { testTransport } from './xds-transport.ts';

const root = path.dirname(path.dirname(import.meta.dirname));

export interface ControlPlaneOptions {
  readonly policyFile: string;
  readonly dataFolder: string;
  readonly xdsPort: number;
  readonly adminPort: number;
  /** Further flags of `serve`. */
  readonly flags?: readonly string[];
}

/** The product, started as a user would, in a process of its own so that it can be killed. */
export class ControlPlane {
  readonly #options: ControlPlaneOptions;
  #child: ChildProcess | undefined;
  #output = '';

  constructor(options: ControlPlaneOptions) {
    this.#options = options;
  }

  get output(): string {
    return this.#output;
  }

  get adminPort(): number {
    return this.#options.adminPort;
  }

  get running(): boolean {
    return this.#child !== undefined && this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** Resolves when it answers; with `policy: false` even though no policy is in force. */
  async start({ policy = true }: { readonly policy?: boolean } = {}): Promise<void> {
    const { policyFile, dataFolder, xdsPort, adminPort, flags = [] } = this.#options;
    const child = spawn(
      process.execPath,
      [
        ...['src/cli/main.ts', 'serve', '--policy', policyFile, '--data', dataFolder],
        ...['--xds', `127.0.0.1:${xdsPort}`, '--admin', `127.0.0.1:${adminPort}`],
        ...['--xds-transport', testTransport, ...flags],
      ],
      { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] },
    );
    this.#child = child;
    let refused = false;
    const keep = (chunk: Buffer) => {
      refused ||= chunk.includes('the policy was not taken');
      this.#output = (this.#output + chunk.toString()).slice(-65_536);
    };
    child.stdout.on('data', keep);
    child.stderr.on('data', keep);
    child.once('error', error => keep(Buffer.from(`${error}\n`)));
    const ready = policy ? '/readyz' : '/healthz';
    const isReady = async () => (await fetch(`http://127.0.0.1:${adminPort}${ready}`)).ok;
    await until(
      `the control plane answers ${ready}`,
      async () => !this.running || (await isReady()) || (policy && refused),
      60_000,
    ).catch((cause: unknown) => {
      throw new Error(`the control plane is not ready:\n${this.#output}`, { cause });
    });
    if (!this.running) throw new Error(`the control plane ended at once:\n${this.#output}`);
    if (!(await isReady())) throw new Error(`the control plane has no policy:\n${this.#output}`);
  }

  /** Ends it, and waits for its end. */
  async stop(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const child = this.#child;
    if (!child || !this.running) return;
    const ended = new Promise(resolve => child.once('exit', resolve));
    child.kill(signal);
    const force = setTimeout(() => child.kill('SIGKILL'), 15_000);
    await ended;
    clearTimeout(force);
  }

  /** Without waiting, for when the test process itself ends. */
  killNow(): void {
    if (this.running) this.#child?.kill('SIGKILL');
  }

  /** One call of the admin API, at its full path, such as `/api/v1/policy`. */
  async api<T = unknown>(method: string, url: string, body?: unknown): Promise<{ status: number; body: T }> {
    const token = readToken(this.#options.dataFolder);
    const response = await fetch(`http://127.0.0.1:${this.#options.adminPort}${url}`, {
      method,
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(60_000),
    });
    const text = await response.text();
    const json = response.headers.get('content-type')?.includes('json') ?? false;
    return { status: response.status, body: (json ? JSON.parse(text) : text) as T };
  }

  async policy(): Promise<PolicyReply> {
    return (await this.api<PolicyReply>('GET', '/api/v1/policy')).body;
  }

  async proxies(): Promise<readonly ProxyReply[]> {
    return (await this.api<{ proxies: readonly ProxyReply[] }>('GET', '/api/v1/proxies?limit=1000')).body.proxies;
  }
}

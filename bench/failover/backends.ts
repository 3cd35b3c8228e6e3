import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { now, type Stall } from './stalls.ts';

/** What a process is told: what to be, not ready for so many milliseconds after its ports are open; how to answer from now on. */
export type ToBackend =
  | { readonly kind: 'listen'; readonly listeners: Listeners; readonly startingMs: number }
  | { readonly kind: 'status'; readonly status: number };

/** Name of an application → its port. */
type Listeners = Readonly<Record<string, number>>;

type FromBackend = { readonly kind: 'waiting' | 'listening' | 'ready' | 'done' } | ({ readonly kind: 'stall' } & Stall);

const program = path.join(import.meta.dirname, 'backend-process.ts');
const running = new Set<ChildProcess>();
// SIGKILL ends stopped processes too.
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** A process with applications. */
class BackendProcess {
  readonly #child: ChildProcess;
  readonly #ended: Promise<unknown>;

  private constructor(child: ChildProcess) {
    this.#child = child;
    running.add(child);
    this.#ended = once(child, 'exit').finally(() => running.delete(child));
    // Messages to a process that has just been killed are lost, as they should be.
    child.on('error', () => {});
  }

  /** Resolves when it waits to be told what to be. */
  static async start(): Promise<BackendProcess> {
    const started = new BackendProcess(fork(program));
    await started.#unlessEnded(started.heard('waiting'));
    return started;
  }

  /** Resolves when all its ports are open. */
  async listen(listeners: Listeners, startingMs = 0): Promise<void> {
    const listening = this.heard('listening');
    this.#send({ kind: 'listen', listeners, startingMs });
    await this.#unlessEnded(listening);
  }

  onStall(onStall: (stall: Stall) => void): void {
    this.#child.on('message', (message: FromBackend) => {
      if (message.kind === 'stall') onStall(message);
    });
  }

  async #unlessEnded(heard: Promise<void>): Promise<void> {
    await Promise.race([heard, this.#ended.then(() => Promise.reject(new Error('applications ended')))]);
  }

  #send(message: ToBackend): void {
    this.#child.send(message);
  }

  heard(kind: FromBackend['kind']): Promise<void> {
    return new Promise(resolve => {
      const look = (message: FromBackend) => {
        if (message.kind !== kind) return;
        this.#child.off('message', look);
        resolve();
      };
      this.#child.on('message', look);
    });
  }

  async answer(status: number): Promise<void> {
    const done = this.heard('done');
    this.#send({ kind: 'status', status });
    await done;
  }

  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  async end(signal: NodeJS.Signals): Promise<void> {
    this.#child.kill(signal);
    await this.#ended;
  }
}

/** Applications that nothing happens to, all in one process. */
export async function startBystanders(listeners: Listeners, onStall: (stall: Stall) => void): Promise<AsyncDisposable> {
  const started = await BackendProcess.start();
  started.onStall(onStall);
  await started.listen(listeners);
  return { [Symbol.asyncDispose]: () => started.end('SIGKILL') };
}

/** Processes that wait to be told what to be. */
const waiting: BackendProcess[] = [];

/** Has so many processes wait: the start of one is work for a good part of a second, which would starve what measures. */
export async function stock(count: number): Promise<void> {
  const missing = Array.from({ length: Math.max(0, count - waiting.length) }, () => BackendProcess.start());
  waiting.push(...(await Promise.all(missing)));
}

/** Ends those that wait. */
export async function clearStock(): Promise<void> {
  await Promise.all(waiting.splice(0).map(each => each.end('SIGKILL')));
}

/** How long an application that starts slowly is not ready after its port is open, in milliseconds. */
export const startingMs = 3000;

/**
 * An application in a process of its own, which faults are done to. Every way to harm it resolves, with the time of
 * {@link now} from which on it was so, and `mend` undoes all of them.
 */
export class Victim implements AsyncDisposable {
  readonly name: string;
  readonly port: number;
  #process: BackendProcess | undefined;
  #stopped = false;
  #fillers: Socket[] = [];
  #ready: Promise<void> = Promise.resolve();

  constructor(name: string, port: number) {
    this.name = name;
    this.port = port;
  }

  async start(): Promise<void> {
    await this.#start();
  }

  /** Killed: its connections are cut, its port is closed. */
  async crash(): Promise<number> {
    const at = now();
    await this.#end('SIGKILL');
    return at;
  }

  /** Ends in order, as at a restart: what is under way is answered, idle connections end, its port is closed. */
  async refuse(): Promise<number> {
    const at = now();
    await this.#end('SIGTERM');
    return at;
  }

  /** Stands still: the kernel takes connections and bytes, nobody reads them. */
  async hang(): Promise<number> {
    const at = now();
    this.#stopped = true;
    this.#process?.signal('SIGSTOP');
    return at;
  }

  /** Gone without a word: it stands still, and with its queue full the kernel drops what asks for a connection. */
  async vanish(): Promise<number> {
    const at = await this.hang();
    this.#fillers = await fillQueue(this.port);
    return at;
  }

  /** Answers 503 to everything, checks included. */
  async fail(): Promise<number> {
    const at = now();
    await this.#process?.answer(503);
    return at;
  }

  /** After its end: back on its port, where it answers 503 to everything until it is ready. */
  async startSlowly(): Promise<number> {
    const started = await this.#start(startingMs);
    const at = now();
    this.#ready = started.heard('ready');
    return at;
  }

  /** Well again, from the time it resolves with. */
  async mend(): Promise<number> {
    for (const filler of this.#fillers.splice(0)) filler.destroy();
    if (this.#stopped) this.#process?.signal('SIGCONT');
    this.#stopped = false;
    await this.#ready;
    if (this.#process === undefined) await this.start();
    else await this.#process.answer(200);
    return now();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const filler of this.#fillers) filler.destroy();
    await this.#end('SIGKILL');
  }

  async #start(notReadyMs = 0): Promise<BackendProcess> {
    const started = waiting.pop() ?? (await BackendProcess.start());
    this.#process = started;
    await started.listen({ [this.name]: this.port }, notReadyMs);
    return started;
  }

  async #end(signal: NodeJS.Signals): Promise<void> {
    const ending = this.#process;
    this.#process = undefined;
    this.#stopped = false;
    await ending?.end(signal);
  }
}

/** Connects to a port that nobody accepts on, until what asks is left without an answer. */
async function fillQueue(port: number): Promise<Socket[]> {
  const fillers: Socket[] = [];
  for (let tries = 0; tries < 20; tries++) {
    const wave = Array.from({ length: 20 }, () => connect({ host: '127.0.0.1', port }));
    for (const filler of wave) filler.on('error', () => {});
    fillers.push(...wave);
    const all = Promise.all(wave.map(filler => once(filler, 'connect'))).then(() => 'taken');
    if ((await Promise.race([all, pause(100, 'left')])) === 'left') return fillers;
  }
  throw new Error(`the queue of port ${port} does not fill`);
}

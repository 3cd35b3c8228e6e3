import { setTimeout as sleep } from 'node:timers/promises';
import { watch } from 'chokidar';
import { sameItems } from '../base/memo.ts';
import type { Problem } from '../base/problem.ts';
import type { Variables } from '../policy/placeholders.ts';
import { type StoredDocument, sameDocuments } from '../store/store.ts';
import { Alarm } from './alarm.ts';
import {
  documentsBy,
  type Known,
  looksUnfinished,
  type PolicyFiles,
  readPolicyFiles,
  type Stamp,
  stampOf,
  statesIn,
} from './policy-files.ts';

/** Where the files' policy goes. */
export interface PolicySink {
  /** Rejects when it could not be stored; it is then tried again. */
  submit(documents: readonly StoredDocument[]): Promise<unknown>;
  /** Files could not be read; `documents` are the others. */
  reject(problems: readonly Problem[], documents: readonly StoredDocument[]): void;
}

export interface FollowOptions {
  readonly signal: AbortSignal;
  /** Told of trouble that is not the user's mistake: a watcher that failed, a submit that rejected. */
  readonly report: (message: string, error: unknown) => void;
  readonly moduleTimeoutMs?: number;
  /** Variables that policy files may name. */
  readonly variables?: Variables;
  /** Times in milliseconds. */
  readonly timing?: Partial<FollowTiming>;
}

interface FollowTiming {
  /** How long files must stay as they are before they are read, */
  readonly settle: number;
  /** … when one is empty or has gone, as in the middle of a save, */
  readonly settleUnfinished: number;
  /** … and at most, when something writes without end. */
  readonly settleAtMost: number;
  /** Files are looked at this often although nothing was noticed: networks and mounts do not notify. */
  readonly poll: number;
  /** First pause before a submit that rejected is repeated; doubles up to 30 times as much. */
  readonly retry: number;
}

const usual: FollowTiming = { settle: 40, settleUnfinished: 400, settleAtMost: 3000, poll: 1000, retry: 1000 };

/**
 * Reads policy from a file or folder, hands it on, and does so again after every change. Saves that are still under way
 * are waited for, so that half a file is not taken for a policy. Settles when the signal ends it.
 */
export async function followPolicyFiles(path: string, sink: PolicySink, options: FollowOptions): Promise<void> {
  const { signal, report } = options;
  const follower = new Follower(path, sink, options);
  const watcher = watch(path, {
    ignoreInitial: true,
    atomic: false,
    ignored: /[/\\](node_modules|\.git)([/\\]|$)/,
  });
  watcher.on('all', () => follower.wake());
  // What has changed before the watcher stood was not noticed by it.
  watcher.on('ready', () => follower.wake());
  watcher.on('error', error =>
    report('watching the policy files failed; they are looked at every second instead', error),
  );
  signal.addEventListener('abort', () => follower.wake(), { once: true });
  try {
    await follower.run(files => watcher.add([...files]));
  } catch (error) {
    if (!signal.aborted) throw error;
  } finally {
    await watcher.close();
  }
}

class Follower {
  readonly #path: string;
  readonly #sink: PolicySink;
  readonly #options: FollowOptions;
  readonly #timing: FollowTiming;
  readonly #alarm = new Alarm();
  #imported: readonly string[] = [];
  /** State of the files when they were read last. */
  #handled: Stamp | undefined;
  /** Documents whose files need not be read again. */
  #known: Known = new Map();
  #documents: readonly StoredDocument[] = [];
  /** What the sink has taken; undefined when it has not, or has been told of problems since. */
  #taken: readonly StoredDocument[] | undefined;

  constructor(path: string, sink: PolicySink, options: FollowOptions) {
    this.#path = path;
    this.#sink = sink;
    this.#options = options;
    this.#timing = { ...usual, ...options.timing };
  }

  wake(): void {
    this.#alarm.wake();
  }

  async run(watchMore: (files: readonly string[]) => void): Promise<void> {
    const { signal } = this.#options;
    let retryIn = 0;
    while (!signal.aborted) {
      const stamp = await stampOf(this.#path, this.#imported);
      if (stamp !== this.#handled || retryIn > 0) {
        retryIn = (await this.#take(stamp, watchMore))
          ? 0
          : Math.min(Math.max(retryIn * 2, this.#timing.retry), this.#timing.retry * 30);
      }
      await this.#alarm.pause(retryIn > 0 ? retryIn : this.#timing.poll, signal);
    }
  }

  /** @returns false when it must be repeated. */
  async #take(stamp: Stamp, watchMore: (files: readonly string[]) => void): Promise<boolean> {
    try {
      const files = await this.#readSettled(stamp);
      if (files.imported.length > 0) watchMore(files.imported);
      return await this.#handOn(files);
    } catch (error) {
      // One file that cannot be dealt with must not be the last that is looked at.
      this.#options.signal.throwIfAborted();
      this.#options.report('the policy files were not read and will be tried again', error);
      return false;
    }
  }

  /** Reads until the files were the same before, for the settling time, and after. */
  async #readSettled(first: Stamp): Promise<PolicyFiles> {
    const { signal } = this.#options;
    const before = this.#handled;
    let stamp = first;
    for (let waited = 0; ; ) {
      const unfinished = looksUnfinished(stamp, before);
      // At the start nobody is saving, unless it looks so.
      const settle = unfinished ? this.#timing.settleUnfinished : before === undefined ? 0 : this.#timing.settle;
      const late = waited >= this.#timing.settleAtMost;
      if (settle > 0 && !late) {
        await sleep(settle, undefined, { signal });
        waited += settle;
        const now = await stampOf(this.#path, this.#imported);
        if (now !== stamp) {
          stamp = now;
          continue;
        }
      }
      const at = Date.now();
      const states = statesIn(stamp);
      const known = (file: string) => {
        const found = this.#known.get(file);
        return found?.state === states.get(file) ? found?.document : undefined;
      };
      const files = await readPolicyFiles(this.#path, { ...this.#options, known });
      const after = await stampOf(this.#path, this.#imported);
      if (after === stamp || late) {
        const others = !sameItems(files.imported, this.#imported);
        this.#imported = files.imported;
        // What was written while they were read may not be among what was read, and nothing else may ever be written.
        const handled = others ? await stampOf(this.#path, files.imported) : after;
        this.#handled = after === stamp ? handled : stamp;
        this.#known = after === stamp ? documentsBy(stamp, files.documents, at) : new Map();
        return files;
      }
      stamp = after;
      waited += this.#timing.settle;
    }
  }

  /** @returns false when it must be repeated. */
  async #handOn({ documents, problems }: PolicyFiles): Promise<boolean> {
    if (problems.length > 0) {
      this.#taken = undefined;
      this.#sink.reject(problems, documents);
      return true;
    }
    // A text that has not changed stays the same object, so that it is not parsed again.
    const known = new Map(this.#documents.map(each => [each.file, each]));
    const shared = documents.map(each => {
      const old = known.get(each.file);
      return old?.text === each.text ? old : each;
    });
    this.#documents = sameItems(this.#documents, shared) ? this.#documents : shared;
    if (this.#taken && sameDocuments(this.#taken, this.#documents)) return true;
    try {
      await this.#sink.submit(this.#documents);
      this.#taken = this.#documents;
      return true;
    } catch (error) {
      this.#taken = undefined;
      this.#options.report('the policy was not taken and will be tried again', error);
      return false;
    }
  }
}

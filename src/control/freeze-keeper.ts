import { messagesOf } from '../base/problem.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import type { Freeze, Revision, Store } from '../store/store.ts';
import type { Builder, Line } from './builder.ts';
import type { DryRun } from './control.ts';
import type { FreezeControl, FreezeOutcome } from './freezing.ts';
import type { FreezeStatus, Gate } from './gate.ts';
import type { Pipeline } from './pipeline.ts';
import { planOf } from './rehearsal.ts';
import { type Author, server } from './what.ts';

export interface FreezeKeeperOptions {
  readonly store: Store;
  readonly pipeline: Pipeline;
  readonly builder: Builder;
  readonly gate: Gate;
  readonly report: (message: string, error: unknown) => void;
  /** Called when something has changed. */
  readonly tell: () => void;
}

/** Freeze, thaw, and back to what was good. */
export class FreezeKeeper implements FreezeControl {
  readonly #options: FreezeKeeperOptions;

  constructor(options: FreezeKeeperOptions) {
    this.#options = options;
  }

  get status(): FreezeStatus {
    return this.#options.gate.status;
  }

  freeze(author: Author, revision?: number, { dryRun = false }: DryRun = {}): FreezeOutcome {
    const { gate, tell } = this.#options;
    const line = revision === undefined ? undefined : (gate.find(revision) ?? this.#rebuilt(revision));
    if (typeof line === 'string') {
      const known = gate.status.good.map(each => each.revision).join(', ');
      const hint = known === '' ? undefined : `known to be good: ${known}`;
      return { kind: 'notFound', what: line, ...(hint === undefined ? {} : { hint }) };
    }
    if (dryRun) return this.#rehearsed(line ?? gate.published);
    const what = `what was in force at revision ${revision} was restored`;
    gate.freeze(author, line, { cause: 'freeze', author: author.by, what });
    tell();
    return { kind: 'done', status: gate.status };
  }

  thaw(author: Author, { dryRun = false }: DryRun = {}): FreezeOutcome {
    const { gate, tell } = this.#options;
    if (!gate.frozen) return { kind: 'notFound', what: 'Nothing is frozen.' };
    if (dryRun) return this.#rehearsed(gate.newest);
    gate.thaw(author);
    tell();
    return { kind: 'done', status: gate.status };
  }

  /** What it would be to publish a line. */
  #rehearsed(after: Line | undefined): FreezeOutcome {
    const { gate } = this.#options;
    const before = gate.published;
    const plan = after && planOf(before, after, { before: before?.build.problems ?? [], after: after.build.problems });
    return { kind: 'done', status: gate.status, ...(plan ? { plan } : {}) };
  }

  confirm(snapshots: ReadonlyMap<string, Snapshot>): void {
    this.#options.gate.confirm(snapshots);
  }

  /** Puts in force what was frozen when the server ended. Where that is not possible, nothing is published until the end of it. */
  resume(): void {
    const { store, gate, report } = this.#options;
    const freeze = store.freeze();
    if (!freeze) return;
    try {
      const line = this.#lineOf(freeze);
      if (line) gate.resume(line);
    } catch (error) {
      report('what was frozen cannot be served, so that nothing is published until the freeze ends', error);
    }
  }

  #lineOf(freeze: Freeze): Line | undefined {
    const { pipeline } = this.#options;
    const { documents = [], overrides, quarantines, resolvedNames, revision: number } = freeze;
    // Frozen before there was a policy.
    if (documents.length === 0) return undefined;
    const { policy, sources, problems } = pipeline.read(documents);
    if (!policy) throw new Error(messagesOf(problems));
    const input = { policy, sources, overrides, quarantines, resolved: new Map(Object.entries(resolvedNames)) };
    const outcome = pipeline.build(input, undefined);
    if (outcome.kind === 'failed') throw new Error(messagesOf(outcome.problems));
    const known = { number, at: freeze.since, author: server, source: 'server', reason: '', what: '' } as const;
    const revision: Revision = { ...known, kind: 'declared', documents, overrides };
    return { revision, number, problems, input, build: outcome.build };
  }

  /** The state of a revision that is not in memory any more, with the names of now. @returns why there is none. */
  #rebuilt(number: number): Line | string {
    const { store, pipeline, builder, gate } = this.#options;
    const revision = store.revision(number);
    if (!revision) return `There is no revision ${number}.`;
    const read = pipeline.read(revision.documents);
    const made = builder.make(read, revision.overrides, gate.published?.build);
    if (made.kind === 'built') return { ...made, revision, number, problems: read.problems };
    return `Revision ${number} cannot be built: ${messagesOf(made.problems)}`;
  }
}

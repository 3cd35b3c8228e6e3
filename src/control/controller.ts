import { boundProblems } from '../base/bound-problems.ts';
import { hasErrors, type Problem } from '../base/problem.ts';
import type { EndpointOverride, MaintenanceOverride, Override, TrafficShift } from '../policy/operational-state.ts';
import type { SourceMap } from '../policy/source-map.ts';
import type { Board } from '../snapshot/board.ts';
import type { OverrideKey, Revision, Store, StoredDocument } from '../store/store.ts';
import type { Clue } from '../translate/origin.ts';
import type { Clock } from './clock.ts';
import { ComputedKeeper } from './computed-keeper.ts';
import type {
  Accepted,
  Control,
  Origin,
  OverrideOutcome,
  Preview,
  QuarantineChange,
  QuarantineOutcome,
  Rejected,
  SubmitOutcome,
} from './control.ts';
import {
  applied,
  type Decision,
  decideEnd,
  decideEndpoint,
  decideSessionsEnd,
  decideShift,
  type Situation,
} from './decide.ts';
import { decideEndpoints, decideEndpointsEnd, type EndpointsOverride } from './decide-endpoints.ts';
import { decideMaintenance } from './decide-maintenance.ts';
import type { EditAbout, EditOutcome } from './edit.ts';
import { Editor, previewOf } from './editor.ts';
import type { Edit } from './edits.ts';
import { effectOf, type Subject } from './effect.ts';
import type { Due } from './expiries.ts';
import { hostsOf, type Names } from './names.ts';
import { originIn } from './origin.ts';
import { outcomeOf } from './outcome.ts';
import { OverrideKeeper } from './override-keeper.ts';
import type { Build, Pipeline, Read } from './pipeline.ts';
import { QuarantineKeeper } from './quarantine-keeper.ts';
import { Reading } from './reading.ts';
import { WriteQueue } from './write-queue.ts';
import type { ComputedWrite, ControllerWrite, OverrideWrite, SubmitWrite } from './writes.ts';

export interface ControllerOptions {
  readonly store: Store;
  readonly board: Board;
  readonly pipeline: Pipeline;
  readonly names: Names;
  readonly clock: Clock;
  /** Told of what goes wrong without anybody waiting for it. */
  readonly report: (message: string, error: unknown) => void;
  /** See {@link WriteQueue}. */
  readonly holdOff?: (ms: number) => number;
}

/** What is in force, and what it was made of. */
interface InForce {
  readonly revision: Revision;
  readonly sources: SourceMap;
  /** Warnings of the reading. */
  readonly problems: readonly Problem[];
  readonly build: Build;
}

const nothingAccepted = 'No policy has been accepted yet.';

/**
 * The single writer of snapshots. All or nothing: an error anywhere leaves what is in force as it is. A write is stored
 * before it is published, so that what Envoys were told survives a crash (P3).
 */
export class Controller implements Control {
  readonly computed: ComputedKeeper;
  readonly #options: ControllerOptions;
  readonly #queue: WriteQueue<ControllerWrite>;
  readonly #listeners = new Set<() => void>();
  readonly #overrides: OverrideKeeper;
  readonly #reading: Reading;
  readonly #quarantines: QuarantineKeeper;
  readonly #editor: Editor;

  #inForce: InForce | undefined;
  #accepted: Accepted | undefined;
  #rejected: Rejected | undefined;
  #refreshWaits = false;

  constructor(options: ControllerOptions) {
    this.#options = options;
    const { store, clock, report, pipeline, names } = options;
    const due = (override: Override, what: Due) => this.#timeIsUp(override, what);
    this.#overrides = new OverrideKeeper({ store, clock, report, due });
    this.#quarantines = new QuarantineKeeper(store, report);
    const add = (write: ComputedWrite) => this.#queue.add(write);
    this.computed = new ComputedKeeper({ clock, report, add, accepted: () => this.#accepted });
    const inForce = () => (this.#inForce ? hostsOf(this.#inForce.build.policy) : new Set<string>());
    this.#reading = new Reading({ pipeline, names, inForce });
    this.#editor = new Editor({
      reading: this.#reading,
      documents: () => store.latestRevision()?.documents ?? [],
      add: write => this.#queue.add(write),
      preview: read => previewOf(read, this.#build(read, this.#overrides.all), this.#inForce?.build, this.#accepted),
    });
    const { holdOff } = options;
    this.#queue = new WriteQueue({
      process: batch => this.#process(batch),
      ...(holdOff ? { holdOff } : {}),
    });
  }

  get accepted(): Accepted | undefined {
    return this.#accepted;
  }

  get rejected(): Rejected | undefined {
    return this.#rejected;
  }

  /**
   * Puts in force what the store has, as it was before the restart. Where that is not possible (a stored policy that
   * this version does not take), nothing is published, which leaves every Envoy as it is (P19).
   */
  start(): void {
    const { store, names } = this.#options;
    this.#overrides.start();
    this.#quarantines.start();
    const revision = store.latestRevision();
    if (!revision) return;
    const read = this.#options.pipeline.read(revision.documents);
    if (read.policy) names.want(hostsOf(read.policy));
    try {
      const outcome = this.#build(read, this.#overrides.all);
      if (outcome.kind === 'failed') this.#refuse(outcome.problems, revision.source);
      else this.#publish({ revision, sources: read.sources, problems: read.problems, build: outcome.build });
    } catch (error) {
      this.#options.report(`the stored revision ${revision.number} cannot be served`, error);
    }
  }

  /** Writes that wait are dropped, timers end. What was published stays. */
  stop(): void {
    this.#queue.end();
    this.#overrides.stop();
    this.computed.stop();
  }

  /** The addresses of a name have changed. */
  namesChanged(): void {
    if (this.#refreshWaits) return;
    this.#refreshWaits = true;
    this.#queue.add({ kind: 'refresh', batchable: true, drop: () => (this.#refreshWaits = false) });
  }

  submit(documents: readonly StoredDocument[], about: SubmitWrite['about']): Promise<SubmitOutcome> {
    return this.#editor.submitFiles(documents, about);
  }

  preview(documents: readonly StoredDocument[]): Promise<Preview> {
    return this.#editor.previewFiles(documents);
  }

  edit(edits: readonly Edit[], about: EditAbout): Promise<EditOutcome> {
    return this.#editor.edit(edits, about);
  }

  reject(problems: readonly Problem[], source: Revision['source']): void {
    this.#refuse(boundProblems(problems), source);
  }

  shift(shift: Omit<TrafficShift, 'kind' | 'since'>): Promise<OverrideOutcome> {
    return this.#override({ ...shift, kind: 'shift' }, situation => decideShift(shift, situation));
  }

  overrideEndpoint(
    override: Omit<EndpointOverride, 'kind' | 'since'>,
    options: { readonly force: boolean },
  ): Promise<OverrideOutcome> {
    return this.#override({ ...override, kind: 'endpoint' }, situation => decideEndpoint(override, options, situation));
  }

  overrideEndpoints(override: EndpointsOverride, options: { readonly force: boolean }): Promise<OverrideOutcome> {
    const subject = { kind: 'endpoint', service: override.service } as const;
    return this.#override(subject, situation => decideEndpoints(override, options, situation));
  }

  endEndpointOverrides(service: string): Promise<OverrideOutcome> {
    return this.#override({ kind: 'endpoint', service }, situation => decideEndpointsEnd(service, situation));
  }

  maintain(maintenance: Omit<MaintenanceOverride, 'kind' | 'since'>): Promise<OverrideOutcome> {
    const decide = (situation: Situation) => decideMaintenance(maintenance, situation);
    return this.#override({ ...maintenance, kind: 'maintenance' }, decide);
  }

  endOverride(key: OverrideKey): Promise<OverrideOutcome> {
    return this.#override(key, situation => decideEnd(key, situation));
  }

  changeQuarantine(change: QuarantineChange): Promise<QuarantineOutcome> {
    const { promise, resolve, reject } = Promise.withResolvers<QuarantineOutcome>();
    this.#queue.add({ kind: 'quarantine', batchable: false, change, done: resolve, drop: reject });
    return promise;
  }

  origin(fleetKey: string, typeUrl: string, name: string, clue?: Clue): Origin | undefined {
    return this.#inForce && originIn(this.#inForce.build, this.#inForce.sources, { fleetKey, typeUrl, name }, clue);
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  #override(subject: Subject, decide: OverrideWrite['decide']): Promise<OverrideOutcome> {
    const { promise, resolve, reject } = Promise.withResolvers<OverrideOutcome>();
    this.#queue.add({ kind: 'override', batchable: true, subject, decide, done: resolve, drop: reject });
    return promise;
  }

  #process(batch: readonly ControllerWrite[]): void {
    const [first] = batch;
    try {
      if (first?.kind === 'submit') this.#processSubmit(first);
      else if (first?.kind === 'quarantine') first.done(this.#processQuarantine(first.change));
      else {
        this.computed.process(batch, this.#inForce?.build, () => {
          this.#processOverrides(batch.flatMap(each => (each.kind === 'override' ? [each] : [])));
          return this.#inForce?.build;
        });
      }
    } catch (error) {
      const failure = error instanceof Error ? error : new Error(String(error));
      if (batch.every(each => each.kind === 'refresh')) this.#options.report('the fleets were not refreshed', failure);
      for (const write of batch) write.drop(failure);
    }
  }

  #processSubmit({ documents, about, read, done }: SubmitWrite): void {
    const outcome = this.#build(read, this.#overrides.all);
    if (outcome.kind === 'failed') {
      // Who writes by API is told in the answer; what was refused of the files is still so.
      if (about.source !== 'api') this.#refuse(outcome.problems, about.source);
      done({ kind: 'rejected', problems: outcome.problems });
      return;
    }
    const { store, clock } = this.#options;
    const revision = store.acceptRevision({ ...about, at: clock.now(), documents });
    const before = this.#inForce?.build;
    const inForce = { revision, sources: read.sources, problems: read.problems, build: outcome.build };
    const build = this.#withoutGone(inForce);
    if (about.source !== 'api') this.#rejected = undefined;
    this.#publish({ ...inForce, build });
    const effect = effectOf(before, build, () => true);
    done({ kind: 'accepted', revision, effect, warnings: [...read.problems, ...outcome.build.problems] });
  }

  /** Overrides of endpoints that the accepted policy no longer has are ended; they were without effect already. */
  #withoutGone(inForce: InForce): Build {
    const gone = inForce.build.overrides.flatMap(({ override, effect }) =>
      override.kind === 'endpoint' && effect === 'suspended' ? [override] : [],
    );
    this.#overrides.end(gone);
    if (gone.length === 0) return inForce.build;
    const kept = this.#overrides.all.filter(each => !gone.some(other => other === each));
    const build = this.#rebuild(inForce, kept);
    this.#overrides.set(kept);
    return build;
  }

  #processQuarantine(change: QuarantineChange): QuarantineOutcome {
    const inForce = this.#inForce;
    if (!inForce) return { kind: 'notFound', what: nothingAccepted };
    const decided = this.#quarantines.decide(change, inForce.build.made, this.#options.clock.now());
    if (decided.kind !== 'change') return decided;
    const build = this.#quarantines.carryOut(decided, () => this.#rebuild(inForce, this.#overrides.all));
    this.#publish({ ...inForce, build });
    return { kind: 'done', effect: effectOf(inForce.build, build, () => true) };
  }

  /** All of them for one build. Without any it is a refresh. */
  #processOverrides(writes: readonly OverrideWrite[]): void {
    this.#refreshWaits = false;
    const inForce = this.#inForce;
    if (!inForce) {
      const hint = 'the log and /api/v1/policy say why';
      for (const { done } of writes) done({ kind: 'notFound', what: nothingAccepted, hint });
      return;
    }
    const now = this.#options.clock.now();
    let overrides = this.#overrides.all;
    const decided = writes.map(write => {
      const decision = write.decide({ policy: inForce.build.policy, overrides, now });
      overrides = applied(overrides, decision);
      return { write, decision };
    });
    // Built before anything is stored: what cannot be built must not come back at the next start.
    let build = this.#rebuild(inForce, overrides);
    const failed = new Map<OverrideWrite, Error>();
    for (const { write, decision } of decided) {
      try {
        if (failed.size > 0) throw [...failed.values()][0];
        this.#overrides.store(decision);
      } catch (error) {
        failed.set(write, error as Error);
      }
    }
    if (failed.size > 0) {
      const stored = decided.filter(each => !failed.has(each.write));
      overrides = stored.reduce((all, { decision }) => applied(all, decision), this.#overrides.all);
      build = this.#rebuild(inForce, overrides);
    }
    this.#overrides.set(overrides);
    this.#overrides.end();
    this.#publish({ ...inForce, build });
    for (const { write, decision } of decided) {
      const error = failed.get(write);
      if (error) write.drop(error);
      else write.done(outcomeOf(write.subject, decision, inForce.build, build));
    }
  }

  async #timeIsUp(override: Override, due: Due): Promise<void> {
    const decide = (situation: Situation): Decision => {
      if (!situation.overrides.includes(override)) {
        return { kind: 'answer', outcome: { kind: 'notFound', what: 'It has ended before.' } };
      }
      const drains = override.kind === 'endpoint' && due === 'sessions';
      return drains ? decideSessionsEnd(override, situation) : { kind: 'expire', override };
    };
    try {
      await this.#override(override, decide);
    } catch (error) {
      this.#options.report('an override did not expire yet', error);
      throw error;
    }
  }

  #build(read: Read, overrides: readonly Override[]): ReturnType<Pipeline['build']> {
    const { policy, sources, problems } = read;
    if (!policy || hasErrors(problems)) return { kind: 'failed', problems };
    const { names, pipeline } = this.#options;
    const input = { policy, sources, overrides, resolved: names.answers, computed: this.computed.weights };
    const outcome = pipeline.build({ ...input, quarantines: this.#quarantines.all }, this.#inForce?.build);
    return outcome.kind === 'built' ? outcome : { kind: 'failed', problems: [...problems, ...outcome.problems] };
  }

  /** The policy in force with other overrides or names. @throws Error when that has errors, which would be a bug. */
  #rebuild({ build: { policy }, sources }: InForce, overrides: readonly Override[]): Build {
    const outcome = this.#build({ policy, sources, problems: [] }, overrides);
    if (outcome.kind === 'built') return outcome.build;
    throw new Error(`the accepted policy has errors: ${outcome.problems.map(each => each.message).join('; ')}`);
  }

  #publish(inForce: InForce): void {
    const { build, revision, problems } = inForce;
    const before = this.#inForce?.build;
    this.#inForce = inForce;
    const { policy, fleets, snapshots, overrides, quarantines } = build;
    const warnings = [...problems, ...build.problems];
    this.#accepted = { revision, policy, fleets, snapshots, overrides, quarantines, warnings };
    this.#quarantines.published(build, before);
    if (before?.snapshots !== snapshots || before.assign !== build.assign) {
      this.#options.board.publish({ snapshots, assign: build.assign });
    }
    this.#tell();
  }

  #refuse(problems: readonly Problem[], source: Revision['source']): void {
    this.#rejected = { at: this.#options.clock.now(), source, problems };
    this.#tell();
  }

  #tell(): void {
    for (const listener of this.#listeners) {
      try {
        listener();
      } catch (error) {
        this.#options.report('a listener failed', error);
      }
    }
  }
}

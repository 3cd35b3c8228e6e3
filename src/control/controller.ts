import { boundProblems } from '../base/bound-problems.ts';
import type { Problem } from '../base/problem.ts';
import type { Override } from '../policy/operational-state.ts';
import type { Board } from '../snapshot/board.ts';
import type { Revision, Store, StoredDocument } from '../store/store.ts';
import type { Clue } from '../translate/origin.ts';
import { Builder, type Line } from './builder.ts';
import { type NamedSubmission, overrideByName, submissionByName } from './by-name.ts';
import type { Clock } from './clock.ts';
import { ComputedKeeper } from './computed-keeper.ts';
import type {
  Accepted,
  Control,
  DryRun,
  Origin,
  Preview,
  QuarantineChange,
  QuarantineOutcome,
  Rejected,
  SubmitOptions,
  SubmitOutcome,
} from './control.ts';
import type { EditAbout, EditOutcome } from './edit.ts';
import { Editor } from './editor.ts';
import type { Edit } from './edits.ts';
import { effectOf } from './effect.ts';
import type { Due } from './expiries.ts';
import { FreezeKeeper } from './freeze-keeper.ts';
import { Gate } from './gate.ts';
import { holdBack } from './held-files.ts';
import { Listeners } from './listeners.ts';
import { hostsOf, type Names } from './names.ts';
import { heldOutcome, heldWarning, occasionOf, quarantineOccasion, shrinksBetween, standOf } from './occasions.ts';
import { originIn } from './origin.ts';
import { outcomeOf, toldOf } from './outcome.ts';
import { carryOut } from './override-batch.ts';
import { OverrideCalls, type WriteOverride } from './override-calls.ts';
import { OverrideKeeper } from './override-keeper.ts';
import type { Pipeline } from './pipeline.ts';
import type { Plan } from './plan.ts';
import { type Occasion, PublicationLog } from './publication-log.ts';
import { QuarantineKeeper } from './quarantine-keeper.ts';
import { Reading } from './reading.ts';
import { noPolicy, Rehearsal } from './rehearsal.ts';
import { RevisionKeeper } from './revision-keeper.ts';
import { digestOf } from './revisions.ts';
import { shrunkByName } from './shrink.ts';
import { type Author, policyChange, server } from './what.ts';
import { Writer } from './writer.ts';
import type { ControllerWrite, OverrideWrite, SubmitWrite } from './writes.ts';

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

/**
 * The single writer of snapshots. All or nothing: an error anywhere leaves what is in force as it is. A write is stored
 * before it is published, so that what Envoys were told survives a crash (P3).
 */
export class Controller extends OverrideCalls implements Control {
  readonly computed: ComputedKeeper;
  readonly #options: ControllerOptions;
  readonly #writer: Writer;
  readonly #listeners: Listeners;
  readonly #overrides: OverrideKeeper;
  readonly #reading: Reading;
  readonly #quarantines: QuarantineKeeper;
  readonly #editor: Editor;
  readonly revisions: RevisionKeeper;
  readonly freezing: FreezeKeeper;
  readonly #log: PublicationLog;
  readonly #gate: Gate;
  readonly #builder: Builder;
  readonly #rehearsal: Rehearsal;

  #inForce: Line | undefined;
  #accepted: Accepted | undefined;
  #rejected: Rejected | undefined;
  /** The policy files as they were handed on last. */
  #files: readonly StoredDocument[] | undefined;
  #refreshWaits = false;

  constructor(options: ControllerOptions) {
    super();
    this.#options = options;
    const { store, board, clock, report, pipeline, names } = options;
    this.#listeners = new Listeners(report);
    const due = (override: Override, what: Due) => this.timeIsUp(override, what, report);
    this.#overrides = new OverrideKeeper({ store, clock, report, due });
    this.#quarantines = new QuarantineKeeper(store, report);
    const add = (write: ControllerWrite) => this.#writer.add(write);
    const [accepted, inForce] = [() => this.#accepted, () => this.#inForce];
    const around = { clock, report, add, accepted };
    this.computed = new ComputedKeeper({ ...around, rehearse: each => this.#rehearsal.computed(each) });
    const hosts = () => (this.#inForce ? hostsOf(this.#inForce.build.policy) : new Set<string>());
    this.#reading = new Reading({ pipeline, names, inForce: hosts });
    const [computed, quarantines] = [() => this.computed.weights, () => this.#quarantines.all];
    this.#builder = new Builder({ pipeline, names, computed, quarantines });
    this.#log = new PublicationLog({ store, clock, report });
    this.#gate = new Gate({ store, board, clock, pipeline, log: this.#log, report });
    this.#editor = new Editor({
      reading: this.#reading,
      documents: () => store.latestRevision()?.documents ?? [],
      submit: submission => this.#writer.submit(submission),
      preview: (...given) => this.#rehearsal.whole(...given),
    });
    const parts = { store, clock, pipeline, report, names, log: this.#log, builder: this.#builder, gate: this.#gate };
    const alone = <T>(act: () => T) => this.#writer.alone(act);
    this.#rehearsal = new Rehearsal({
      ...{ ...parts, inForce, accepted, alone, quarantines: this.#quarantines },
      overrides: () => this.#overrides.all,
      computed: () => this.computed.all,
    });
    this.revisions = new RevisionKeeper({
      ...{ ...parts, inForce, alone, editor: this.#editor },
      frozen: () => this.#gate.frozen !== undefined,
      files: () => this.#files && digestOf(this.#files),
      rehearse: (...given) => this.#rehearsal.whole(...given),
      reload: (author, what) => this.#reload(author, what),
    });
    this.freezing = new FreezeKeeper({ ...parts, tell: () => this.#listeners.tell() });
    const { holdOff } = options;
    const process = (batch: readonly ControllerWrite[]) => this.#process(batch);
    this.#writer = new Writer({ reading: this.#reading, process, ...(holdOff ? { holdOff } : {}) });
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
    this.freezing.resume();
    this.#load({ cause: 'start', author: server, what: 'the server has started' });
  }

  /** Writes that wait are dropped, timers end. What was published stays. */
  stop(): void {
    this.#writer.end();
    this.#overrides.stop();
    this.computed.stop();
    this.#log.flush();
  }

  /** The addresses of a name have changed. */
  namesChanged(): void {
    if (this.#refreshWaits) return;
    this.#refreshWaits = true;
    this.#writer.add({ kind: 'refresh', batchable: true, drop: () => (this.#refreshWaits = false) });
  }

  submit(
    documents: readonly StoredDocument[],
    about: SubmitWrite['about'],
    options: SubmitOptions = {},
  ): Promise<SubmitOutcome> {
    return this.#editor.submitFiles(documents, about, options);
  }

  protected readonly write: WriteOverride = (subject, author, decide, options = {}) =>
    options.dryRun
      ? this.#rehearsal.override({ subject, author, decide }, options)
      : this.#writer.override(subject, author, decide, options);

  preview(documents: readonly StoredDocument[]): Promise<Preview> {
    return this.#editor.previewFiles(documents);
  }

  edit(edits: readonly Edit[], about: EditAbout): Promise<EditOutcome> {
    return this.#editor.edit(edits, about);
  }

  reject(problems: readonly Problem[], source: Revision['source']): void {
    this.#refuse(boundProblems(problems), source);
  }

  changeQuarantine(change: QuarantineChange, { dryRun = false }: DryRun = {}): Promise<QuarantineOutcome> {
    return dryRun ? this.#rehearsal.quarantine(change) : this.#writer.quarantine(change);
  }

  origin(fleetKey: string, typeUrl: string, name: string, clue?: Clue): Origin | undefined {
    return (
      this.#inForce && originIn(this.#inForce.build, this.#inForce.input.sources, { fleetKey, typeUrl, name }, clue)
    );
  }

  shrinksByName(...given: Parameters<Control['shrinksByName']>): boolean {
    return this.#inForce !== undefined && shrunkByName(standOf(this.#inForce), ...given);
  }

  acceptName(host: string): boolean {
    return this.#options.names.accept(host);
  }

  nameAccepted(host: string): Plan | undefined {
    return this.#rehearsal.name(host);
  }

  onChange(listener: () => void): () => void {
    return this.#listeners.add(listener);
  }

  #process(batch: readonly ControllerWrite[]): void {
    const [first] = batch;
    try {
      if (first?.kind === 'submit') this.#processSubmit(first);
      else if (first?.kind === 'task') first.run();
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

  #processSubmit(write: SubmitWrite): void {
    const { about, read, options, files, done } = write;
    const before = this.#inForce;
    this.#files = files ?? this.#files;
    const held = holdBack(before, files, this.#options);
    if (held) {
      this.#rejected = undefined;
      this.#publish(held, { cause: 'policy', author: server, what: held.revision.what });
      return void done(heldOutcome(held, read));
    }
    const made = this.#builder.make(read, write.overrides ?? this.#overrides.all, before?.build);
    const shrunk = made.kind === 'built' && !options.allowShrink ? shrinksBetween(before, made) : [];
    const problems = made.kind === 'failed' ? made.problems : shrunk;
    if (made.kind === 'failed' || problems.length > 0) {
      // Who writes by API is told in the answer; what was refused of the files is still so.
      const acceptable = made.kind === 'built' ? this.revisions.refused(write) : undefined;
      if (about.source !== 'api') this.#refuse(problems, about.source, acceptable);
      return void done({ kind: 'rejected', problems });
    }
    const named = submissionByName(write, this.#gate, this.#options);
    if (named?.kind === 'failed') return void done({ kind: 'rejected', problems: named.problems });
    done({ ...this.#accept(write, made, named), warnings: [...read.problems, ...made.build.problems] });
  }

  #accept(
    { documents, about, read, overrides, what, files, heldFiles, upon }: SubmitWrite,
    made: Pick<Line, 'input' | 'build'>,
    named: Extract<NamedSubmission, { readonly kind: 'pass' }> | undefined,
  ): Omit<Extract<SubmitOutcome, { readonly kind: 'accepted' }>, 'warnings'> {
    const { store, clock } = this.#options;
    const before = this.#inForce;
    // A part that changes leaves the files as they are, held back or not.
    const held = upon && !files ? before?.revision.heldFiles : heldFiles;
    const change = {
      ...about,
      what: what ?? policyChange(before?.build.policy, made.build.policy),
      at: clock.now(),
      documents,
      ...(overrides ? { overrides } : {}),
      ...(held === undefined ? {} : { heldFiles: held }),
    };
    const revision = store.acceptRevision(change);
    if (overrides) this.#overrides.set(overrides);
    const after = this.#withoutGone({ revision, number: store.lastNumber(), problems: read.problems, ...made });
    if (about.source !== 'api') this.#rejected = undefined;
    const occasion: Occasion = { cause: 'policy', author: about.author, what: change.what };
    this.#publish({ ...after, number: store.lastNumber() }, occasion, named !== undefined);
    if (!named) {
      return { kind: 'accepted', revision, effect: this.#gate.told(effectOf(before?.build, after.build, () => true)) };
    }
    const { passing } = named;
    // A part goes out upon the revision that is frozen, a whole policy is itself what is frozen from then on.
    const frozen = upon ? passing.before : { revision, number: revision.number };
    const more = { ...frozen, revision: { ...frozen.revision, documents: named.documents } };
    this.#gate.pass(passing, occasion, more, each => !upon && each.cause === 'policy');
    this.#listeners.tell();
    return { kind: 'accepted', revision, effect: effectOf(passing.before.build, passing.build, () => true) };
  }

  /** Overrides of endpoints that the accepted policy no longer has are ended; they were without effect already. */
  #withoutGone(line: Line): Line {
    const gone = line.build.overrides.flatMap(({ override, effect }) =>
      override.kind === 'endpoint' && effect === 'suspended' ? [override] : [],
    );
    this.#overrides.end(gone);
    if (gone.length === 0) return line;
    const kept = this.#overrides.all.filter(each => !gone.some(other => other === each));
    const made = this.#builder.again(line, kept);
    this.#overrides.set(kept);
    return { ...line, ...made };
  }

  #processQuarantine(change: QuarantineChange): QuarantineOutcome {
    const inForce = this.#inForce;
    if (!inForce) return noPolicy;
    const decided = this.#quarantines.decide(change, inForce.build.made, this.#options.clock.now());
    if (decided.kind !== 'change') return decided;
    let made: Pick<Line, 'input' | 'build'> = inForce;
    const build = this.#quarantines.carryOut(decided, () => {
      made = this.#builder.again(inForce, this.#overrides.all);
      return made.build;
    });
    this.#publish({ ...inForce, ...made }, quarantineOccasion(change));
    return { kind: 'done', effect: this.#gate.told(effectOf(inForce.build, build, () => true)) };
  }

  /** All of them for one build. Without any it is a refresh. */
  #processOverrides(writes: readonly OverrideWrite[]): void {
    this.#refreshWaits = false;
    const before = this.#inForce;
    if (!before) {
      for (const { done } of writes) done(noPolicy);
      return;
    }
    const { clock, store } = this.#options;
    const around = { keeper: this.#overrides, builder: this.#builder, now: clock.now() };
    const [first] = writes;
    const situation = { policy: before.build.policy, overrides: this.#overrides.all, now: around.now };
    const named = first && overrideByName(first, this.#gate, situation);
    if (named?.kind === 'answer') return void first?.done(named.outcome);
    const { overrides, decided, input, build } = carryOut(writes, before, around);
    this.#overrides.set(overrides);
    this.#overrides.end();
    const line = { ...before, number: store.lastNumber(), input, build };
    this.#publish(line, occasionOf(decided, before, line, clock.now()), named !== undefined);
    for (const { write, decision, error } of decided) {
      if (error) write.drop(error);
      else if (named) {
        this.#gate.pass(named.passing, named.occasion);
        write.done(named.outcome);
      } else write.done(toldOf(outcomeOf(write.subject, decision, before.build, line.build), this.#gate));
    }
  }

  /** Puts in force what the store has. */
  #load(occasion: Occasion): void {
    const { store, names, pipeline, report } = this.#options;
    this.#overrides.start();
    this.#quarantines.start();
    const revision = store.latestRevision();
    if (!revision) return;
    const read = pipeline.read(revision.documents);
    if (read.policy) names.want(hostsOf(read.policy));
    try {
      const made = this.#builder.make(read, this.#overrides.all, this.#inForce?.build);
      const line = { revision, number: store.lastNumber(), problems: read.problems };
      if (made.kind === 'failed') this.#refuse(made.problems, revision.source);
      else this.#publish({ ...line, ...made }, occasion);
    } catch (error) {
      report(`the stored revision ${revision.number} cannot be served`, error);
    }
  }

  /** The same after a backup was put in the store. */
  #reload({ by }: Author, what: string): SubmitOutcome {
    const before = this.#inForce?.build;
    this.#rejected = undefined;
    this.#load({ cause: 'policy', author: by, what });
    const after = this.#inForce;
    if (this.#rejected || !after) return { kind: 'rejected', problems: this.rejected?.problems ?? [] };
    const effect = this.#gate.told(effectOf(before, after.build, () => true));
    return { kind: 'accepted', revision: after.revision, effect, warnings: after.problems };
  }

  /** @param passes it is asked by name, and does not wait for the end of a freeze. */
  #publish(line: Line, occasion: Occasion, passes = false): void {
    const { build, revision, problems } = line;
    const before = this.#inForce?.build;
    this.#inForce = line;
    const { policy, fleets, snapshots, overrides, quarantines } = build;
    const warnings = [...problems, ...build.problems, ...heldWarning(revision)];
    this.#accepted = { revision, policy, fleets, snapshots, overrides, quarantines, warnings };
    this.#quarantines.published(build, before);
    if (before !== build || !this.#gate.published) this.#gate.take(line, occasion, passes);
    this.#listeners.tell();
  }

  #refuse(problems: readonly Problem[], source: Revision['source'], acceptable?: string): void {
    const at = this.#options.clock.now();
    this.#rejected = { at, source, problems, ...(acceptable === undefined ? {} : { acceptable }) };
    this.#listeners.tell();
  }
}

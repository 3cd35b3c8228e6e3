import { boundProblems } from '../base/bound-problems.ts';
import { sameItems, shareStructure } from '../base/memo.ts';
import { hasErrors, type Problem } from '../base/problem.ts';
import { changedNames, withValues } from '../base/records.ts';
import type { Resource } from '../base/resource.ts';
import { documentProblems } from '../ir/check-draft.ts';
import { compile } from '../ir/compile.ts';
import type { FleetIr } from '../ir/ir.ts';
import type { WeightsByService } from '../policy/computed-weights.ts';
import { kindNames, type Policy } from '../policy/kinds.ts';
import type { OperationalState, Override, Quarantine } from '../policy/operational-state.ts';
import { parse } from '../policy/parse.ts';
import { locate, type SourceMap } from '../policy/source-map.ts';
import type { Publication } from '../snapshot/board.ts';
import { buildSnapshot } from '../snapshot/build.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import type { StoredDocument } from '../store/store.ts';
import { translate } from '../translate/translate.ts';
import type { OverrideStatus } from './control.ts';
import { preflight } from './preflight.ts';
import { quarantineWarnings } from './quarantine-warnings.ts';
import { quarantined, standingOf } from './quarantines.ts';

/** A policy as it was read. */
export interface Read {
  readonly policy: Policy | undefined;
  readonly sources: SourceMap;
  readonly problems: readonly Problem[];
}

/** All that decides what fleets hold. */
export interface BuildInput {
  readonly policy: Policy;
  readonly sources: SourceMap;
  readonly overrides: readonly Override[];
  readonly resolved: ReadonlyMap<string, readonly string[]>;
  /** Absent: none. */
  readonly computed?: WeightsByService;
  readonly quarantines: readonly Quarantine[];
}

/** What is made of it. */
export interface Build extends Publication {
  readonly policy: Policy;
  readonly fleets: readonly FleetIr[];
  readonly overrides: readonly OverrideStatus[];
  /** What the policy comes to, without regard to quarantines. */
  readonly made: ReadonlyMap<string, Snapshot>;
  /** Those that have effect. */
  readonly quarantines: readonly Quarantine[];
  /** Those of fleets that there are not. All others are over. */
  readonly dormant: readonly Quarantine[];
  /** Warnings only. */
  readonly problems: readonly Problem[];
}

export type BuildOutcome =
  | { readonly kind: 'built'; readonly build: Build }
  | { readonly kind: 'failed'; readonly problems: readonly Problem[] };

/** The pure stages, from documents to snapshots. */
export interface Pipeline {
  /** Never throws. */
  read(documents: readonly StoredDocument[]): Read;
  /**
   * What is equal to `previous` is its very object, so that nothing is pushed for it. What a proxy would reject, or
   * wait for in vain, fails here and never leaves (R40, R42).
   */
  build(input: BuildInput, previous: Build | undefined): BuildOutcome;
}

/** A part of a build that takes its time. */
export type Stage = 'compile' | 'preflight' | 'translate';

/** The stages of this program. @param timed calls what it is given, at once, and gives its result */
export const makePipeline = (timed: <T>(stage: Stage, act: () => T) => T): Pipeline => ({
  read: documents => {
    const parsed = parse(documents);
    const { policy, sources } = parsed;
    return { policy, sources, problems: boundProblems(documentProblems(parsed)) };
  },
  build: (input, previous) => {
    const policy = previous ? sharedWith(previous.policy, input.policy) : input.policy;
    const { fleets, problems, overrides, assign } = timed('compile', () =>
      compile({
        policy,
        state: operationalState(input.overrides),
        resolved: input.resolved,
        ...(input.computed ? { computed: input.computed } : {}),
      }),
    );
    const located = locate(boundProblems(problems), input.sources);
    if (hasErrors(located)) return { kind: 'failed', problems: located };
    const same = previous && sameItems(previous.fleets, fleets);
    if (same) {
      const about = { policy, fleets: previous.fleets, assign: previous.assign, overrides, problems: located };
      return { kind: 'built', build: published(about, previous.made, input, previous) };
    }
    const faults = timed('preflight', () => preflight(policy, fleets, previous?.fleets));
    if (faults.length > 0) {
      return { kind: 'failed', problems: locate(boundProblems([...problems, ...faults]), input.sources) };
    }
    const made = timed('translate', () => snapshotsOf(fleets, previous?.made));
    const about = { policy, fleets, assign, overrides, problems: located };
    return { kind: 'built', build: published(about, made, input, previous) };
  },
});

/** The policy made out of the previous one's objects wherever it is equal. Costs what is another object. */
function sharedWith(previous: Policy, policy: Policy): Policy {
  const sections = kindNames.map(kind => [kind, sharedSection(previous[kind], policy[kind])] as const);
  if (sections.every(([kind, section]) => section === previous[kind])) return previous;
  if (sections.every(([kind, section]) => section === policy[kind])) return policy;
  return Object.fromEntries(sections) as unknown as Policy;
}

type Section = Readonly<Record<string, unknown>>;

function sharedSection(previous: Section, section: Section): Section {
  const changed = changedNames(previous, section);
  if (!changed) return shareStructure(previous, section);
  const shared = new Map(changed.map(name => [name, shareStructure(previous[name], section[name])]));
  // What was read upon that policy has been made so already.
  const own = shared.size > 0 && changed.every(name => shared.get(name) === section[name]);
  return own ? section : withValues(previous, shared);
}

/** Those that nobody watches. */
export const pipeline: Pipeline = makePipeline((_, act) => act());

/**
 * A build, with what is quarantined taken out of its snapshots, and warnings of it. The snapshots are the previous ones
 * if nothing has changed.
 */
function published(
  about: Omit<Build, 'made' | 'snapshots' | 'quarantines' | 'dormant'>,
  made: ReadonlyMap<string, Snapshot>,
  input: Pick<BuildInput, 'quarantines' | 'sources'>,
  previous: Build | undefined,
): Build {
  const quarantines = input.quarantines.filter(each => standingOf(made, each) === 'inForce');
  const dormant = input.quarantines.filter(each => standingOf(made, each) === 'dormant');
  const snapshots = quarantined(made, quarantines);
  const same = previous && snapshots.size === previous.snapshots.size && sameSnapshots(snapshots, previous.snapshots);
  const problems = [...about.problems, ...boundProblems(quarantineWarnings(about, input.sources, quarantines))];
  return { ...about, problems, made, snapshots: same ? previous.snapshots : snapshots, quarantines, dormant };
}

function sameSnapshots(a: ReadonlyMap<string, Snapshot>, b: ReadonlyMap<string, Snapshot>): boolean {
  return [...a].every(([key, snapshot]) => b.get(key) === snapshot);
}

function operationalState(overrides: readonly Override[]): OperationalState {
  return {
    shifts: overrides.filter(each => each.kind === 'shift'),
    endpoints: overrides.filter(each => each.kind === 'endpoint'),
    maintenance: overrides.filter(each => each.kind === 'maintenance'),
  };
}

function snapshotsOf(
  fleets: readonly FleetIr[],
  previous: ReadonlyMap<string, Snapshot> | undefined,
): ReadonlyMap<string, Snapshot> {
  return new Map(fleets.map(fleet => [fleet.key, snapshotOf(fleet.key, translate(fleet), previous?.get(fleet.key))]));
}

/** The resources that a snapshot was made of: the same ones again need not be looked at. */
const madeOf = new WeakMap<Snapshot, readonly Resource[]>();

function snapshotOf(key: string, resources: readonly Resource[], previous: Snapshot | undefined): Snapshot {
  if (previous && madeOf.get(previous) === resources) return previous;
  const snapshot = buildSnapshot(key, resources, previous);
  madeOf.set(snapshot, resources);
  return snapshot;
}

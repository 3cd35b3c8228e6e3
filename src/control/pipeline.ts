import { memo1, shareStructure } from '../base/memo.ts';
import { hasErrors, type Problem } from '../base/problem.ts';
import { compile } from '../ir/compile.ts';
import type { FleetIr } from '../ir/ir.ts';
import type { Policy } from '../policy/kinds.ts';
import type { OperationalState, Override } from '../policy/operational-state.ts';
import { parse } from '../policy/parse.ts';
import { locate, type SourceMap } from '../policy/source-map.ts';
import type { Publication } from '../snapshot/board.ts';
import { buildSnapshot } from '../snapshot/build.ts';
import { describeInconsistency, findInconsistencies } from '../snapshot/consistency.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import type { StoredDocument } from '../store/store.ts';
import type { Resource } from '../translate/resource.ts';
import { translate } from '../translate/translate.ts';
import type { OverrideStatus } from './control.ts';

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
}

/** What is made of it. */
export interface Build extends Publication {
  readonly policy: Policy;
  readonly fleets: readonly FleetIr[];
  readonly overrides: readonly OverrideStatus[];
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
   * What is equal to `previous` is its very object, so that nothing is pushed for it.
   *
   * @throws Error when the result is inconsistent in itself: a bug, never a user's mistake. It must not be published.
   */
  build(input: BuildInput, previous: Build | undefined): BuildOutcome;
}

/** The stages of this program. */
export const pipeline: Pipeline = {
  read: documents => parse(documents),
  build: (input, previous) => {
    const policy = shareStructure(previous?.policy, input.policy);
    const { fleets, problems, overrides, assign } = compile({
      policy,
      state: operationalState(input.overrides),
      resolved: input.resolved,
    });
    const located = locate(problems, input.sources);
    if (hasErrors(located)) return { kind: 'failed', problems: located };
    const same = previous && sameItems(previous.fleets, fleets);
    return {
      kind: 'built',
      build: {
        policy,
        fleets: same ? previous.fleets : fleets,
        snapshots: same ? previous.snapshots : snapshotsOf(fleets, previous?.snapshots),
        assign: same ? previous.assign : assign,
        overrides,
        problems: located,
      },
    };
  },
};

function operationalState(overrides: readonly Override[]): OperationalState {
  return {
    shifts: overrides.filter(each => each.kind === 'shift'),
    endpoints: overrides.filter(each => each.kind === 'endpoint'),
  };
}

function snapshotsOf(
  fleets: readonly FleetIr[],
  previous: ReadonlyMap<string, Snapshot> | undefined,
): ReadonlyMap<string, Snapshot> {
  return new Map(
    fleets.map(fleet => {
      const resources = translate(fleet);
      assertConsistent(fleet, inconsistencies(resources));
      return [fleet.key, snapshotOf(fleet.key, resources, previous?.get(fleet.key))];
    }),
  );
}

const inconsistencies = memo1((resources: readonly Resource[]) => findInconsistencies(resources));

function assertConsistent(fleet: FleetIr, found: ReturnType<typeof findInconsistencies>): void {
  if (found.length === 0) return;
  const what = found.map(describeInconsistency).join('; ');
  throw new Error(`what was made for fleet "${fleet.key}" is inconsistent and is not published: ${what}`);
}

/** The resources that a snapshot was made of: the same ones again need not be looked at. */
const madeOf = new WeakMap<Snapshot, readonly Resource[]>();

function snapshotOf(key: string, resources: readonly Resource[], previous: Snapshot | undefined): Snapshot {
  if (previous && madeOf.get(previous) === resources) return previous;
  const snapshot = buildSnapshot(key, resources, previous);
  madeOf.set(snapshot, resources);
  return snapshot;
}

function sameItems(a: readonly unknown[], b: readonly unknown[]): boolean {
  return a.length === b.length && a.every((item, index) => item === b[index]);
}

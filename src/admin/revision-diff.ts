import { textDiff } from '../base/text-diff.ts';
import type { RevisionControl } from '../control/revisions.ts';
import { overrideLine } from '../control/what.ts';
import { changesBetween } from '../snapshot/changes.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import type { Revision, StoredDocument } from '../store/store.ts';
import type { DiffReply } from './api.ts';

const mostResources = 500;

/** What turns one revision into another: its policy, what lies over it, and what becomes of fleets. */
export function revisionDiff(
  revisions: RevisionControl,
  [from, to]: readonly [Revision, Revision],
  sees: (fleet: string) => boolean,
): DiffReply {
  const [before, after] = [from, to].map(each => each.overrides.map(overrideLine));
  const about = {
    from: from.number,
    to: to.number,
    documents: documentDiffs(from.documents, to.documents),
    overrides: {
      added: (after ?? []).filter(each => !before?.includes(each)),
      removed: (before ?? []).filter(each => !after?.includes(each)),
    },
  };
  const [old, now] = [revisions.rebuilt(from), revisions.rebuilt(to)];
  if ('why' in old) return { ...about, fleets: [], why: `revision ${from.number}: ${old.why}` };
  if ('why' in now) return { ...about, fleets: [], why: `revision ${to.number}: ${now.why}` };
  return { ...about, fleets: fleetDiffs(old.snapshots, now.snapshots).filter(each => sees(each.fleet)) };
}

function documentDiffs(before: readonly StoredDocument[], after: readonly StoredDocument[]): DiffReply['documents'] {
  const [old, now] = [before, after].map(all => new Map(all.map(each => [each.file, each.text])));
  const files = [...new Set([...(old?.keys() ?? []), ...(now?.keys() ?? [])])].sort();
  return files.flatMap(file => {
    const [left, right] = [old?.get(file), now?.get(file)];
    if (left === right) return [];
    const change = left === undefined ? 'added' : right === undefined ? 'removed' : 'changed';
    return [{ file, change, diff: textDiff(left ?? '', right ?? '') } as const];
  });
}

type Snapshots = ReadonlyMap<string, Snapshot>;

function fleetDiffs(before: Snapshots, after: Snapshots): DiffReply['fleets'] {
  return [...new Set([...before.keys(), ...after.keys()])].sort().flatMap(fleet => {
    const changes = changesBetween(before.get(fleet), after.get(fleet));
    if (changes.length === 0) return [];
    return [{ fleet, resources: changes.slice(0, mostResources), count: changes.length }];
  });
}

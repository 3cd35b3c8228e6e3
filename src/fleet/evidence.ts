import { memo2 } from '../base/memo.ts';
import type { EncodedResource, Snapshot } from '../snapshot/snapshot.ts';
import type { ProxyStatus, WithheldResource, WithheldStatus } from './proxy.ts';

/** A content that independent proxies of a fleet reject and none has accepted. */
export interface Verdict {
  /** Fleet key. */
  readonly fleet: string;
  readonly typeUrl: string;
  readonly name: string;
  readonly version: string;
  /** The words of one of them. */
  readonly message: string;
  /** Node ids, as far as there is room. */
  readonly proxies: readonly string[];
  /** Version of the content that they hold instead; undefined: none. */
  readonly instead: string | undefined;
}

export interface Verdicts {
  readonly found: readonly Verdict[];
  /** Milliseconds until proxies that say nothing do not count any more; undefined if nothing waits for that. */
  readonly undecidedFor: number | undefined;
}

/** One broken or hostile proxy must not take anything from the others. */
const FEWEST = 2;
/** Milliseconds that a proxy has to say whether it accepts what others reject. */
const PATIENCE = 10_000;
const MOST_NAMED = 16;

/**
 * What is known to be wrong for a whole fleet, from what its proxies say of it (P12): at least two, by their node ids,
 * reject a content that the fleet is sent now, none holds it, and all have spoken or had time to. A rejection of which
 * nobody knows what the proxies hold instead is no verdict: nothing could be put in its place.
 */
export function verdicts(
  proxies: readonly ProxyStatus[],
  snapshots: ReadonlyMap<string, Snapshot>,
  now: number,
): Verdicts {
  const found: Verdict[] = [];
  let undecidedFor: number | undefined;
  for (const [fleet, ofFleet] of Map.groupBy(proxies, keyOf)) {
    const snapshot = fleet === undefined ? undefined : snapshots.get(fleet);
    if (fleet === undefined || !snapshot) continue;
    for (const [content, group] of rejectedOf(ofFleet, snapshot)) {
      const outcome = verdictOn(content, group, ofFleet, snapshot, now);
      if (typeof outcome === 'number') undecidedFor = Math.min(undecidedFor ?? outcome, outcome);
      else if (outcome) found.push({ fleet, ...outcome });
    }
  }
  return { found, undecidedFor };
}

interface Rejection {
  readonly id: string;
  readonly reject: WithheldResource;
}

/** Who rejects what, of what the fleet is sent now. */
function rejectedOf(
  proxies: readonly ProxyStatus[],
  snapshot: Snapshot,
): ReadonlyMap<EncodedResource, readonly Rejection[]> {
  const groups = new Map<EncodedResource, Rejection[]>();
  for (const { node, withheld } of proxies) {
    for (const reject of withheld?.rejects ?? []) {
      const content = sentIn(snapshot, reject);
      const group = content && groups.get(content);
      if (group) group.push({ id: node.id, reject });
      else if (content) groups.set(content, [{ id: node.id, reject }]);
    }
  }
  return groups;
}

/** @returns milliseconds until it can be said, if that is all that is missing. */
function verdictOn(
  content: EncodedResource,
  group: readonly Rejection[],
  proxies: readonly ProxyStatus[],
  snapshot: Snapshot,
  now: number,
): Omit<Verdict, 'fleet'> | number | undefined {
  const [first] = group;
  const against = new Set(group.map(({ id }) => id));
  const instead = held(group.map(each => each.reject));
  if (!first || against.size < FEWEST || instead === 'unknown') return undefined;
  const { typeUrl, name, version, message } = first.reject;
  let undecided = false;
  for (const proxy of proxies) {
    if (against.has(proxy.node.id)) continue;
    const its = stance(proxy, typeUrl, content, snapshot);
    if (its === 'accepts') return undefined;
    undecided ||= its === 'undecided';
  }
  const since = group.reduce((least, { reject }) => Math.min(least, reject.at), now);
  const left = PATIENCE - (now - since);
  if (undecided && left > 0) return left;
  return { typeUrl, name, version, message, proxies: [...against].slice(0, MOST_NAMED), instead };
}

function keyOf({ assignment }: ProxyStatus): string | undefined {
  return assignment?.kind === 'assigned' ? assignment.key : undefined;
}

/** The content in a snapshot, if it is what the snapshot has. */
function sentIn(snapshot: Snapshot, { typeUrl, name, version }: WithheldResource): EncodedResource | undefined {
  const content = snapshot.types.get(typeUrl)?.resources.get(name);
  return content?.version === version ? content : undefined;
}

/** What most of those hold who hold anything; undefined if none does. */
function held(rejects: readonly WithheldResource[]): string | undefined {
  const versions = rejects.flatMap(({ instead }) => (instead === undefined ? [] : [instead]));
  const known = versions.filter(each => each !== 'unknown');
  if (known.length === 0) return versions.length > 0 ? 'unknown' : undefined;
  const counts = Map.groupBy(known, each => each);
  return [...counts].reduce((a, b) => (b[1].length > a[1].length ? b : a))[0];
}

/** A proxy that never asked for the type has no say. */
function stance(
  { types, withheld }: ProxyStatus,
  typeUrl: string,
  content: EncodedResource,
  snapshot: Snapshot,
): 'accepts' | 'undecided' | 'none' {
  const type = types.get(typeUrl);
  if (!type || type.state === 'notAsked') return 'none';
  const doubted = withheld && doubts(withheld, snapshot).get(typeUrl);
  if (doubted?.has(content)) return 'undecided';
  const whole = type.acked !== undefined && type.acked === snapshot.types.get(typeUrl)?.version;
  // Who rejects something else of the type holds a set of its own, with this in it.
  const rest = doubted !== undefined && type.state === 'synced' && type.acked === type.sent;
  return whole || rest ? 'accepts' : 'undecided';
}

/** By type URL, what of a snapshot a proxy rejects or may reject; of other contents, only that there are some. */
const doubts = memo2((withheld: WithheldStatus, snapshot: Snapshot) => {
  const byType = new Map<string, Set<EncodedResource | undefined>>();
  for (const each of [...withheld.rejects, ...withheld.suspects]) {
    const ofType = byType.get(each.typeUrl) ?? new Set();
    byType.set(each.typeUrl, ofType.add(sentIn(snapshot, each)));
  }
  return byType;
});

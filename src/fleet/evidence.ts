import { memo2 } from '../base/memo.ts';
import type { EncodedResource, Snapshot, TypeSnapshot } from '../snapshot/snapshot.ts';
import { heldOf } from '../snapshot/withhold.ts';
import type { AcceptedContents } from './accepted-contents.ts';
import { fleetOf, type ProxyStatus, type TypeStatus, type WithheldResource, type WithheldStatus } from './proxy.ts';

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
  /** Version of the content that the fleet has accepted last; undefined: none. */
  readonly instead: string | undefined;
}

export interface Verdicts {
  readonly found: readonly Verdict[];
  /** Milliseconds until proxies that say nothing do not count any more; undefined if nothing waits for that. */
  readonly undecidedFor: number | undefined;
}

/** One broken or hostile proxy must not take anything from the others. */
const FEWEST = 2;
/** Milliseconds that a proxy which was sent what others reject has to say whether it accepts it. */
const PATIENCE = 10_000;
/** Milliseconds that one has which was not even sent it yet: others come first, or it does not read. */
const SENDING = 60_000;
/** Milliseconds that one has for it which is still finding out what it rejects: as long as that may take. */
const SEARCH = 10 * 60_000;
const MOST_NAMED = 16;

/**
 * What is known to be wrong for a whole fleet, from what its proxies say of it (P12): at least two, by their node ids,
 * reject a content that the fleet is sent now, none holds it or has held it, all have spoken or had time to, and those
 * that reject it are more than those that are connected and have said nothing. In its place comes what the fleet is
 * known to have accepted last, whatever those who reject it say that they hold. Where nobody knows of anything and one
 * of them may hold something, there is no verdict: nothing could be put in its place.
 *
 * Anybody may connect under any node id, also that of a proxy: the word of one connection never undoes another's.
 */
export function verdicts(
  proxies: readonly ProxyStatus[],
  snapshots: ReadonlyMap<string, Snapshot>,
  accepted: AcceptedContents,
  now: number,
): Verdicts {
  const found: Verdict[] = [];
  let undecidedFor: number | undefined;
  for (const [fleet, ofFleet] of Map.groupBy(proxies, fleetOf)) {
    const snapshot = fleet === undefined ? undefined : snapshots.get(fleet);
    if (fleet === undefined || !snapshot) continue;
    const progress = progressIn(snapshot);
    for (const [content, group] of rejectedOf(ofFleet, snapshot)) {
      const [first] = group;
      if (!first || accepted.has(fleet, first.reject)) continue;
      const returning = accepted.returnOf(fleet, first.reject, now);
      const lastGood = accepted.lastGood(fleet, first.reject)?.version;
      const outcome = verdictOn(content, group, ofFleet, { snapshot, now, returning, lastGood, progress });
      if (typeof outcome === 'number') undecidedFor = Math.min(undecidedFor ?? outcome, outcome);
      else if (outcome) found.push({ fleet, ...outcome });
    }
  }
  return { found, undecidedFor };
}

interface Rejection {
  readonly proxy: ProxyStatus;
  readonly reject: WithheldResource;
}

interface Situation {
  readonly snapshot: Snapshot;
  readonly now: number;
  /** Milliseconds that others have to come back. */
  readonly returning: number;
  /** Version of what the fleet is known to have accepted last in its place. */
  readonly lastGood: string | undefined;
  readonly progress: (type: TypeStatus) => Progress;
}

/** How far a proxy has come with what is published of a type. */
interface Progress {
  /** What it has accepted of it. */
  readonly held: TypeSnapshot | undefined;
  readonly wasSent: boolean;
  readonly hasRejected: boolean;
}

/** Found out once for each proxy and type, however many contents there are. */
function progressIn(snapshot: Snapshot): Situation['progress'] {
  const known = new Map<TypeStatus, Progress>();
  return type => {
    const before = known.get(type);
    if (before) return before;
    const set = snapshot.types.get(type.typeUrl);
    const of = (version: string | undefined) => set && heldOf(set, version);
    const hasRejected = type.state === 'rejected' && of(type.rejection?.version) !== undefined;
    const found = { held: of(type.acked), wasSent: of(type.sent) !== undefined, hasRejected };
    known.set(type, found);
    return found;
  };
}

/** Who rejects what, of what the fleet is sent now. */
function rejectedOf(
  proxies: readonly ProxyStatus[],
  snapshot: Snapshot,
): ReadonlyMap<EncodedResource, readonly Rejection[]> {
  const groups = new Map<EncodedResource, Rejection[]>();
  for (const proxy of proxies) {
    for (const reject of proxy.withheld?.rejects ?? []) {
      const content = sentIn(snapshot, reject);
      const group = content && groups.get(content);
      if (group) group.push({ proxy, reject });
      else if (content) groups.set(content, [{ proxy, reject }]);
    }
  }
  return groups;
}

/** @returns milliseconds until it can be said, if that is all that is missing. */
function verdictOn(
  content: EncodedResource,
  group: readonly Rejection[],
  proxies: readonly ProxyStatus[],
  { snapshot, now, returning, lastGood, progress }: Situation,
): Omit<Verdict, 'fleet'> | number | undefined {
  const [first] = group;
  const against = new Set(group.map(({ proxy }) => proxy.node.id));
  if (!first || against.size < FEWEST) return undefined;
  const { typeUrl, name, version, message } = first.reject;
  const clients = new Set(group.map(({ proxy }) => proxy.clientId));
  const silent = new Set<string>();
  const stances = new Set<Stance>();
  for (const each of proxies) {
    if (clients.has(each.clientId)) continue;
    const its = stance(each, typeUrl, content, { snapshot, now, progress });
    if (its === 'accepts') return undefined;
    stances.add(its);
    if (its !== 'none' && its !== 'fresh') silent.add(each.node.id);
  }
  const since = now - group.reduce((least, { reject }) => Math.min(least, reject.at), Number.POSITIVE_INFINITY);
  const left = Math.max(returning, ...[...stances].map(each => patience[each] - since));
  if (left > 0) return left;
  if (against.size <= silent.size) return undefined;
  if (lastGood === undefined && group.some(({ reject }) => reject.instead !== undefined)) return undefined;
  return { typeUrl, name, version, message, proxies: [...against].slice(0, MOST_NAMED), instead: lastGood };
}

/** The content in a snapshot, if it is what the snapshot has. */
function sentIn(snapshot: Snapshot, { typeUrl, name, version }: WithheldResource): EncodedResource | undefined {
  const content = snapshot.types.get(typeUrl)?.resources.get(name);
  return content?.version === version ? content : undefined;
}

type Stance = 'accepts' | 'fresh' | 'undecided' | 'unsent' | 'searching' | 'none';

/** Milliseconds that a proxy is waited for. */
const patience: Readonly<Record<Stance, number>> = {
  accepts: 0,
  none: 0,
  fresh: PATIENCE,
  undecided: PATIENCE,
  unsent: SENDING,
  searching: SEARCH,
};

/** A proxy that does not ask for the type has no say, unless it has only just come. */
function stance(
  { types, withheld, connectedAt }: ProxyStatus,
  typeUrl: string,
  content: EncodedResource,
  { snapshot, now, progress }: Pick<Situation, 'snapshot' | 'now' | 'progress'>,
): Stance {
  const type = types.get(typeUrl);
  if (!type || type.state === 'notAsked') return now - connectedAt < PATIENCE ? 'fresh' : 'none';
  const doubted = withheld && doubts(withheld, snapshot).get(typeUrl);
  if (doubted?.contents.has(content)) return 'searching';
  // Who rejects something else of the type holds a set of its own, with or without this in it.
  const { held, wasSent, hasRejected } = progress(type);
  if (held?.resources.get(content.name)?.version === content.version) return 'accepts';
  // What is being tried is no suspect any more, and is not accepted yet.
  if (doubted?.searching) return 'searching';
  // It has spoken, and nobody knows of what.
  if (hasRejected) return 'none';
  return wasSent ? 'undecided' : 'unsent';
}

interface Doubts {
  /** Those that the snapshot has. */
  readonly contents: ReadonlySet<EncodedResource>;
  /** There are suspects. */
  readonly searching: boolean;
}

/** What a proxy rejects or may reject, by type URL. Once for each state of the proxy, however many contents there are. */
const doubts = memo2((withheld: WithheldStatus, snapshot: Snapshot): ReadonlyMap<string, Doubts> => {
  const { rejects, suspects } = withheld;
  const byType = Map.groupBy([...rejects, ...suspects], each => each.typeUrl);
  const searching = new Set(suspects.map(each => each.typeUrl));
  return new Map(
    [...byType].map(([typeUrl, ofType]) => {
      const contents = new Set(ofType.flatMap(each => sentIn(snapshot, each) ?? []));
      return [typeUrl, { contents, searching: searching.has(typeUrl) }];
    }),
  );
});

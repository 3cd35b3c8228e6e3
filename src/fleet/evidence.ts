import type { Snapshot } from '../snapshot/snapshot.ts';
import { contentKey } from '../xds/events.ts';
import type { AcceptedContents } from './accepted-contents.ts';
import { fleetOf, type ProxyStatus, type WithheldResource } from './proxy.ts';

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
/** Milliseconds that one has for it which is still finding out what it rejects: as long as that may take. */
const SEARCH = 10 * 60_000;
const MOST_NAMED = 16;

/**
 * What is known to be wrong for a whole fleet, from what its proxies say of it (P12): at least two, by their node ids,
 * reject a content that the fleet is sent now, none holds it or has held it, and all have spoken or had time to. A
 * rejection of which nobody knows what the proxies hold instead is no verdict: nothing could be put in its place.
 *
 * Anybody may connect under any node id, also that of a proxy: the word of one connection never undoes another's.
 */
export function verdicts(
  proxies: readonly ProxyStatus[],
  snapshots: ReadonlyMap<string, Snapshot>,
  accepted: AcceptedContents,
  now: number,
): Verdicts {
  const groups = Map.groupBy(
    proxies.flatMap(proxy => (proxy.withheld?.rejects ?? []).map(reject => ({ proxy, reject, fleet: fleetOf(proxy) }))),
    ({ reject, fleet }) => JSON.stringify([fleet, contentKey(reject)]),
  );
  const found: Verdict[] = [];
  let undecidedFor: number | undefined;
  for (const group of groups.values()) {
    const { reject, fleet } = group[0] ?? {};
    if (!reject || fleet === undefined || !isSent(snapshots.get(fleet), reject)) continue;
    if (accepted.has(fleet, reject)) continue;
    const against = [...new Set(group.map(({ proxy }) => proxy.node.id))];
    const instead = held(group.map(each => each.reject));
    if (against.length < FEWEST || instead === 'unknown') continue;
    const clients = new Set(group.map(({ proxy }) => proxy.clientId));
    const others = proxies.filter(each => fleetOf(each) === fleet && !clients.has(each.clientId));
    const stances = others.map(each => stance(each, reject, snapshots.get(fleet), now));
    if (stances.includes('accepts')) continue;
    const since = now - Math.min(...group.map(each => each.reject.at));
    const left = Math.max(
      accepted.returnOf(fleet, reject, now),
      stances.includes('undecided') ? PATIENCE - since : 0,
      stances.includes('searching') ? SEARCH - since : 0,
    );
    if (left > 0) {
      undecidedFor = Math.min(undecidedFor ?? left, left);
      continue;
    }
    const { typeUrl, name, version, message } = reject;
    found.push({ fleet, typeUrl, name, version, message, proxies: against.slice(0, MOST_NAMED), instead });
  }
  return { found, undecidedFor };
}

function isSent(snapshot: Snapshot | undefined, { typeUrl, name, version }: WithheldResource): boolean {
  return snapshot?.types.get(typeUrl)?.resources.get(name)?.version === version;
}

/** What most of those hold who hold anything; undefined if none does. */
function held(rejects: readonly WithheldResource[]): string | undefined {
  const versions = rejects.flatMap(({ instead }) => (instead === undefined ? [] : [instead]));
  const known = versions.filter(each => each !== 'unknown');
  if (known.length === 0) return versions.length > 0 ? 'unknown' : undefined;
  const counts = Map.groupBy(known, each => each);
  return [...counts].reduce((a, b) => (b[1].length > a[1].length ? b : a))[0];
}

/** A proxy that does not ask for the type has no say, unless it has only just come. */
function stance(
  { types, withheld, connectedAt }: ProxyStatus,
  { typeUrl, name, version }: WithheldResource,
  snapshot: Snapshot | undefined,
  now: number,
): 'accepts' | 'undecided' | 'searching' | 'none' {
  const type = types.get(typeUrl);
  if (!type || type.state === 'notAsked') return now - connectedAt < PATIENCE ? 'undecided' : 'none';
  const { rejects = [], suspects = [] } = withheld ?? {};
  const doubted = [...rejects, ...suspects].filter(each => each.typeUrl === typeUrl);
  if (doubted.some(each => each.name === name && each.version === version)) return 'searching';
  const whole = type.acked !== undefined && type.acked === snapshot?.types.get(typeUrl)?.version;
  // Who rejects something else of the type holds a set of its own, with this in it.
  const rest = doubted.length > 0 && type.state === 'synced' && type.acked === type.sent;
  if (whole || rest) return 'accepts';
  // What is being tried is no suspect any more, and is not accepted yet.
  return suspects.some(each => each.typeUrl === typeUrl) ? 'searching' : 'undecided';
}

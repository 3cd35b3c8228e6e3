import type { Snapshot } from '../snapshot/snapshot.ts';
import { contentKey } from '../xds/events.ts';
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
  const groups = Map.groupBy(
    proxies.flatMap(proxy => (proxy.withheld?.rejects ?? []).map(reject => ({ proxy, reject, fleet: fleetOf(proxy) }))),
    ({ reject, fleet }) => JSON.stringify([fleet, contentKey(reject)]),
  );
  const found: Verdict[] = [];
  let undecidedFor: number | undefined;
  for (const group of groups.values()) {
    const { reject, fleet } = group[0] ?? {};
    if (!reject || fleet === undefined || !isSent(snapshots.get(fleet), reject)) continue;
    const against = [...new Set(group.map(({ proxy }) => proxy.node.id))];
    const instead = held(group.map(each => each.reject));
    if (against.length < FEWEST || instead === 'unknown') continue;
    const others = proxies.filter(each => fleetOf(each) === fleet && !against.includes(each.node.id));
    const stances = others.map(each => stance(each, reject, snapshots.get(fleet)));
    if (stances.includes('accepts')) continue;
    const left = PATIENCE - (now - Math.min(...group.map(each => each.reject.at)));
    if (stances.includes('undecided') && left > 0) {
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

/** A proxy that never asked for the type has no say. */
function stance(
  { types, withheld }: ProxyStatus,
  { typeUrl, name, version }: WithheldResource,
  snapshot: Snapshot | undefined,
): 'accepts' | 'undecided' | 'none' {
  const type = types.get(typeUrl);
  if (!type || type.state === 'notAsked') return 'none';
  const doubted = [...(withheld?.rejects ?? []), ...(withheld?.suspects ?? [])].filter(
    each => each.typeUrl === typeUrl,
  );
  if (doubted.some(each => each.name === name && each.version === version)) return 'undecided';
  const whole = type.acked !== undefined && type.acked === snapshot?.types.get(typeUrl)?.version;
  // Who rejects something else of the type holds a set of its own, with this in it.
  const rest = doubted.length > 0 && type.state === 'synced' && type.acked === type.sent;
  return whole || rest ? 'accepts' : 'undecided';
}

import { Buffer } from 'node:buffer';
import { memo1, sameItems } from '../base/memo.ts';
import type { KeptResource, Quarantine } from '../policy/operational-state.ts';
import { encodeRaw } from '../snapshot/encode-raw.ts';
import type { EncodedResource, Snapshot } from '../snapshot/snapshot.ts';
import { type LastGood, withhold } from '../snapshot/withhold.ts';
import { type QuarantineKey, quarantineId } from '../store/store.ts';
import type { Finding, QuarantineChange, QuarantineOutcome } from './control.ts';
import type { FormerContents } from './former-contents.ts';

/** Snapshots without the contents that are quarantined. What is made of the same snapshot and quarantines is the same. */
export function quarantined(
  made: ReadonlyMap<string, Snapshot>,
  quarantines: readonly Quarantine[],
): ReadonlyMap<string, Snapshot> {
  if (quarantines.length === 0) return made;
  return new Map(
    [...made].map(([key, snapshot]) => {
      const own = quarantines.filter(each => each.fleet === key);
      return [key, own.length === 0 ? snapshot : without(snapshot, own)];
    }),
  );
}

/** What was last made of a snapshot, and of which quarantines. */
const known = new WeakMap<Snapshot, Made>();

interface Made {
  readonly quarantines: readonly Quarantine[];
  readonly result: Snapshot;
}

function without(snapshot: Snapshot, quarantines: readonly Quarantine[]): Snapshot {
  const before = known.get(snapshot);
  if (before && sameItems(before.quarantines, quarantines)) return before.result;
  const kept = new Map(quarantines.flatMap(each => each.lastGood.map(good => [keyOf(good), encoded(good)])));
  const lastGood: LastGood = (typeUrl, name) => kept.get(keyOf({ typeUrl, name }));
  const withheld = quarantines.map(each => ({ ...each, instead: lastGood(each.typeUrl, each.name) }));
  const result = withhold(snapshot, withheld, lastGood, { quietly: false });
  known.set(snapshot, { quarantines, result });
  return result;
}

function keyOf({ typeUrl, name }: { readonly typeUrl: string; readonly name: string }): string {
  return `${typeUrl} ${name}`;
}

const encoded = memo1(
  ({ typeUrl, name, value }: KeptResource): EncodedResource =>
    encodeRaw(name, { typeUrl, name, value: Buffer.from(value, 'base64') }),
);

/**
 * Whether the content is what the policy comes to. `dormant`: there is no such fleet, and nothing is known of what it
 * will hold when it comes back, such as after it was renamed and named so again.
 */
export function standingOf(
  made: ReadonlyMap<string, Snapshot>,
  { fleet, typeUrl, name, version }: Pick<Quarantine, 'fleet' | 'typeUrl' | 'name' | 'version'>,
): 'inForce' | 'dormant' | 'over' {
  const snapshot = made.get(fleet);
  if (!snapshot) return 'dormant';
  return snapshot.types.get(typeUrl)?.resources.get(name)?.version === version ? 'inForce' : 'over';
}

/** Whether proxies are sent what was there before; else nothing. */
export function hasLastGood({ typeUrl, name, lastGood }: Pick<Quarantine, 'typeUrl' | 'name' | 'lastGood'>): boolean {
  return lastGood.some(each => each.typeUrl === typeUrl && each.name === name);
}

/**
 * A quarantine, with all that has to be kept for it: what proxies hold instead, and the former contents of everything
 * that would be sent in its place. Undefined when it is not known what they hold: then nothing may be put in its place.
 */
function quarantineOf(
  { instead, ...found }: Finding,
  since: number,
  snapshot: Snapshot,
  former: FormerContents,
): Quarantine | undefined {
  const { fleet, typeUrl, name } = found;
  const good = instead === undefined ? undefined : former.find(fleet, typeUrl, name, instead);
  if (instead !== undefined && !good) return undefined;
  const used = new Map<string, KeptResource>();
  const keep = (url: string, each: EncodedResource | undefined): EncodedResource | undefined => {
    if (!each) return undefined;
    const kept = { typeUrl: url, name: each.name, value: Buffer.from(each.value).toString('base64') };
    used.set(keyOf(kept), kept);
    return each;
  };
  const lastGood: LastGood = (url, other) => keep(url, former.find(fleet, url, other));
  withhold(snapshot, [{ ...found, instead: keep(typeUrl, good) }], lastGood, { quietly: false });
  return { ...found, since, lastGood: [...used.values()] };
}

interface QuarantineSituation {
  readonly made: ReadonlyMap<string, Snapshot>;
  readonly quarantines: readonly Quarantine[];
  readonly former: FormerContents;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

export type QuarantineDecision =
  | {
      readonly kind: 'change';
      readonly quarantines: readonly Quarantine[];
      readonly put?: Quarantine;
      readonly end?: QuarantineKey;
    }
  | Exclude<QuarantineOutcome, { readonly kind: 'done' }>;

/** What a change of quarantines comes to. */
export function decideQuarantine(
  change: QuarantineChange,
  { made, quarantines, former, now }: QuarantineSituation,
): QuarantineDecision {
  const id = quarantineId('found' in change ? change.found : change.release);
  const current = quarantines.find(each => quarantineId(each) === id);
  const others = quarantines.filter(each => each !== current);
  if ('release' in change) {
    if (!current) return { kind: 'notFound', what: `${change.release.name} is not in quarantine.` };
    return { kind: 'change', quarantines: others, end: change.release };
  }
  const { found } = change;
  const snapshot = made.get(found.fleet);
  if (!snapshot || standingOf(made, found) !== 'inForce')
    return { kind: 'notFound', what: `${found.name} has another content by now.` };
  if (current) return { kind: 'notFound', what: `${found.name} is in quarantine already.` };
  const put = quarantineOf(found, now, snapshot, former);
  if (!put) return { kind: 'unknown', what: `It is not known what proxies hold in place of ${found.name}.` };
  return { kind: 'change', quarantines: [...others, put], put };
}

import { memo1 } from '../base/memo.ts';
import { remember } from '../base/remember.ts';
import { contentHash } from '../snapshot/encode.ts';
import type { EncodedResource, Snapshot, TypeSnapshot } from '../snapshot/snapshot.ts';
import { type LastGood, type Withheld, withhold } from '../snapshot/withhold.ts';
import { isAbsent } from './absent.ts';
import { heldThen } from './held.ts';
import { type Isolation, informed, nothingRejected, republished, withheldBy } from './isolation.ts';
import type { Lanes, MachineState } from './lanes.ts';
import type { Unanswered } from './machine.ts';
import { resourceType } from './resource-type.ts';
import { covers, type Subscription } from './subscription.ts';

/** What withholding a content from a client comes to, given what the client has on its lanes. */

/**
 * What a rejected response may have been rejected for: contents that the client did not have. Undefined where nobody
 * knows what it had, and what is left out would be deleted: then the client is left alone (R26).
 */
export function suspectsIn(
  before: MachineState,
  { body, fresh }: Unanswered,
  lanes: Lanes,
): readonly Withheld[] | undefined {
  if (body.beat) return undefined;
  const { typeUrl, acked, resumes } = before;
  const isSotw = !('has' in before);
  if (!acked && resumes && isSotw && resourceType(typeUrl).complete) return undefined;
  return body.resources.flatMap((resource): Withheld[] => {
    if (isAbsent(resource)) return [];
    const { name, version } = resource;
    const held = isNewTo(before, fresh, name) ? undefined : acked?.resources.get(name);
    const mayHave = isSotw ? resumes : before.brought.has(name);
    const unknown = acked ? held !== undefined && covers(fresh, name) : mayHave;
    if (unknown) return [{ typeUrl, name, version, instead: standIn(name) }];
    // What it holds under the name may have come on another of its streams.
    return held?.version === version ? [] : [{ typeUrl, name, version, instead: held ?? heldOn(lanes, typeUrl, name) }];
  });
}

/**
 * True if the client has never had anything under the name: its set may have that all the same, since it is one for all
 * names. @param fresh what was new to it when it was sent.
 */
function isNewTo(state: MachineState, fresh: Subscription, name: string): boolean {
  const maybeBrought = !('has' in state) && state.resumes;
  return covers(fresh, name) && !covers(state.anew, name) && !maybeBrought;
}

/** A request of a stream after which nothing is sent until the goal is made anew. */
export interface Halted {
  readonly streamId: number;
  readonly typeUrl: string;
  /** What was rejected by it, if anything. */
  readonly suspects: readonly Withheld[];
}

const nothing = new Uint8Array();

/** What the client has under the name, whatever it is. */
function standIn(name: string): EncodedResource {
  return { name, version: '', value: nothing, sotwEntry: nothing, deltaEntry: nothing, unsent: true };
}

/** What was made of a published snapshot for a client. */
export interface Aimed {
  readonly published: Snapshot;
  readonly isolation: Isolation;
  readonly lanes: Lanes;
  readonly goal: Snapshot;
}

const unhindered = memo1(
  (published: Snapshot): Aimed => ({ published, isolation: nothingRejected, lanes: [], goal: published }),
);

/** The goal for a published snapshot; made anew when what the client has accepted may make it another. */
export function aimedAt(before: Aimed | undefined, published: Snapshot, isolation: Isolation, lanes: Lanes): Aimed {
  const withheld = withheldBy(isolation);
  if (withheld.length === 0) return unhindered(published);
  const same = before?.published === published && before.isolation === isolation;
  if (same && (before.lanes === lanes || withheld.every(each => each.instead))) return before;
  const earlier = before?.published === published ? before.goal : published;
  const held = lastGoodOn(lanes);
  const lastGood: LastGood = (typeUrl, name, suits) =>
    held(typeUrl, name, suits) ??
    (isDoubted(lanes, typeUrl, name) ? undefined : substituted(earlier, published, typeUrl, name));
  return { published, isolation, lanes, goal: goalFor(published, withheld, lastGood) };
}

/** What went back to its last good content stays there, also when the client accepts what was on its way before that. */
function substituted(goal: Snapshot, published: Snapshot, typeUrl: string, name: string): EncodedResource | undefined {
  const instead = goal.types.get(typeUrl)?.resources.get(name);
  return instead && !instead.unsent && !isPublished({ ...instead, typeUrl }, published) ? instead : undefined;
}

function isDoubted(lanes: Lanes, typeUrl: string, name: string): boolean {
  return lanes.some(({ state }) => state.typeUrl === typeUrl && state.doubtful.names.has(name));
}

/** What of it is rejected or suspected still, now that this is published and the client has this. */
export function stillRejected(isolation: Isolation, published: Snapshot, lanes: Lanes): Isolation {
  const left = republished(isolation, each => isPublished(each, published));
  return informed(left, (typeUrl, name) => heldOn(lanes, typeUrl, name));
}

/** Names of suspects against which nothing is known any more. They need not wait for a change. */
export function cleared(
  suspects: readonly Withheld[],
  isolation: Isolation,
  published: Snapshot | undefined,
): readonly string[] {
  const withheld = new Set(withheldBy(isolation).map(({ typeUrl, name }) => `${typeUrl} ${name}`));
  return suspects.flatMap(each =>
    withheld.has(`${each.typeUrl} ${each.name}`) || !isPublished(each, published) ? [] : [each.name],
  );
}

/** The snapshot that a client is to move to. One object for all clients from which the same is withheld. */
export function goalFor(published: Snapshot, withheld: readonly Withheld[], lastGood: LastGood): Snapshot {
  if (withheld.length === 0) return published;
  const made = withhold(published, withheld, lastGood, { quietly: true });
  if (made === published) return published;
  const known = alike(published);
  const key = contentHash(
    JSON.stringify([made.version, withheld.map(each => [each.typeUrl, each.name, each.version])]),
  );
  const same = known.get(key)?.deref();
  if (same) return same;
  // Those of which nobody has any use any more are counted as well.
  remember(known, key, new WeakRef(made), MOST_ALIKE);
  return made;
}

/** The same for any snapshot that a client was to move to before. */
export function goalOn(lanes: Lanes, withheld: readonly Withheld[]): (snapshot: Snapshot) => Snapshot {
  const lastGood = lastGoodOn(lanes);
  return snapshot => goalFor(snapshot, withheld, lastGood);
}

const MOST_ALIKE = 256;
const alike = memo1((_published: Snapshot) => new Map<string, WeakRef<Snapshot>>());

/** What the client has last accepted under the name. */
function heldOn(lanes: Lanes, typeUrl: string, name: string): EncodedResource | undefined {
  return onLanes(lanes, typeUrl, name, state => ackedBy(state, name)?.resources.get(name));
}

/** What it has under the name when it accepts what is under way, or has accepted, or has brought. */
function lastGoodOn(lanes: Lanes): LastGood {
  return (typeUrl, name, suits = () => true) =>
    onLanes(lanes, typeUrl, name, state => {
      const acked = ackedBy(state, name);
      const found = [heldThen({ ...state, acked }, name), acked?.resources.get(name), broughtBy(state, name)];
      return found.find(each => each && suits(each));
    });
}

/** The set that says what the client has accepted under the name, if it has. */
function ackedBy(state: MachineState, name: string): TypeSnapshot | undefined {
  return isNewTo(state, state.fresh, name) ? undefined : state.acked;
}

/** Stands for what a delta client says that it has from an earlier stream. Of a SotW client nobody knows. */
function broughtBy(state: MachineState, name: string): EncodedResource | undefined {
  return 'brought' in state && state.brought.has(name) ? standIn(name) : undefined;
}

function onLanes(
  lanes: Lanes,
  typeUrl: string,
  name: string,
  find: (state: MachineState) => EncodedResource | undefined,
): EncodedResource | undefined {
  for (const { state } of lanes) {
    const found = state.typeUrl === typeUrl && covers(state.subscription, name) ? find(state) : undefined;
    if (found) return found;
  }
  return undefined;
}

/**
 * What has become of contents that were to be tried; undefined: the client has not accepted them all. Nothing is known of
 * what it does not ask for, or cannot be sent since it refers to what the client rejects.
 */
export function outcome(
  contents: readonly Withheld[],
  goal: Snapshot | undefined,
  lanes: Lanes,
): 'accepted' | 'unasked' | undefined {
  let known: 'accepted' | 'unasked' = 'accepted';
  for (const { typeUrl, name, version } of contents) {
    if (!isPublished({ typeUrl, name, version }, goal)) {
      known = 'unasked';
      continue;
    }
    const asking = lanes.filter(({ state }) => state.typeUrl === typeUrl && covers(state.subscription, name));
    if (asking.length === 0) known = 'unasked';
    else if (!asking.some(({ state }) => isAccepted(state, name, version))) return undefined;
  }
  return known;
}

function isAccepted({ unanswered, acked }: MachineState, name: string, version: string): boolean {
  return unanswered.length === 0 && acked?.resources.get(name)?.version === version;
}

/** True if a content is published. */
export function isPublished(
  { typeUrl, name, version }: Pick<Withheld, 'typeUrl' | 'name' | 'version'>,
  published: Snapshot | undefined,
): boolean {
  return published?.types.get(typeUrl)?.resources.get(name)?.version === version;
}

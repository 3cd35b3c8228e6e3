import { memo1 } from '../base/memo.ts';
import { contentHash } from '../snapshot/encode.ts';
import type { EncodedResource, Snapshot } from '../snapshot/snapshot.ts';
import { type Withheld, withhold } from '../snapshot/withhold.ts';
import type { Lanes, MachineState } from './lanes.ts';
import type { Unanswered } from './machine.ts';
import { resourceType } from './resource-type.ts';
import { covers } from './subscription.ts';

/** What withholding a content from a client comes to, given what the client has on its lanes. */

/**
 * What a rejected response may have been rejected for: contents that the client did not have. Undefined where nobody
 * knows what it had, and what is left out would be deleted: then the client is left alone (R26).
 */
export function suspectsIn(before: MachineState, { body, again }: Unanswered): readonly Withheld[] | undefined {
  if (body.beat) return undefined;
  const { typeUrl, acked, resumes } = before;
  const isSotw = !('has' in before);
  if (!acked && resumes && isSotw && resourceType(typeUrl).complete) return undefined;
  return body.resources.flatMap(({ name, version }): Withheld[] => {
    const held = acked?.resources.get(name);
    const unknown = acked ? held !== undefined && covers(again, name) : resumes;
    if (unknown) return [{ typeUrl, name, version, instead: standIn(name) }];
    return held?.version === version ? [] : [{ typeUrl, name, version, instead: held }];
  });
}

const nothing = new Uint8Array();

/** What the client has under the name, whatever it is. */
function standIn(name: string): EncodedResource {
  return { name, version: '', value: nothing, sotwEntry: nothing, deltaEntry: nothing, unsent: true };
}

/** The snapshot that a client is to move to. One object for all clients from which the same is withheld. */
export function goalFor(published: Snapshot, withheld: readonly Withheld[], lanes: Lanes): Snapshot {
  if (withheld.length === 0) return published;
  const lastGood = (typeUrl: string, name: string) => heldOn(lanes, typeUrl, name);
  const made = withhold(published, withheld, lastGood, { quietly: true });
  if (made === published) return published;
  const known = alike(published);
  const key = contentHash(
    JSON.stringify([made.version, withheld.map(each => [each.typeUrl, each.name, each.version])]),
  );
  const same = known.get(key)?.deref();
  if (same) return same;
  known.set(key, new WeakRef(made));
  // The oldest is forgotten, since those of which nobody has any use any more are counted as well.
  const [oldest] = known.keys();
  if (known.size > MOST_ALIKE && oldest !== undefined) known.delete(oldest);
  return made;
}

const MOST_ALIKE = 256;
const alike = memo1((_published: Snapshot) => new Map<string, WeakRef<Snapshot>>());

/** What the client has last accepted under the name. */
function heldOn(lanes: Lanes, typeUrl: string, name: string): EncodedResource | undefined {
  for (const { state } of lanes) {
    if (state.typeUrl !== typeUrl || !covers(state.subscription, name)) continue;
    const held = state.acked?.resources.get(name);
    if (held) return held;
  }
  return undefined;
}

/** True if the client has accepted these contents. */
export function isAccepted(contents: readonly Withheld[], lanes: Lanes): boolean {
  return contents.every(({ typeUrl, name, version }) =>
    lanes.some(
      ({ state }) =>
        state.typeUrl === typeUrl &&
        state.unanswered.length === 0 &&
        covers(state.subscription, name) &&
        state.acked?.resources.get(name)?.version === version,
    ),
  );
}

import { memo1, memo2 } from '../base/memo.ts';
import type { EncodedResource, TypeSnapshot } from '../snapshot/snapshot.ts';
import { versionOf } from '../snapshot/type-version.ts';
import { namesIn, type ResponseBody } from './body.ts';
import type { TypeState, Unanswered } from './machine.ts';
import { covers, type Subscription, subscriptionOf } from './subscription.ts';
import { askedBy } from './view.ts';

/**
 * What a client is known to hold: under every name the content that it has accepted last. That is the set which it has
 * moved to, but for what it may have rejected, and what was withheld and hence not spoken of (R42).
 */

/** All names for which a body speaks. One set for all streams that were sent it. */
export const namesOf: (body: ResponseBody) => Subscription = memo1(body => subscriptionOf(false, namesIn(body)));

type Holder = Pick<TypeState, 'whole' | 'acked' | 'doubtful' | 'resumes' | 'fresh'>;

/** After a response was accepted. */
export function heldAfter(holder: Holder, { snapshot, led, body, fresh }: Unanswered): TypeSnapshot | undefined {
  const said = namesOf(body).names;
  return heldAt({ ...holder, fresh }, snapshot, (name, isDoubtful) =>
    holder.whole || said.has(name) || !(isDoubtful || led.withheld?.has(name)) ? led : undefined,
  );
}

/** What it has under a name when it accepts all that is under way. */
export function heldThen(
  { whole, unanswered, acked }: Pick<TypeState, 'whole' | 'unanswered' | 'acked'>,
  name: string,
): EncodedResource | undefined {
  const last = unanswered.findLast(({ body }) => whole || namesOf(body).names.has(name));
  return last ? last.body.resources.find(each => each.name === name) : acked?.resources.get(name);
}

/** After it was found to be at a set without being sent anything. */
export function heldUnsaid(holder: Holder, snapshot: TypeSnapshot): TypeSnapshot | undefined {
  return heldAt(holder, snapshot, () => undefined);
}

/**
 * The set itself where it says all. Undefined if nobody knows what a client that came back has instead.
 *
 * @param told the set which says what is held under a name, if the client was told.
 */
function heldAt(
  { acked, doubtful, resumes, fresh }: Holder,
  set: TypeSnapshot,
  told: (name: string, isDoubtful: boolean) => TypeSnapshot | undefined,
): TypeSnapshot | undefined {
  const doubted = resourceNames(doubtful, [set, acked]);
  const sources = new Map<TypeSnapshot, string[]>();
  for (const name of new Set([...doubted, ...(set.withheld ?? [])])) {
    const before = covers(fresh, name) ? undefined : acked;
    const instead = set.withheld?.has(name) ? set : acked || !resumes ? emptyLike(set) : undefined;
    const source = told(name, doubted.has(name)) ?? before ?? instead;
    if (!source) return undefined;
    if (source.resources.get(name)?.version !== set.resources.get(name)?.version) {
      sources.set(source, [...(sources.get(source) ?? []), name]);
    }
  }
  let held = set;
  for (const [source, names] of sources) held = mixed(held, source)(subscriptionOf(false, names));
  return held;
}

/** Names may stand for resources with other names. */
function resourceNames({ names }: Subscription, sets: readonly (TypeSnapshot | undefined)[]): ReadonlySet<string> {
  const found = new Set(names);
  for (const name of names) {
    for (const set of sets) for (const each of set ? askedBy(set, name) : []) found.add(each.name);
  }
  return found;
}

const emptyLike = memo1(({ typeUrl }: TypeSnapshot): TypeSnapshot => {
  const resources = new Map();
  return { typeUrl, version: versionOf(typeUrl, resources), resources };
});

/** A set that has some names as another one has them. One object for all clients to which that happens. */
const mixed = memo2((set: TypeSnapshot, other: TypeSnapshot) =>
  memo1(({ names }: Subscription): TypeSnapshot => {
    const resources = new Map(set.resources);
    for (const name of names) {
      const resource = other.resources.get(name);
      if (resource) resources.set(name, resource);
      else resources.delete(name);
    }
    return { typeUrl: set.typeUrl, version: versionOf(set.typeUrl, resources), resources };
  }),
);

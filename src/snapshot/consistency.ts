import { type Resource, type ServedType, servedTypes } from '../base/resource.ts';
import { shortType } from '../base/short-type.ts';
import { changedSince } from './changed-since.ts';
import { ownName, type Reference, referencesOf } from './references.ts';

/** Why a set of resources must not be published. Always a bug of compile or translate, never a user's mistake. */
export type Inconsistency =
  | { readonly kind: 'duplicate'; readonly type: ServedType; readonly name: string }
  | { readonly kind: 'misnamed'; readonly type: ServedType; readonly name: string; readonly found: string | undefined }
  | {
      readonly kind: 'dangling';
      readonly type: ServedType;
      readonly name: string;
      readonly reference: Reference;
    };

type Names = ReadonlyMap<ServedType, ReadonlySet<string>>;

/** The names of each list that was looked at, so that the next one of the same names need not gather them. */
const namesOf = new WeakMap<readonly Resource[], Names>();

/**
 * What would make a proxy reject a fleet's resources, wait for something that never comes, or answer 503: names that
 * stand twice (R28), messages under another name than their own (R32), references to what is not there (R40).
 *
 * `sound` is an earlier list in which nothing was found. Where names and their order are as in it, only what is another
 * object is looked at.
 */
export function findInconsistencies(
  resources: readonly Resource[],
  sound?: readonly Resource[],
): readonly Inconsistency[] {
  const changed = sound && changedSince(sound, resources);
  const known = changed && sound && namesOf.get(sound);
  if (known) {
    namesOf.set(resources, known);
    return [...changed.flatMap(misnamed), ...changed.flatMap(each => dangling(each, known))];
  }
  const names = new Map<ServedType, Set<string>>(Object.values(servedTypes).map(type => [type, new Set()]));
  const found: Inconsistency[] = [];
  for (const resource of resources) {
    const { type, name } = resource;
    const ofType = names.get(type);
    if (ofType?.has(name)) found.push({ kind: 'duplicate', type, name });
    ofType?.add(name);
    found.push(...misnamed(resource));
  }
  namesOf.set(resources, names);
  return [...found, ...resources.flatMap(each => dangling(each, names))];
}

function misnamed(resource: Resource): readonly Inconsistency[] {
  const { type, name } = resource;
  const found = ownName(resource);
  return found === name ? [] : [{ kind: 'misnamed', type, name, found }];
}

function dangling(resource: Resource, names: Names): readonly Inconsistency[] {
  const { type, name } = resource;
  const lost = referencesOf(resource).filter(each => !names.get(each.type)?.has(each.name));
  return lost.map(reference => ({ kind: 'dangling', type, name, reference }));
}

/** What is wrong with the resource, to stand after its type and name. */
export function describeInconsistency(each: Inconsistency): string {
  switch (each.kind) {
    case 'duplicate':
      return 'stands twice';
    case 'misnamed':
      return `calls itself ${each.found === undefined ? 'nothing' : `"${each.found}"`}`;
    case 'dangling':
      return `refers to ${shortType(each.reference.type)} "${each.reference.name}", which does not exist`;
  }
}

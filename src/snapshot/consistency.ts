import { type Resource, type ServedType, shortType } from '../translate/resource.ts';
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

/**
 * What would make a proxy reject a fleet's resources, wait for something that never comes, or answer 503: names that
 * stand twice (R28), messages under another name than their own (R32), references to what is not there (R40).
 */
export function findInconsistencies(resources: readonly Resource[]): readonly Inconsistency[] {
  const present = new Map<ServedType, Set<string>>();
  const found: Inconsistency[] = [];
  for (const resource of resources) {
    const { type, name } = resource;
    const names = present.get(type) ?? new Set();
    present.set(type, names);
    if (names.has(name)) found.push({ kind: 'duplicate', type, name });
    names.add(name);
    const own = ownName(resource);
    if (own !== name) found.push({ kind: 'misnamed', type, name, found: own });
  }
  for (const resource of resources) {
    for (const reference of referencesOf(resource)) {
      if (present.get(reference.type)?.has(reference.name)) continue;
      found.push({ kind: 'dangling', type: resource.type, name: resource.name, reference });
    }
  }
  return found;
}

/** One sentence for a log. */
export function describeInconsistency(each: Inconsistency): string {
  const where = `${shortType(each.type)} "${each.name}"`;
  switch (each.kind) {
    case 'duplicate':
      return `${where} stands twice`;
    case 'misnamed':
      return `${where} calls itself ${each.found === undefined ? 'nothing' : `"${each.found}"`}`;
    case 'dangling':
      return `${where} refers to ${shortType(each.reference.type)} "${each.reference.name}", which does not exist`;
  }
}

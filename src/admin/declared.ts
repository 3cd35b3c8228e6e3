import { fieldChanges } from '../base/field-changes.ts';
import { didYouMean } from '../base/suggest.ts';
import type { Control } from '../control/control.ts';
import { type DeclaredResource, type DeclaredResources, declaredIn } from '../control/declared.ts';
import type { EditRefusal } from '../control/edits.ts';
import type { Kind } from '../policy/kinds.ts';
import { resourceId } from '../policy/owner.ts';
import type { ConflictReply, DeclaredReply } from './api.ts';
import type { KnownVersions } from './known-versions.ts';
import { type PageAsked, pageOf } from './pages.ts';
import { ApiError } from './problem-json.ts';

const nothing: DeclaredResources = new Map();
const mostChanges = 50;

/** What is declared in force. */
export const declaredNow = ({ accepted }: Pick<Control, 'accepted'>): DeclaredResources =>
  accepted ? declaredIn(accepted.revision.documents) : nothing;

/** @throws ApiError 404 that names what comes near. */
export function declaredAt(all: DeclaredResources, kind: Kind, name: string): DeclaredResource {
  const found = all.get(resourceId({ kind, name }));
  if (found) return found;
  const names = [...all.values()].flatMap(each => (each.kind === kind ? [each.name] : []));
  throw new ApiError(404, 'Not found', `There is no "${name}" among the ${kind}.`, { hint: didYouMean(name, names) });
}

export function declaredReply({ kind, name, owner, version, place, takesOver, spec }: DeclaredResource): DeclaredReply {
  const written = spec as DeclaredReply['spec'];
  return { kind, name, owner, version, ...place, ...(takesOver ? { takesOver } : {}), spec: written };
}

export interface Page {
  readonly resources: readonly DeclaredReply[];
  readonly next?: string;
}

/** Some of a kind, by name. */
export function resourcePage(
  all: DeclaredResources,
  kind: Kind,
  { name = '', owner, ...asked }: PageAsked & { readonly name?: string; readonly owner?: string },
): Page {
  const wanted = [...all.values()].filter(
    each => each.kind === kind && each.name.includes(name) && (owner === undefined || each.owner === owner),
  );
  const { page, next } = pageOf(wanted, each => [each.name], asked);
  return { resources: page.map(declaredReply), ...(next === undefined ? {} : { next }) };
}

const refusals = {
  notFound: [404, 'Not found'],
  ofFiles: [409, 'Belongs to files'],
  changed: [412, 'Changed meanwhile'],
  exists: [412, 'There already'],
  tooMany: [422, 'Too many resources'],
} as const satisfies Record<EditRefusal['refused'], readonly [number, string]>;

/** Why nothing was done, with what is different. */
export function refusalError(
  { refused, why, hint, current, wanted }: EditRefusal,
  expected: readonly string[] | '*' | undefined,
  known: KnownVersions,
): ApiError {
  const [status, title] = refusals[refused];
  const before = Array.isArray(expected)
    ? expected.map(each => known.of(each)).find(each => each !== undefined)
    : undefined;
  const body: Partial<ConflictReply> = {
    ...(current ? { current: declaredReply(current) } : {}),
    ...(current && before !== undefined ? { since: fieldChanges(before, current.spec, mostChanges).fields } : {}),
    ...(current && wanted !== undefined ? { difference: fieldChanges(current.spec, wanted, mostChanges).fields } : {}),
  };
  return new ApiError(status, title, why, { hint, more: body });
}

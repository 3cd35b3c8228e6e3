import { mergePatch } from '../base/merge-patch.ts';
import type { SourceSpan } from '../base/problem.ts';
import { didYouMean } from '../base/suggest.ts';
import { apiDocument, apiFile, type ResourceKey, resourceId } from '../policy/owner.ts';
import { type StoredDocument, sameDocuments } from '../store/store.ts';
import { type DeclaredResource, type DeclaredResources, declaredIn, filesOf, joined, versionOf } from './declared.ts';

/** A change of one resource of the declared policy. */
export interface Edit extends ResourceKey {
  readonly change: /** Puts it in the place of what there is, or makes it. */
    | { readonly kind: 'put'; readonly spec: unknown }
    /** A JSON merge patch (RFC 7396) of what there is. */
    | { readonly kind: 'patch'; readonly patch: unknown }
    | { readonly kind: 'delete' };
  /** Versions of which it must be one; `*`: any, but it must be there. */
  readonly ifMatch?: readonly string[] | '*';
  /** It must not be there. */
  readonly ifNone?: boolean;
}

/** Why an edit cannot be made. Nothing of what was asked for together with it is done. */
export interface EditRefusal extends ResourceKey {
  readonly refused:
    | 'notFound'
    /** Files declare it. */
    | 'ofFiles'
    /** It is not what the caller thought it was. */
    | 'changed'
    | 'exists'
    | 'tooMany';
  readonly why: string;
  readonly hint?: string;
  /** What there is now. */
  readonly current?: DeclaredResource;
  /** What it would have become. */
  readonly wanted?: unknown;
}

export type EditDecision =
  | { readonly kind: 'documents'; readonly documents: readonly StoredDocument[]; readonly changed: boolean }
  | { readonly kind: 'refused'; readonly refusal: EditRefusal };

export interface EditOptions {
  /** Also what files declare; theirs is without effect then. */
  readonly takeOver?: boolean;
}

/** How many resources the API keeps. */
const mostOwned = 10_000;

/**
 * The documents after edits of resources that the API owns: all of them, in their order, or the first that cannot be
 * made. Those of files stay as they are. Pure.
 */
export function decideEdits(
  documents: readonly StoredDocument[],
  edits: readonly Edit[],
  { takeOver = false }: EditOptions,
): EditDecision {
  const files = filesOf(documents);
  const ofFiles = declaredIn(files);
  const owned = new Map(documents.filter(each => !files.includes(each)).map(each => [each.file, each]));
  const resources = new Map(declaredIn(documents));
  for (const edit of edits) {
    const id = resourceId(edit);
    const current = resources.get(id);
    const made = decideEdit(edit, { current, resources, takeOver });
    if (made.kind === 'refused') return made;
    const fromFile = ofFiles.get(id);
    if (made.kind === 'gone') {
      owned.delete(apiFile(edit));
      if (fromFile) resources.set(id, fromFile);
      else resources.delete(id);
    } else if (made.kind === 'spec') {
      const document = apiDocument(edit, made.spec, fromFile !== undefined);
      owned.set(document.file, document);
      resources.set(id, ownedResource(edit, made.spec, fromFile?.place));
    }
  }
  if (owned.size > mostOwned) {
    const [edit] = edits;
    const why = `There would be ${owned.size} resources that were made by API; at most ${mostOwned} are kept.`;
    return refused({ ...key(edit ?? { kind: 'services', name: '' }), refused: 'tooMany', why });
  }
  const next = joined([...owned.values()], files);
  return { kind: 'documents', documents: next, changed: !sameDocuments(next, documents) };
}

/**
 * What the edits come to upon documents that they were not decided upon, without their conditions: what was to be deleted
 * and is not there is left, and it is taken over from files what others have taken over.
 *
 * @returns why they cannot be made there.
 */
export function editsUpon(
  documents: readonly StoredDocument[],
  edits: readonly Edit[],
): readonly StoredDocument[] | string {
  const owned = new Set([...declaredIn(documents)].flatMap(([id, { owner }]) => (owner === 'api' ? [id] : [])));
  const wanted = edits.flatMap(({ ifMatch: _, ifNone: __, ...edit }) => {
    const id = resourceId(edit);
    if (edit.change.kind === 'delete') return owned.delete(id) ? [edit] : [];
    owned.add(id);
    return [edit];
  });
  const decision = decideEdits(documents, wanted, { takeOver: true });
  return decision.kind === 'refused' ? decision.refusal.why : decision.documents;
}

interface Around {
  readonly current: DeclaredResource | undefined;
  readonly resources: DeclaredResources;
  readonly takeOver: boolean;
}

type EditResult =
  | { readonly kind: 'spec'; readonly spec: unknown }
  | { readonly kind: 'gone' }
  /** It is so already. */
  | { readonly kind: 'same' }
  | { readonly kind: 'refused'; readonly refusal: EditRefusal };

function decideEdit(edit: Edit, around: Around): EditResult {
  const { change } = edit;
  const { current, takeOver } = around;
  const spec =
    change.kind === 'put' ? change.spec : change.kind === 'patch' ? mergePatch(current?.spec, change.patch) : undefined;
  const unmet = unmetCondition(edit, around, spec);
  if (unmet) return unmet;
  if (!current && change.kind !== 'put') return notThere(edit, around);
  if (current?.owner === 'files') {
    if (change.kind === 'delete') return ofFiles(edit, current, spec);
    if (versionOf(spec) === current.version && !takeOver) return { kind: 'same' };
    if (!takeOver) return ofFiles(edit, current, spec);
  }
  if (change.kind === 'delete') return { kind: 'gone' };
  return { kind: 'spec', spec };
}

/** The conditions of HTTP (RFC 9110, 13.1) that are not met. */
function unmetCondition(edit: Edit, around: Around, spec: unknown): EditResult | undefined {
  const { ifMatch, ifNone } = edit;
  const { current } = around;
  const about = { ...key(edit), ...(current ? { current } : {}), ...(spec === undefined ? {} : { wanted: spec }) };
  if (ifNone && current) {
    const why = `There is "${edit.name}" among the ${edit.kind} already (${placeText(current.place)}).`;
    return refused({ ...about, refused: 'exists', why });
  }
  if (ifMatch === undefined) return undefined;
  if (!current) return notThere(edit, around);
  if (ifMatch === '*' || ifMatch.includes(current.version)) return undefined;
  const why = `"${edit.name}" of the ${edit.kind} has been changed meanwhile: it is of version ${current.version}.`;
  return refused({ ...about, refused: 'changed', why, hint: 'read it anew, and make your change upon what it is now' });
}

function notThere(edit: Edit, { resources }: Around): EditResult {
  const names = [...resources.values()].flatMap(each => (each.kind === edit.kind ? [each.name] : []));
  const why = `There is no "${edit.name}" among the ${edit.kind}.`;
  const hint = didYouMean(edit.name, names);
  return refused({ ...key(edit), refused: 'notFound', why, ...(hint === undefined ? {} : { hint }) });
}

function ofFiles(edit: Edit, current: DeclaredResource, wanted: unknown): EditResult {
  const where = placeText(current.place);
  const why = `"${edit.name}" of the ${edit.kind} belongs to the policy files: it is declared at ${where}.`;
  const hint =
    edit.change.kind === 'delete'
      ? 'remove it there'
      : 'change it there; or add ?takeOver=true, and what is written by API holds in place of the file';
  return refused({ ...key(edit), refused: 'ofFiles', why, hint, current, ...(wanted === undefined ? {} : { wanted }) });
}

function refused(refusal: EditRefusal): Extract<EditResult, { readonly kind: 'refused' }> {
  return { kind: 'refused', refusal };
}

const key = ({ kind, name }: ResourceKey): ResourceKey => ({ kind, name });
const placeText = ({ file, line, column }: SourceSpan) => `${file}:${line}:${column}`;

function ownedResource(of: ResourceKey, spec: unknown, takesOver: SourceSpan | undefined): DeclaredResource {
  const place = { file: apiFile(of), line: 1, column: 1 };
  return { ...key(of), owner: 'api', spec, version: versionOf(spec), place, ...(takesOver ? { takesOver } : {}) };
}

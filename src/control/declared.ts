import { createHash } from 'node:crypto';
import { compareText } from '../base/compare.ts';
import { contentText } from '../base/content-text.ts';
import { memo1 } from '../base/memo.ts';
import type { SourceSpan } from '../base/problem.ts';
import { apiResource, type Owner, type ResourceKey, resourceId } from '../policy/owner.ts';
import { resourcesIn } from '../policy/read-document.ts';
import type { StoredDocument } from '../store/store.ts';

/** A resource of the declared policy, as it was written. */
export interface DeclaredResource extends ResourceKey {
  readonly owner: Owner;
  readonly spec: unknown;
  /** Names the content: equal contents have equal versions. */
  readonly version: string;
  readonly place: SourceSpan;
  /** Of one of the API that stands in the place of a file's: where that is. */
  readonly takesOver?: SourceSpan;
}

/** By `services/catalog`, in the order of kinds and names. */
export type DeclaredResources = ReadonlyMap<string, DeclaredResource>;

/** Names the content of a resource. */
export const versionOf = (spec: unknown): string =>
  createHash('sha256').update(contentText(spec)).digest('hex').slice(0, 16);

/** What accepted documents declare, each once. */
export const declaredIn: (documents: readonly StoredDocument[]) => DeclaredResources = memo1(documents => {
  const found = new Map<string, DeclaredResource>();
  for (const document of documents) {
    const owner: Owner = apiResource(document) ? 'api' : 'files';
    for (const { kind, name, raw, span } of resourcesIn(document, documents)) {
      const key = resourceId({ kind, name });
      const first = found.get(key);
      // Of what is declared twice the first holds: a policy is accepted with two only where the first takes over.
      if (first) found.set(key, { ...first, takesOver: span() });
      else found.set(key, { kind, name, owner, spec: raw, version: versionOf(raw), place: span() });
    }
  }
  return new Map([...found].sort(([a], [b]) => compareText(a, b)));
});

/** Documents that belong to the policy files. */
export const filesOf = (documents: readonly StoredDocument[]): readonly StoredDocument[] =>
  documents.filter(each => !apiResource(each));

/** Those of the API, and others that belong to files, as they are stored: the API's come first, since they take over. */
export function joined(ofApi: readonly StoredDocument[], files: readonly StoredDocument[]): readonly StoredDocument[] {
  const owned = ofApi.filter(each => apiResource(each)).toSorted((a, b) => compareText(a.file, b.file));
  return [...owned, ...filesOf(files)];
}

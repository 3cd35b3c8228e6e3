import { contentText } from '../base/content-text.ts';
import type { PolicyDocument } from './document.ts';
import { type Kind, kindNames } from './kinds.ts';

/**
 * Who a part of the declared policy belongs to. What the API owns stands in documents of one resource each, whose names
 * say so; everything else belongs to the policy files.
 */
export type Owner = 'files' | 'api';

export interface ResourceKey {
  readonly kind: Kind;
  readonly name: string;
}

/** Says in a document of the API that it stands in the place of what files declare under the same name. */
export const takeOverKey = '$takeOver';

/** `services/catalog`. */
export const resourceId = ({ kind, name }: ResourceKey): string => `${kind}/${name}`;

const prefix = 'api:';

/** `api:services/catalog`. */
export const apiFile = (key: ResourceKey): string => `${prefix}${resourceId(key)}`;

/** Which resource of the API a document is; undefined for what belongs to files. */
export function apiResource({ file, format }: Pick<PolicyDocument, 'file' | 'format'>): ResourceKey | undefined {
  if (format !== 'json' || !file.startsWith(prefix)) return undefined;
  const id = file.slice(prefix.length);
  const known = kindNames.find(each => id.startsWith(`${each}/`));
  // A name that cannot be one is told of as any other mistake, so it may be anything here.
  const name = known && id.slice(known.length + 1);
  return known && name ? { kind: known, name } : undefined;
}

/** The document in which the API keeps a resource. Equal ones have equal texts, whatever the order of their keys. */
export function apiDocument(key: ResourceKey, spec: unknown, takesOver: boolean): PolicyDocument {
  const content = { ...(takesOver ? { [takeOverKey]: true } : {}), [key.kind]: { [key.name]: spec } };
  return { file: apiFile(key), format: 'json', text: `${contentText(content, 2)}\n` };
}

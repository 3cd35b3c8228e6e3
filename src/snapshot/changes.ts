import { decode, isMessageName, typeUrl } from '../../proto/codec.ts';
import { type FieldChange, fieldChanges } from '../base/field-changes.ts';
import { servedTypes } from '../base/resource.ts';
import { typeLabel } from '../base/type-name.ts';
import type { EncodedResource, Snapshot, TypeSnapshot } from './snapshot.ts';

/** What becomes of one Envoy resource. */
export interface ResourceChange {
  /** `LDS`; for types without a short name the last part of the long one. */
  readonly type: string;
  readonly name: string;
  readonly change: 'added' | 'changed' | 'removed';
  /** Of a changed one: its fields in Envoy's JSON form, with the names of the `.proto` files. */
  readonly fields: readonly FieldChange[];
  /** More fields change than are listed. */
  readonly more?: true;
  /** Its connections are closed, after Envoy's `--drain-time-s`: a listener that changes or goes drains. */
  readonly drains?: true;
}

export interface ChangesOptions {
  /** Fields that are listed of one resource. */
  readonly mostFields?: number;
  /** Resources whose fields are looked at; of further ones that change only this is said. */
  readonly mostRead?: number;
}

const listenerUrl = typeUrl(servedTypes.listener);

/**
 * What turns one snapshot into another: all resources that are added, changed or removed, by type in the order of
 * sending and then by name. No snapshot is one without resources. What costs, the reading of fields, is bounded.
 */
export function changesBetween(
  before: Snapshot | undefined,
  after: Snapshot | undefined,
  { mostFields = 100, mostRead = 200 }: ChangesOptions = {},
): readonly ResourceChange[] {
  if (before === after) return [];
  let left = mostRead;
  const urls = new Set([...(before?.types.keys() ?? []), ...(after?.types.keys() ?? [])]);
  return [...urls].flatMap(url => {
    const changes = typeChanges(before?.types.get(url), after?.types.get(url));
    return changes.map(({ name, old, now }) => {
      const about = { type: typeLabel(url), name };
      const drains = old && url === listenerUrl ? ({ drains: true } as const) : {};
      if (!old) return { ...about, change: 'added' as const, fields: [] };
      if (!now) return { ...about, change: 'removed' as const, fields: [], ...drains };
      const read = left-- > 0;
      const { fields, more } = read ? fieldsBetween(url, old, now, mostFields) : { fields: [], more: true };
      return { ...about, change: 'changed' as const, fields, ...(more ? { more } : {}), ...drains };
    });
  });
}

interface Pair {
  readonly name: string;
  readonly old: EncodedResource | undefined;
  readonly now: EncodedResource | undefined;
}

function typeChanges(before: TypeSnapshot | undefined, after: TypeSnapshot | undefined): readonly Pair[] {
  if (before === after) return [];
  const names = new Set([...(before?.resources.keys() ?? []), ...(after?.resources.keys() ?? [])]);
  const pairs = [...names].sort().map(name => {
    return { name, old: before?.resources.get(name), now: after?.resources.get(name) };
  });
  return pairs.filter(({ old, now }) => old?.version !== now?.version);
}

/** Versions are content hashes, so there is a difference in the bytes; in fields that we do not know, none is listed. */
function fieldsBetween(url: string, old: EncodedResource, now: EncodedResource, most: number) {
  const name = url.slice(url.lastIndexOf('/') + 1);
  if (!isMessageName(name)) return { fields: [], more: true as const };
  const { fields, more } = fieldChanges(decode(name, old.value), decode(name, now.value), most);
  return { fields, ...(more || fields.length === 0 ? { more: true as const } : { more: undefined }) };
}

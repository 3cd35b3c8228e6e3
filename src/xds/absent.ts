import type { EncodedResource } from '../snapshot/snapshot.ts';
import { delimited, textField } from '../snapshot/wire.ts';

/** Says by a resource without a body that nothing has the name, which is its alias too (R46). Delta only. */
export function absentResource(name: string): EncodedResource {
  const nothing = new Uint8Array();
  const deltaEntry = delimited(2, textField(3, name), textField(4, name));
  return { name, version: '', value: nothing, sotwEntry: nothing, deltaEntry, aliases: [name] };
}

/** True of what `absentResource` makes. */
export function isAbsent({ version }: EncodedResource): boolean {
  return version === '';
}

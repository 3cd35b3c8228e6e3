import { sortedEntries } from '../ir/order.ts';

/** Attributes of a cookie as Envoy lists them. */
export function attributeList(
  attributes: Readonly<Record<string, string>>,
): readonly { readonly name: string; readonly value?: string }[] {
  return sortedEntries(attributes).map(([name, value]) => ({ name, ...(value === '' ? {} : { value }) }));
}

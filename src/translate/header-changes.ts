import type { HeaderValueOption } from '../../proto/gen/envoy.config.core.v3.ts';
import type { Route } from '../../proto/gen/envoy.config.route.v3.ts';
import { sortedEntries, sortedUnique } from '../ir/order.ts';
import type { HeaderChanges } from '../policy/route.ts';

/** Envoy removes first, then sets, then adds. `orders` are headers of ours that Envoy itself obeys. */
export function requestHeaders(changes: HeaderChanges | undefined, orders: readonly HeaderValueOption[] = []): Route {
  const options = [...orders, ...valueOptions(changes)];
  return {
    ...(options.length > 0 ? { request_headers_to_add: options } : {}),
    ...(changes && changes.remove.length > 0 ? { request_headers_to_remove: sortedUnique(changes.remove) } : {}),
  };
}

/** `own` and `marks` are headers of ours, and `removed` is not for callers; the user's changes come after and win. */
export function responseHeaders(
  changes: HeaderChanges | undefined,
  own: Readonly<Record<string, string>> = {},
  marks: readonly HeaderValueOption[] = [],
  removed: readonly string[] = [],
): Route {
  const options = [...setOptions(own), ...marks, ...valueOptions(changes)];
  const away = sortedUnique([...removed, ...(changes?.remove ?? [])]);
  return {
    ...(options.length > 0 ? { response_headers_to_add: options } : {}),
    ...(away.length > 0 ? { response_headers_to_remove: away } : {}),
  };
}

function valueOptions(changes: HeaderChanges | undefined): readonly HeaderValueOption[] {
  if (!changes) return [];
  return [
    ...setOptions(changes.set),
    ...sortedEntries(changes.add).map(([key, value]) => option(key, value, 'APPEND_IF_EXISTS_OR_ADD')),
  ];
}

/** Each in place of what is there. */
export function setOptions(values: Readonly<Record<string, string>>): readonly HeaderValueOption[] {
  return sortedEntries(values).map(([key, value]) => option(key, value, 'OVERWRITE_IF_EXISTS_OR_ADD'));
}

function option(
  key: string,
  value: string,
  action: NonNullable<HeaderValueOption['append_action']>,
): HeaderValueOption {
  const empty = value === '' ? { keep_empty_value: true } : {};
  return { header: { key, value }, append_action: action, ...empty };
}

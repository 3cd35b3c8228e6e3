import { decode, type MessageTypes, typeUrl } from '../../proto/codec.ts';
import { compareText } from '../base/compare.ts';
import { type Resource, type ServedType, servedTypes } from '../base/resource.ts';
import type { Snapshot } from './snapshot.ts';

/** What a fleet holds, in Envoy's own JSON form, each list in the order of the names. */
export interface ReadableSnapshot {
  readonly clusters: readonly MessageTypes[typeof servedTypes.cluster][];
  readonly endpoints: readonly MessageTypes[typeof servedTypes.endpoint][];
  readonly listeners: readonly MessageTypes[typeof servedTypes.listener][];
  readonly routes: readonly MessageTypes[typeof servedTypes.route][];
}

/** Resources as translated. */
export function readableResources(resources: readonly Resource[]): ReadableSnapshot {
  return byKind(type =>
    resources
      .filter(each => each.type === type)
      .toSorted((a, b) => compareText(a.name, b.name))
      .map(each => each.message),
  );
}

/** A snapshot, read back from the very bytes that proxies are sent. */
export function readableSnapshot(snapshot: Snapshot): ReadableSnapshot {
  return byKind(type => readableOf(snapshot, type));
}

/** One resource of a snapshot, read back likewise. */
export function readableResource<T extends ServedType>(
  snapshot: Snapshot,
  type: T,
  name: string,
): MessageTypes[T] | undefined {
  const found = snapshot.types.get(typeUrl(type))?.resources.get(name);
  return found && decode(type, found.value);
}

/** All resources of one type. */
export function readableOf<T extends ServedType>(snapshot: Snapshot, type: T): readonly MessageTypes[T][] {
  return [...(snapshot.types.get(typeUrl(type))?.resources.values() ?? [])].map(each => decode(type, each.value));
}

function byKind(messages: <T extends ServedType>(type: T) => readonly MessageTypes[T][]): ReadableSnapshot {
  return {
    clusters: messages(servedTypes.cluster),
    endpoints: messages(servedTypes.endpoint),
    listeners: messages(servedTypes.listener),
    routes: messages(servedTypes.route),
  };
}

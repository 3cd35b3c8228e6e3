import {
  type AnyMessage,
  encode,
  isMessageName,
  type MessageName,
  type MessageTypes,
  typeUrl,
} from '../../proto/codec.ts';
import type { RawError, RawResource } from '../snapshot/raw.ts';

/** What stands beside a resource's message. */
export interface ResourceOptions {
  /** Needed where a message does not name itself, such as a virtual host (`TABLE/HOST`). */
  readonly name?: string;
  /** A hash of the content if left out. A version given by hand must change whenever the resource does. */
  readonly version?: string;
  /** Milliseconds after which a client drops it unless it hears of it again. The server sees to that. */
  readonly ttl?: number;
  /** Further names by which a client may ask for it. */
  readonly aliases?: readonly string[];
  /** Only for who asks for it by name; the wildcard leaves it out. */
  readonly onDemand?: boolean;
}

/**
 * A resource from a message in its JSON form: proto3 JSON with the field names of the `.proto` files, as in Envoy's YAML.
 * The name is the message's own (`name` or `cluster_name`) unless the options have another.
 *
 * Types that the Envoy API lacks, and messages that are bytes already, need no such help: a resource is any object
 * `{ typeUrl, name, value }`, where an `Any` has the first and the last.
 *
 * @example
 * ```ts
 * resource('envoy.config.cluster.v3.Cluster', { name: 'web', type: 'EDS', eds_cluster_config: { eds_config: { ads: {} } } });
 * resource({ '@type': 'type.googleapis.com/envoy.config.route.v3.RouteConfiguration', name: 'table' });
 * ```
 * @throws Error that starts with the place, such as `Cluster.load_assigment: unknown field`; or that it has no name.
 */
export function resource<K extends MessageName>(
  type: K | `type.googleapis.com/${K}`,
  message: MessageTypes[K],
  options?: ResourceOptions,
): RawResource;
export function resource(message: AnyMessage, options?: ResourceOptions): RawResource;
export function resource(first: string | AnyMessage, second: object = {}, third: ResourceOptions = {}): RawResource {
  if (typeof first === 'string') return made(first, second, third);
  const { '@type': url, ...message } = first;
  return made(url, message, second);
}

function made(given: string, message: object, { name, ...options }: ResourceOptions): RawResource {
  const type = given.slice(given.lastIndexOf('/') + 1);
  if (!isMessageName(type)) throw new Error(`${type} is no type of the Envoy API: give { typeUrl, name, value }`);
  const value = encode(type, message as MessageTypes[typeof type]);
  const named = name ?? ownNameOf(message);
  if (!named) throw new Error(`this ${type} does not name itself: give it a name in the options`);
  return { typeUrl: typeUrl(type), name: named, value, ...options };
}

/** The name by which a message in JSON form calls itself. */
function ownNameOf(message: object): string | undefined {
  const { name, cluster_name: assignment } = message as { readonly name?: unknown; readonly cluster_name?: unknown };
  return [name, assignment].find(each => typeof each === 'string' && each !== '') as string | undefined;
}

/** In place of a resource: why who asks for the name does not get it. */
export type ResourceOrError = RawResource | RawError;

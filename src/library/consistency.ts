import { decode, isMessageName, type MessageName, typeUrl } from '../../proto/codec.ts';
import { messageCheck } from '../snapshot/message-checks.ts';
import { canonicalName } from '../snapshot/names.ts';
import type { RawResource } from '../snapshot/raw.ts';
import type { Snapshot } from '../snapshot/snapshot.ts';
import { namesIn, type ResourceReference, referencesIn } from './references.ts';
import type { ResourceOrError } from './resource.ts';

/** Something about a resource that a client would reject, or wait for in vain. */
export interface ResourceProblem {
  /**
   * `duplicate`: two have the type and name. `misnamed`: the message calls itself otherwise. `dangling`: it refers to what
   * is not there. `malformed`: the bytes are no message of the type. `invalid`: a field breaks a rule of the Envoy API.
   */
  readonly kind: 'duplicate' | 'misnamed' | 'dangling' | 'malformed' | 'invalid';
  readonly typeUrl: string;
  readonly name: string;
  /** A sentence about the resource without its name, such as `refers to Secret "cert", which is not there`. */
  readonly message: string;
  /** Of what is dangling. */
  readonly reference?: ResourceReference;
  /** Of what is invalid: the field, such as `health_checks[0].timeout`. */
  readonly path?: string;
}

type Resources = Snapshot | Iterable<ResourceOrError>;

/** A resource and its message in JSON form; undefined if the type is not of the Envoy API. */
interface Read {
  readonly typeUrl: string;
  readonly name: string;
  readonly message: object | undefined;
  readonly malformed?: string;
}

/**
 * What is wrong with the resources among themselves: names that stand twice, messages under another name than their own,
 * and references to endpoints, routes, clusters, secrets and filter configurations that are not there. Empty when
 * nothing is. Types that are not of the Envoy API are compared by name only. Nothing is ever held back for it.
 *
 * @param has what clients have from elsewhere, such as clusters of their bootstraps.
 */
export function checkConsistency(
  resources: Resources,
  has: (reference: ResourceReference) => boolean = () => false,
): readonly ResourceProblem[] {
  const all = listed(resources);
  const known = new Set<string>();
  const problems: ResourceProblem[] = [];
  for (const { typeUrl: url, name } of all) {
    const key = `${url} ${canonicalName(name)}`;
    if (known.has(key)) problems.push({ kind: 'duplicate', typeUrl: url, name, message: 'stands twice' });
    known.add(key);
  }
  for (const each of all) for (const alias of each.aliases ?? []) known.add(`${each.typeUrl} ${canonicalName(alias)}`);
  for (const each of all.map(read)) {
    const about = { typeUrl: each.typeUrl, name: each.name };
    if (each.malformed !== undefined) problems.push({ kind: 'malformed', ...about, message: each.malformed });
    if (!each.message) continue;
    const own = namesIn(each.typeUrl, each.message);
    if (own !== undefined && canonicalName(own) !== canonicalName(each.name))
      problems.push({ kind: 'misnamed', ...about, message: `calls itself "${own}"` });
    for (const reference of referencesIn(each.typeUrl, each.message)) {
      if (known.has(`${reference.typeUrl} ${canonicalName(reference.name)}`) || has(reference)) continue;
      const type = reference.typeUrl.slice(reference.typeUrl.lastIndexOf('.') + 1);
      const message = `refers to ${type} "${reference.name}", which is not there`;
      problems.push({ kind: 'dangling', ...about, message, reference });
    }
  }
  return problems;
}

/**
 * What Envoy would reject resources for by the field rules of its API, also within `typed_config`. Empty when nothing is
 * wrong. Envoy checks more than these; what it rejects after that comes back as a NACK.
 */
export function validate(resources: Resources): readonly ResourceProblem[] {
  return listed(resources)
    .map(read)
    .flatMap(({ typeUrl: url, name, message, malformed }): readonly ResourceProblem[] => {
      if (malformed !== undefined) return [{ kind: 'malformed', typeUrl: url, name, message: malformed }];
      const type = typeOf(url);
      if (!message || type === undefined) return [];
      return messageCheck(type)(message).map(({ path, message: rule }) => ({
        ...{ kind: 'invalid', typeUrl: url, name, path },
        message: `${path} ${rule}`,
      }));
    });
}

type Listed = Pick<RawResource, 'typeUrl' | 'name' | 'value' | 'aliases'>;

function listed(resources: Resources): readonly Listed[] {
  if ('types' in resources)
    return [...resources.types.values()].flatMap(({ typeUrl: url, resources: ofType }) =>
      [...ofType.values()].map(each => ({ ...each, typeUrl: url })),
    );
  return [...resources].flatMap(each => ('error' in each ? [] : [each]));
}

function typeOf(url: string): MessageName | undefined {
  const type = url.slice(url.lastIndexOf('/') + 1);
  return isMessageName(type) && typeUrl(type) === url ? type : undefined;
}

function read({ typeUrl: url, name, value }: Listed): Read {
  const type = typeOf(url);
  if (type === undefined) return { typeUrl: url, name, message: undefined };
  try {
    return { typeUrl: url, name, message: decode(type, value) as object };
  } catch (error) {
    const malformed = error instanceof Error ? error.message : String(error);
    return { typeUrl: url, name, message: undefined, malformed };
  }
}

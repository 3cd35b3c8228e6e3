import { shortType } from '../base/short-type.ts';
import type { NodeIdentity } from '../snapshot/board.ts';
import type { ResourceError, TypeSnapshot } from '../snapshot/snapshot.ts';
import { resourceType } from './resource-type.ts';
import type { Subscription } from './subscription.ts';
import { askedAndSeen } from './view.ts';

/** Why a client does not get what it asks for by name, for clients that know of such errors (R35). */

/**
 * No document gives it a name, so it has one of our own, after that of times to live. Clients whose features are fixed, as
 * those of gRPC, may have it in the metadata of their node, as `true`.
 */
export const errorsFeature = 'xds.config.supports-resource-errors';

export function knowsErrors(node: NodeIdentity | undefined): boolean {
  return node?.features?.includes(errorsFeature) === true || node?.metadata[errorsFeature] === 'true';
}

/** An error and the name of which it tells. */
export interface NamedError extends ResourceError {
  readonly name: string;
}

/**
 * What has to be said on the way from one set to another (undefined: nothing was sent yet): of each subscribed name once,
 * and anew when it is asked for again or the reason is another. Never of what only the wildcard would bring.
 */
export function errorsOwed(
  from: TypeSnapshot | undefined,
  to: TypeSnapshot,
  subscription: Subscription,
  again: Subscription,
): readonly NamedError[] {
  const owed: NamedError[] = [];
  for (const name of subscription.names) {
    const error = errorOf(to, subscription, name);
    if (!error) continue;
    const said = from && !again.names.has(name) ? errorOf(from, subscription, name) : undefined;
    if (error.code !== said?.code || error.message !== said.message) owed.push({ name, ...error });
  }
  return owed;
}

/** Why a set has nothing for a name; undefined if it has, or if the name is not subscribed as such. */
export function errorOf(set: TypeSnapshot, subscription: Subscription, name: string): ResourceError | undefined {
  const { typeUrl, errors } = set;
  // A resource without a body says it already (R46).
  if (!subscription.names.has(name) || resourceType(typeUrl).absent !== undefined) return undefined;
  if (set.withheld?.has(name)) return undefined;
  return askedAndSeen(set, subscription, name).length > 0 ? undefined : (errors?.get(name) ?? notFound(typeUrl, name));
}

const NOT_FOUND = 5;

function notFound(typeUrl: string, name: string): ResourceError {
  const message = `the fleet of this node has no ${shortType(typeUrl)} ${JSON.stringify(name)}; it will be sent when there is one`;
  return { code: NOT_FOUND, message };
}

import { memo1, memo2 } from '../base/memo.ts';
import type { NodeIdentity } from '../snapshot/board.ts';
import { type EncodedResource, type TypeSnapshot, wireVersion } from '../snapshot/snapshot.ts';
import { type ResponseBody, subscribed } from './body.ts';
import type { Variant } from './events.ts';
import type { TypeState } from './machine.ts';
import { resourceType } from './resource-type.ts';
import type { Subscription } from './subscription.ts';
import { shortestTtl } from './view.ts';

/** Resources with a time to live stay with clients that know of it as long as they hear of them (R33, R34). */

const ttlFeature = 'xds.config.supports-resource-ttl';
/** Documents spell it in two ways. */
const wrapperFeatures = ['xds.config.resource-in-sotw', 'xds.config.supports-resource-in-sotw'];

/** Of what a node says that it knows, all that matters here. */
export const ttlFeatures: readonly string[] = [ttlFeature, ...wrapperFeatures];

/** True if the client takes resources with a time to live; in SotW that needs the wrapper too. */
export function knowsTtl(variant: Variant, node: NodeIdentity | undefined): boolean {
  const features = node?.features;
  if (!features?.includes(ttlFeature)) return false;
  return variant === 'delta' || wrapperFeatures.some(each => features.includes(each));
}

/** Milliseconds between signs of life; undefined if nothing that was sent needs any. */
export function beatEvery({ typeUrl, sent }: TypeState): number | undefined {
  const ttl = sent && takesTtl(typeUrl) ? shortestTtl(sent) : undefined;
  return ttl === undefined ? undefined : Math.max(MIN_PERIOD, Math.floor(ttl / 3));
}

const MIN_PERIOD = 50;

/** A virtual host without a body is one that does not exist, so none of them has a time to live. */
function takesTtl(typeUrl: string): boolean {
  return resourceType(typeUrl).absent === undefined;
}

/** True if the body has other bytes for clients that know of times to live. */
export const isLimited: (body: ResponseBody) => boolean = memo1(
  body => takesTtl(body.typeUrl) && body.resources.some(each => each.limited !== undefined),
);

/**
 * What keeps alive what a client holds; undefined if nothing has to be said. Only what has a time to live, except where
 * absence deletes (`everything`). `version` is the one that a SotW client accepted last.
 */
export function beatBody(
  { sent, acked, subscription, doubtful }: TypeState,
  version: string | undefined,
  everything: boolean,
): ResponseBody | undefined {
  if (!sent || version === undefined) return undefined;
  const body = (everything ? wholeBeat : partialBeat)(sent, subscription);
  const held = ({ name, version: content }: EncodedResource): boolean =>
    !doubtful.names.has(name) && (acked === sent || acked?.resources.get(name)?.version === content);
  const sure = body.resources.filter(held);
  if (!sure.some(each => each.limited) || (everything && sure.length < body.resources.length)) return undefined;
  return sure.length === body.resources.length && version === body.version
    ? body
    : { ...body, version, resources: sure };
}

const wholeBeat = memo2(
  (set: TypeSnapshot, subscription: Subscription): ResponseBody => ({
    typeUrl: set.typeUrl,
    version: wireVersion(set),
    resources: subscribed(set, subscription),
    removed: [],
    beat: true,
  }),
);

const partialBeat = memo2((set: TypeSnapshot, subscription: Subscription): ResponseBody => {
  const resources = subscribed(set, subscription).filter(each => each.limited);
  return { typeUrl: set.typeUrl, version: wireVersion(set), resources, removed: [], beat: true };
});

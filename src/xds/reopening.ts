import type { Snapshot } from '../snapshot/snapshot.ts';
import type { Lane } from './lanes.ts';
import { clustersIn, comesBack, type Progress } from './order.ts';
import type { OrderState } from './order-state.ts';
import { clusterUrl, resourceType } from './resource-type.ts';
import type { Traits } from './traits.ts';
import { leadsApart } from './warming.ts';

/**
 * Which clients open further streams after an outage, each after a pause of its own: Envoys, where not everything is on
 * one aggregated stream. All the while they use what they had (R41). Other clients are not known to go on like that.
 */

/** A client is given time once, when a stream of it shows that it has had others. */
export function comingBack(
  order: OrderState,
  lane: Lane,
  progress: Progress,
  traits: Traits | undefined,
  published: Snapshot | undefined,
): OrderState {
  const returns = order.reopening === undefined && hasOthers(traits, lane, progress, published);
  return returns ? comesBack(order, progress) : order;
}

/** True if what a client brings on this stream is not all that it has. */
function hasOthers(
  traits: Traits | undefined,
  lane: Lane,
  progress: Progress,
  published: Snapshot | undefined,
): boolean {
  const { aggregated, state } = lane;
  if (!state.resumes || !traits?.isEnvoy) return false;
  if (!aggregated) return true;
  if (resourceType(state.typeUrl).order === 'free') return false;
  // On an aggregated stream that has clusters, Envoy asks for them first.
  return !clustersIn(progress) || (published !== undefined && leadsApart(published));
}

/** True if a client that has lost these may not have meant it. Streams of endpoints end with their clusters. */
export function mayReopen(traits: Traits | undefined, lost: readonly Lane[]): boolean {
  return (
    traits?.isEnvoy === true &&
    lost.some(({ state: { typeUrl } }) => typeUrl === clusterUrl || resourceType(typeUrl).order === 'using')
  );
}

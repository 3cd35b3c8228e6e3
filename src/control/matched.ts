import { type NodeFacts, whyFits } from '../ir/assign.ts';
import type { Accepted } from './control.ts';

/** Why a node is of the fleet that it was given, in words; undefined if the fleet is not there any more. */
export function whyMatched({ fleets }: Accepted, fleetKey: string, node: NodeFacts): string | undefined {
  const fleet = fleets.find(each => each.key === fleetKey);
  return fleet && whyFits(fleet, node);
}

import type { SourceSpan } from '../base/problem.ts';
import { type NodeFacts, whyFits } from '../ir/assign.ts';
import { parse } from '../policy/parse.ts';
import type { Accepted } from './control.ts';

/** Why a node is of the fleet that it was given, in words; undefined if the fleet is not there any more. */
export function whyMatched({ fleets }: Accepted, fleetKey: string, node: NodeFacts): string | undefined {
  const fleet = fleets.find(each => each.key === fleetKey);
  return fleet && whyFits(fleet, node);
}

/** Where the fleet says which nodes it has; undefined where that stands in no file. */
export function placeOfMatch({ fleets, revision }: Accepted, fleetKey: string): SourceSpan | undefined {
  const fleet = fleets.find(each => each.key === fleetKey);
  return fleet && parse(revision.documents).sources.spanOf(['fleets', fleet.fleetName, 'match']);
}

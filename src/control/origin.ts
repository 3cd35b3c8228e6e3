import type { FleetIr } from '../ir/ir.ts';
import type { Policy } from '../policy/kinds.ts';
import type { SourceMap } from '../policy/source-map.ts';
import { type Clue, originOf } from '../translate/origin.ts';
import { translate } from '../translate/translate.ts';
import type { Origin } from './control.ts';

interface Asked {
  readonly fleetKey: string;
  readonly typeUrl: string;
  readonly name: string;
}

/** What a resource of a build was made of; undefined when there is no such fleet or resource. */
export function originIn(
  { policy, fleets }: { readonly policy: Policy; readonly fleets: readonly FleetIr[] },
  sources: SourceMap,
  { fleetKey, typeUrl, name }: Asked,
  clue: Clue | undefined,
): Origin | undefined {
  const type = typeUrl.slice(typeUrl.lastIndexOf('/') + 1);
  const fleet = fleets.find(each => each.key === fleetKey);
  const resource = fleet && translate(fleet).find(each => each.type === type && each.name === name);
  if (!resource) return undefined;
  const path = originOf(policy, fleet, resource, clue);
  const source = sources.spanOf(path);
  return { path, ...(source ? { source } : {}) };
}

import { type PolicyPath, type Problem, problem } from '../base/problem.ts';
import type { FleetIr } from '../ir/ir.ts';
import type { Policy } from '../policy/kinds.ts';
import { describeInconsistency, findInconsistencies, type Inconsistency } from '../snapshot/consistency.ts';
import { findViolations } from '../snapshot/validate.ts';
import { fieldHolding } from '../translate/field-walk.ts';
import { originOf } from '../translate/origin.ts';
import { type Resource, shortType } from '../translate/resource.ts';
import { translate } from '../translate/translate.ts';

const hint = 'Envoy would not take it, so it is not sent; undo what led to it, and report it as a fault of Switchyard';

/**
 * What a proxy would reject, or wait for in vain, of what fleets are to hold (R40, R42), each told once however many
 * fleets hold it, with the path of what the user wrote. Costs what is not in `sound`, fleets that have passed before.
 */
export function preflight(
  policy: Policy,
  fleets: readonly FleetIr[],
  sound: readonly FleetIr[] = [],
): readonly Problem[] {
  const passed = new Map(sound.map(fleet => [fleet.key, fleet]));
  const seen = new Set<Resource>();
  const found = new Map<string, Problem>();
  for (const fleet of fleets) {
    const before = passed.get(fleet.key);
    if (before === fleet) continue;
    for (const each of faultsIn(policy, fleet, seen, before && translate(before))) {
      const key = JSON.stringify([each.path, each.message]);
      if (!found.has(key)) found.set(key, each);
    }
  }
  return [...found.values()];
}

function faultsIn(
  policy: Policy,
  fleet: FleetIr,
  seen: Set<Resource>,
  sound: readonly Resource[] | undefined,
): readonly Problem[] {
  const resources = translate(fleet);
  const lost = findInconsistencies(resources, sound).map(each => {
    const resource = resources.find(({ type, name }) => type === each.type && name === each.name);
    const path = resource ? originOf(policy, fleet, resource, fieldOf(resource, each)) : ['fleets', fleet.fleetName];
    return fault(path, describeInconsistency(each));
  });
  const wrong = unseen(resources, seen, sound).flatMap(resource =>
    findViolations(resource).map(({ path, message }) => {
      const what = `${shortType(resource.type)} "${resource.name}": ${path}${path && ' '}${message}`;
      return fault(originOf(policy, fleet, resource, { field: path }), what);
    }),
  );
  return [...lost, ...wrong];
}

/** The resources that are not in `sound` and were not in a fleet before; from now on they were. */
function unseen(
  resources: readonly Resource[],
  seen: Set<Resource>,
  sound: readonly Resource[] | undefined,
): readonly Resource[] {
  let passed: ReadonlySet<Resource> | undefined;
  return resources.filter((resource, at) => {
    if (resource === sound?.[at] || seen.has(resource)) return false;
    passed ??= new Set(sound);
    if (passed.has(resource)) return false;
    seen.add(resource);
    return true;
  });
}

function fieldOf({ message }: Resource, each: Inconsistency): { readonly field?: string } {
  const field = each.kind === 'dangling' ? fieldHolding(message, each.reference.name) : undefined;
  return field === undefined ? {} : { field };
}

function fault(path: PolicyPath, what: string): Problem {
  return problem('policy.inconsistent', path, `What Envoys would be sent for it is wrong: ${what}`, hint);
}

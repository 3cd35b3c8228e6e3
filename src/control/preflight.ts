import { type PolicyPath, type Problem, problem } from '../base/problem.ts';
import type { Resource } from '../base/resource.ts';
import { shortType } from '../base/short-type.ts';
import type { FleetIr } from '../ir/ir.ts';
import type { Policy } from '../policy/kinds.ts';
import { describeInconsistency, findInconsistencies } from '../snapshot/consistency.ts';
import { findViolations } from '../snapshot/validate.ts';
import { fieldHolding } from '../translate/field-walk.ts';
import { originOf } from '../translate/origin.ts';
import { translate } from '../translate/translate.ts';

const hint = 'Envoy would not take it, so it is not sent; undo what led to it, and report it as a fault of Switchyard';

/**
 * What a proxy would reject, or wait for in vain, of what fleets are to hold (R40, R42), each told once however often
 * it stands there, with the path of what the user wrote. Costs what is not in `sound`, fleets that have passed before.
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
    for (const { path, resource, field, what } of faultsIn(policy, fleet, seen, before && translate(before))) {
      // One rule may make many routes, each with the same fault in it.
      const key = JSON.stringify([path, resource, what]);
      const message = `What Envoys would be sent for it is wrong: ${resource}${field && `: ${field}`} ${what}`;
      if (!found.has(key)) found.set(key, problem('policy.inconsistent', path, message, hint));
    }
  }
  return [...found.values()];
}

interface Fault {
  /** What the user wrote. */
  readonly path: PolicyPath;
  /** Such as `Cluster "catalog"`. */
  readonly resource: string;
  /** Envoy's; empty for the resource as a whole. */
  readonly field: string;
  readonly what: string;
}

function faultsIn(
  policy: Policy,
  fleet: FleetIr,
  seen: Set<Resource>,
  sound: readonly Resource[] | undefined,
): readonly Fault[] {
  const resources = translate(fleet);
  const at = (resource: Resource, field: string, what: string): Fault => {
    const path = originOf(policy, fleet, resource, { field });
    return { path, resource: `${shortType(resource.type)} "${resource.name}"`, field, what };
  };
  const inconsistent = findInconsistencies(resources, sound).flatMap(each => {
    const resource = resources.find(({ type, name }) => type === each.type && name === each.name);
    const name = each.kind === 'dangling' ? each.reference.name : undefined;
    const field = resource && name !== undefined ? fieldHolding(resource.message, name) : undefined;
    return resource ? [at(resource, field ?? '', describeInconsistency(each))] : [];
  });
  const wrong = unseen(resources, seen, sound).flatMap(resource =>
    findViolations(resource).map(({ path, message }) => at(resource, path, message)),
  );
  return [...inconsistent, ...wrong];
}

const nobody: ReadonlySet<Resource> = new Set<Resource>();

/** The resources that are not in `sound` and were not in a fleet before; from now on they were. */
function unseen(
  resources: readonly Resource[],
  seen: Set<Resource>,
  sound: readonly Resource[] | undefined,
): readonly Resource[] {
  let passed: ReadonlySet<Resource> | undefined;
  const found: Resource[] = [];
  for (let at = 0; at < resources.length; at++) {
    const resource = resources[at];
    if (!resource || resource === sound?.[at] || seen.has(resource)) continue;
    // Where one is in place of another, the rest need not be gathered.
    passed ??= sound?.length === resources.length ? nobody : new Set(sound);
    if (passed.has(resource)) continue;
    seen.add(resource);
    found.push(resource);
  }
  return found;
}

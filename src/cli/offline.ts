import { type PlaceReply, type ProblemReply, problemReply } from '../admin/api.ts';
import { boundProblems } from '../base/bound-problems.ts';
import { formatPath, hasErrors } from '../base/problem.ts';
import type { Resource } from '../base/resource.ts';
import { documentProblems } from '../ir/check-draft.ts';
import { compile } from '../ir/compile.ts';
import type { FleetIr } from '../ir/ir.ts';
import { noOperationalState } from '../policy/operational-state.ts';
import { type PlacedSubstitution, parse } from '../policy/parse.ts';
import { locate } from '../policy/source-map.ts';
import { type Clue, originOf } from '../translate/origin.ts';
import type { CliHost } from './host.ts';
import { CliFailure } from './output.ts';
import { countProblems, problemText } from './problem-text.ts';

/** What a policy makes without a server. */
export interface OfflineBuild {
  /** True if a server would take it. */
  readonly good: boolean;
  readonly problems: readonly ProblemReply[];
  /** Variables of the environment that were put in. */
  readonly substitutions: readonly PlacedSubstitution[];
  /** Empty unless it is good. */
  readonly fleets: readonly FleetIr[];
  /** Where a part of a fleet's resource comes from, or the fleet itself; nowhere unless it is good. */
  place(fleet: FleetIr, resource: Resource | undefined, clue: Clue): PlaceReply;
}

/**
 * The pipeline up to the fleets, and the pre-flight over what Envoys would be sent, without server, store or name
 * resolution: host names yield no endpoints.
 */
export async function offlineBuild(host: CliHost, path: string): Promise<OfflineBuild> {
  return buildOf(host, await host.readDocuments(path));
}

/** The same of documents that were read, or made. */
export async function buildOf(
  host: CliHost,
  read: Awaited<ReturnType<CliHost['readDocuments']>>,
): Promise<OfflineBuild> {
  const parsed = parse(read.documents);
  const { substitutions } = parsed;
  const bad = (problems: readonly ProblemReply[]): OfflineBuild => ({ ...nothing, problems, substitutions });
  if (read.problems.length > 0 || !parsed.policy) return bad(documentProblems(parsed, read.problems).map(problemReply));
  const compiled = compile({ policy: parsed.policy, state: noOperationalState, resolved: new Map() });
  const problems = [...parsed.problems, ...locate(compiled.problems, parsed.sources)];
  if (hasErrors(problems)) return bad(problems.map(problemReply));
  const faults = await host.preflight(parsed.policy, compiled.fleets);
  if (faults.length > 0) return bad([...problems, ...locate(boundProblems(faults), parsed.sources)].map(problemReply));
  const { policy, sources } = parsed;
  const place = (fleet: FleetIr, resource: Resource | undefined, clue: Clue): PlaceReply => {
    const path = resource ? originOf(policy, fleet, resource, clue) : ['fleets', fleet.fleetName];
    return { path: formatPath(path), ...sources.spanOf(path) };
  };
  return { good: true, problems: problems.map(problemReply), substitutions, fleets: compiled.fleets, place };
}

const nothing = { good: false, fleets: [], place: () => ({}) } as const;

/**
 * The fleets of a policy that must be good; its problems go to `err`.
 * @param wanted name or key of a fleet; undefined: all
 * @throws CliFailure when the policy has errors or there is no such fleet.
 */
export async function goodFleets(host: CliHost, path: string, wanted: string | undefined): Promise<readonly FleetIr[]> {
  return (await goodBuild(host, path, wanted)).fleets;
}

/** As {@link goodFleets}, with all of the build; its fleets are those that are wanted. */
export async function goodBuild(host: CliHost, path: string, wanted: string | undefined): Promise<OfflineBuild> {
  const build = await offlineBuild(host, path);
  const { good, problems, fleets } = build;
  for (const each of problems) host.err(problemText(each));
  if (!good) throw new CliFailure(`${countProblems(problems)}: mend the policy first`);
  const picked = fleets.filter(each => wanted === undefined || each.key === wanted || each.fleetName === wanted);
  if (picked.length > 0) return { ...build, fleets: picked };
  if (wanted === undefined) throw new CliFailure('the policy has no fleets');
  const known = fleets.map(each => each.key).join(', ') || 'none';
  throw new CliFailure(`there is no fleet "${wanted}"; there are: ${known}`);
}

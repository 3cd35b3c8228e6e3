import { hasErrors, type Problem } from '../base/problem.ts';
import { compile } from '../ir/compile.ts';
import type { FleetIr } from '../ir/ir.ts';
import { noOperationalState } from '../policy/operational-state.ts';
import { parse } from '../policy/parse.ts';
import { locate } from '../policy/source-map.ts';
import type { CliHost } from './host.ts';
import { CliFailure } from './output.ts';

/** The pipeline up to the fleets, without server, store or name resolution: host names yield no endpoints. */
export async function offlineBuild(
  host: CliHost,
  path: string,
): Promise<{ readonly problems: readonly Problem[]; readonly fleets: readonly FleetIr[] }> {
  const read = await host.readDocuments(path);
  const parsed = parse(read.documents);
  const problems = [...read.problems, ...parsed.problems];
  if (!parsed.policy || hasErrors(problems)) return { problems, fleets: [] };
  const compiled = compile({ policy: parsed.policy, state: noOperationalState, resolved: new Map() });
  return { problems: [...problems, ...locate(compiled.problems, parsed.sources)], fleets: compiled.fleets };
}

/** The fleets whose name or key is `wanted`; all without it. @throws CliFailure when there is none. */
export function pickFleets(fleets: readonly FleetIr[], wanted: string | undefined): readonly FleetIr[] {
  const picked = fleets.filter(each => wanted === undefined || each.key === wanted || each.fleetName === wanted);
  if (picked.length > 0) return picked;
  const keys = fleets.map(each => each.key).join(', ');
  throw new CliFailure(
    wanted === undefined ? 'the policy has no fleets' : `there is no fleet "${wanted}"; there are: ${keys}`,
  );
}

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { formatProblem } from '../../src/base/problem.ts';
import { compile } from '../../src/ir/compile.ts';
import type { FleetIr } from '../../src/ir/ir.ts';
import { noOperationalState, type OperationalState } from '../../src/policy/operational-state.ts';
import { parse } from '../../src/policy/parse.ts';

/** A folder of `test/golden`: a policy, what it becomes, and what else the compile is told. */
export interface GoldenCase {
  readonly name: string;
  readonly folder: string;
  readonly policy: string;
  readonly state: OperationalState;
  readonly resolved: ReadonlyMap<string, readonly string[]>;
  /** What of the fleets to compare, e.g. `clusters/catalog` or `clusters/catalog#health_checks`; undefined: everything. */
  readonly select: readonly string[] | undefined;
}

const root = fileURLToPath(new URL('../golden/', import.meta.url));

/** All folders of `test/golden` that hold a `policy.yaml`. */
export function goldenCases(): readonly GoldenCase[] {
  return readdirSync(root, { withFileTypes: true })
    .filter(entry => entry.isDirectory() && existsSync(join(root, entry.name, 'policy.yaml')))
    .map(entry => goldenCase(entry.name))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

function goldenCase(name: string): GoldenCase {
  const folder = join(root, name);
  return {
    name,
    folder,
    policy: readFileSync(join(folder, 'policy.yaml'), 'utf8'),
    state: { ...noOperationalState, ...json<Partial<OperationalState>>(join(folder, 'state.json')) },
    resolved: new Map(Object.entries(json<Record<string, string[]>>(join(folder, 'resolved.json')) ?? {})),
    select: json(join(folder, 'select.json')),
  };
}

function json<T>(file: string): T | undefined {
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : undefined;
}

/** The fleets of a case. Throws when its policy has any problem, warnings included. */
export function fleetsOf(each: GoldenCase): readonly FleetIr[] {
  const parsed = parse([{ file: `${each.name}/policy.yaml`, format: 'yaml', text: each.policy }]);
  if (!parsed.policy || parsed.problems.length > 0) throw new Error(parsed.problems.map(formatProblem).join('\n'));
  const { fleets, problems } = compile({ policy: parsed.policy, state: each.state, resolved: each.resolved });
  if (problems.length > 0) throw new Error(problems.map(formatProblem).join('\n'));
  return fleets;
}

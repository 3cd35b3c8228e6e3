import { globSync } from 'node:fs';
import { join } from 'node:path';
import { parseAddress } from '../../src/base/address.ts';
import { formatProblem } from '../../src/base/problem.ts';
import { policyText, usualPolicy } from '../../src/cli/init/policy.ts';
import { compile } from '../../src/ir/compile.ts';
import type { FleetIr } from '../../src/ir/ir.ts';
import type { PolicyDocument } from '../../src/policy/document.ts';
import { noOperationalState } from '../../src/policy/operational-state.ts';
import { parse } from '../../src/policy/parse.ts';
import { readPolicyFiles } from '../../src/sources/policy-files.ts';

/** A policy that users are shown, and the fleets that it makes. */
export interface ShownPolicy {
  readonly name: string;
  readonly fleets: readonly FleetIr[];
}

const root = join(import.meta.dirname, '..', '..');
const places = ['examples/*/switchyard.{yaml,ts}', 'demo/switchyard.yaml', 'compose/*/switchyard.yaml'];

/** All examples, the policies of the demonstration and of the containers, and the one that `init` writes. */
export async function shownPolicies(): Promise<readonly ShownPolicy[]> {
  const signal = AbortSignal.timeout(60_000);
  const shown = [fleetsOf('init', [{ file: 'switchyard.yaml', format: 'yaml', text: policyText(usualPolicy) }])];
  for (const name of globSync(places, { cwd: root }).sort()) {
    const { documents, problems } = await readPolicyFiles(join(root, name), { signal });
    if (problems.length > 0) throw new Error(problems.map(formatProblem).join('\n'));
    shown.push(fleetsOf(name, documents));
  }
  return shown;
}

/** With an answer for each host name. Throws when the policy has any problem, warnings included. */
function fleetsOf(name: string, documents: readonly PolicyDocument[]): ShownPolicy {
  const parsed = parse(documents);
  if (!parsed.policy || parsed.problems.length > 0) throw new Error(parsed.problems.map(formatProblem).join('\n'));
  const addresses = Object.values(parsed.policy.services).flatMap(service =>
    service.endpoints.map(each => each.address),
  );
  const hosts = addresses.flatMap(text => {
    const address = parseAddress(text);
    return address?.kind === 'host' ? [address.host] : [];
  });
  const resolved = new Map(hosts.map((host, index) => [host, [`192.0.2.${index + 1}`]]));
  const { fleets, problems } = compile({ policy: parsed.policy, state: noOperationalState, resolved });
  if (problems.length > 0) throw new Error(problems.map(formatProblem).join('\n'));
  return { name, fleets };
}

import type { Problem } from '../../../src/base/problem.ts';
import { formatPath } from '../../../src/base/problem.ts';
import { type CompileResult, compile } from '../../../src/ir/compile.ts';
import type { FleetIr, ListenerIr, RuleIr, VirtualHostIr } from '../../../src/ir/ir.ts';
import { Policy, type PolicyInput } from '../../../src/policy/kinds.ts';
import { noOperationalState, type OperationalState } from '../../../src/policy/operational-state.ts';

interface Circumstances {
  readonly state?: Partial<OperationalState>;
  readonly resolved?: Readonly<Record<string, readonly string[]>>;
}

/** Parses and compiles a policy as people write it. */
export function compiled(input: PolicyInput, { state, resolved }: Circumstances = {}): CompileResult {
  return compile({
    policy: Policy.parse(input),
    state: { ...noOperationalState, ...state },
    resolved: new Map(Object.entries(resolved ?? {})),
  });
}

/** `code path` of each problem. */
export function codes(problems: readonly Problem[]): readonly string[] {
  return problems.map(each => `${each.code} ${formatPath(each.path)}`);
}

export function fleet(result: CompileResult, key: string): FleetIr {
  return found(result.fleets, each => each.key === key, `fleet ${key} of ${result.fleets.map(each => each.key)}`);
}

export function listener(fleetIr: FleetIr, name: string): ListenerIr {
  return found(fleetIr.listeners, each => each.name === name, `listener ${name}`);
}

export function virtualHosts(fleetIr: FleetIr, table: string): readonly VirtualHostIr[] {
  return found(fleetIr.routeTables, each => each.name === table, `route table ${table}`).virtualHosts;
}

export function rule(fleetIr: FleetIr, name: string): RuleIr {
  const rules = fleetIr.routeTables.flatMap(table => table.virtualHosts.flatMap(host => host.rules));
  return found(rules, each => each.name === name, `rule ${name}`);
}

/** Addresses of a cluster's endpoints. */
export function addresses(fleetIr: FleetIr, cluster: string): readonly string[] {
  const { kind, ...rest } = found(fleetIr.clusters, each => each.name === cluster, `cluster ${cluster}`);
  if (kind !== 'service' || !('endpoints' in rest)) throw new Error(`${cluster} is not a service's`);
  return rest.endpoints.map(({ address }) =>
    address.kind === 'unix' ? address.path : `${address.ip}:${address.port}`,
  );
}

function found<T>(list: readonly T[], test: (item: T) => boolean, what: string): T {
  const item = list.find(test);
  if (item === undefined) throw new Error(`there is no ${what}`);
  return item;
}

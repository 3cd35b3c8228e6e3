import { type RunningEnvoy, startEnvoy } from '../../envoy/process.ts';
import { formatProblem, hasErrors } from '../../src/base/problem.ts';
import type { Resource } from '../../src/base/resource.ts';
import { compile } from '../../src/ir/compile.ts';
import type { PolicyInput } from '../../src/policy/kinds.ts';
import { noOperationalState } from '../../src/policy/operational-state.ts';
import { parse } from '../../src/policy/parse.ts';
import { bundle } from '../../src/snapshot/bundle.ts';
import { type BootstrapOptions, bootstrap, bootstrapDefaults } from '../../src/translate/bootstrap.ts';
import { translate } from '../../src/translate/translate.ts';
import { type Answer, type Ask, ask } from './client.ts';
import { freePort } from './ports.ts';

/** An edge Envoy that was started with what a policy translates to, without a control plane. */
export interface StaticEnvoy extends AsyncDisposable {
  readonly envoy: RunningEnvoy;
  readonly port: number;
  /** What it was started with. */
  readonly resources: readonly Resource[];
  /** A request on loopback; see {@link ask}. */
  ask(path: string, options?: Ask): Promise<Answer>;
}

export interface StaticPolicy {
  readonly services: NonNullable<PolicyInput['services']>;
  readonly routes: Readonly<Record<string, Omit<NonNullable<PolicyInput['routes']>[string], 'gateways'>>>;
  /** Further settings of the port. */
  readonly listener?: { readonly maxConnections?: number };
  /** Limits of the bootstrap in place of the usual ones. */
  readonly limits?: Partial<Pick<BootstrapOptions, 'maxHeapBytes' | 'maxConnections'>>;
}

/**
 * Starts one Envoy for many cases: services and routes of a policy, behind one HTTP port of a gateway that all routes
 * belong to. For tests of what a translation does to requests; how it reaches Envoys is tested elsewhere. `change` shows
 * what Envoy does with what no policy translates to.
 *
 * @throws Error with the problems when the policy has an error, or with Envoy's log when it does not start
 */
export async function startStaticEnvoy(
  { services, routes, listener, limits }: StaticPolicy,
  change = (resources: readonly Resource[]) => resources,
): Promise<StaticEnvoy> {
  const port = await freePort();
  const resources = translateEdge({
    services,
    gateways: { edge: { listeners: [{ port, address: '127.0.0.1', protocol: 'http', ...listener }] } },
    routes: Object.fromEntries(Object.entries(routes).map(([name, route]) => [name, { ...route, gateways: ['edge'] }])),
    fleets: { edge: { match: { cluster: 'edge' }, gateways: ['edge'] } },
  });
  const base = bootstrap({
    node: { id: 'static', cluster: 'edge' },
    xds: ['127.0.0.1:1'],
    variant: 'delta',
    admin: `127.0.0.1:${await freePort()}`,
    ...bootstrapDefaults,
    ...limits,
  });
  const envoy = startEnvoy({ name: 'static', bootstrap: bundle(change(resources), base) });
  const kill = () => {
    if (envoy.pid > 0) process.kill(envoy.pid, 'SIGKILL');
  };
  process.once('exit', kill);
  void envoy.ended.then(() => process.off('exit', kill));
  await envoy.ready(AbortSignal.timeout(30_000));
  return {
    envoy,
    port,
    resources,
    ask: (path, options) => ask(port, path, options),
    [Symbol.asyncDispose]: () => envoy.stop(),
  };
}

function translateEdge(input: PolicyInput): readonly Resource[] {
  const { policy, problems } = parse([{ file: 'policy.json', format: 'json', text: JSON.stringify(input) }]);
  if (!policy) throw new Error(problems.map(formatProblem).join('\n'));
  const compiled = compile({ policy, state: noOperationalState, resolved: new Map() });
  if (hasErrors(compiled.problems)) throw new Error(compiled.problems.map(formatProblem).join('\n'));
  const [fleet] = compiled.fleets;
  if (!fleet) throw new Error('the policy has no fleet');
  return translate(fleet);
}

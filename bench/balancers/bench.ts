import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { startStaticEnvoy } from '../../test/support/static-envoy.ts';
import { until } from '../../test/support/until.ts';
import type { RuleInput, ServiceInput } from '../../test/support/world.ts';
import type { Bench, BenchOptions } from '../bench.ts';
import { type Balancer, type BalancerName, balancers } from './balancers.ts';
import { quantile } from './load.ts';
import { type Figures, type Scenario, scenarios } from './scenarios.ts';
import { ModelServer } from './servers.ts';

/** What each way to balance comes to on a real Envoy, in the situations that people ask about. */
export const bench: Bench = {
  scenarios: Object.fromEntries(Object.entries(scenarios).map(([name, { about }]) => [name, about])),
  run: async (chosen, options) => {
    const sections: string[] = [];
    for (const name of chosen) {
      const scenario: Scenario = scenarios[name as keyof typeof scenarios];
      const section = report(scenario, await measure(scenario, options));
      console.log(section);
      sections.push(section);
    }
    // Figures of a part, or of a short run, are not put in the place of whole ones.
    if (options.quick || sections.length < Object.keys(scenarios).length) return;
    writeFileSync(path.join(import.meta.dirname, 'results.md'), page(sections));
  },
};

const rounds = (quick: boolean) => (quick ? 1 : 3);

type Rounds = ReadonlyMap<BalancerName, readonly Figures[]>;

/** All balancers in turns, so that what else the machine does meets all of them. */
async function measure(scenario: Scenario, { quick }: BenchOptions): Promise<Rounds> {
  await using stack = new AsyncDisposableStack();
  const servers: ModelServer[] = [];
  for (const model of scenario.servers) servers.push(stack.use(await ModelServer.start(model)));
  const all = scenario.balancers.map(name => ({ name, balancer: balancers[name] as Balancer }));
  const services = Object.fromEntries(
    all.flatMap(({ name, balancer }) => [
      [name, service(servers, balancer, scenario)],
      [`${name}-fewer`, service(servers.slice(0, -1), balancer, scenario)],
    ]),
  );
  const rules: RuleInput[] = all.flatMap(({ name }) => [
    { match: { path: `/${name}/fewer` }, to: [{ service: `${name}-fewer` }] },
    { match: { path: `/${name}` }, to: [{ service: name }] },
  ]);
  const { port, envoy } = stack.use(await startStaticEnvoy({ services, routes: { all: { rules } } }));
  const found = new Map<BalancerName, Figures[]>(all.map(({ name }) => [name, []]));
  for (let round = 0; round < rounds(quick); round++) {
    for (const { name } of all) {
      const healthy = async (count: number) => {
        const found = () => envoy.stat(`cluster.${name}.membership_healthy`);
        await until(`${count} of ${name} healthy`, async () => (await found()) === count, 60_000);
      };
      const stage = { port, path: `/${name}`, servers, healthy, seed: 1000 * (round + 1), quick };
      found.get(name)?.push(await scenario.measure(stage));
    }
  }
  return found;
}

function service(
  servers: readonly ModelServer[],
  { loadBalancing, weighted }: Balancer,
  { checked }: Scenario,
): ServiceInput {
  const healthCheck = { tcp: {}, interval: '200ms', idleInterval: '200ms', unhealthyInterval: '200ms' };
  return {
    ...(checked ? { healthCheck } : {}),
    endpoints: servers.map(({ address, model }) => ({ address, ...(weighted ? { weight: model.slots } : {}) })),
    loadBalancing,
    // It is the balancing that is measured, not what comes after it.
    outlierDetection: 'off',
    circuitBreakers: { maxPending: 10_000, maxRequests: 10_000, maxConnections: 10_000 },
    timeout: '0s',
    connectTimeout: '30s',
  };
}

/** Of all rounds: the least of times, to which whatever else the machine does can only add, and the median of shares. */
function figure(kind: 'times' | 'percent', rounds: readonly number[]): string {
  return kind === 'times' ? Math.min(...rounds).toFixed(1) : `${(100 * quantile(rounds, 0.5)).toFixed(0)}%`;
}

function report({ about, text, columns }: Scenario, found: Rounds): string {
  const all = Object.entries(columns);
  const rows = [...found].map(([name, figures]) => {
    const cells = all.map(([title, kind]) =>
      figure(
        kind,
        figures.map(each => each[title] ?? Number.NaN),
      ),
    );
    return `| ${[balancers[name].title, ...cells].join(' | ')} |`;
  });
  const head = [
    `| ${['', ...all.map(([title]) => title)].join(' | ')} |`,
    `| ${['---', ...all.map(() => '---:')].join(' | ')} |`,
  ];
  return [`## ${about[0]?.toUpperCase()}${about.slice(1)}`, '', text, '', ...head, ...rows, ''].join('\n');
}

function page(sections: readonly string[]): string {
  return `# Ways to balance, measured

<!-- Made by npm run bench -- balancers; do not edit. -->

One Envoy with one worker, four servers that take time as a model says, and calls at random times which do not wait for the
answers before them. All ways were measured in turns, ${rounds(false)} rounds of the same calls. A share is the median of the rounds; a
time is the least of them, since whatever else the machine does can only add to it. The work of a server on one call is 1.0:
an answer that had to wait for nothing takes a little more.

${sections.join('\n')}`;
}

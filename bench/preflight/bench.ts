import { shareStructure } from '../../src/base/memo.ts';
import { preflight } from '../../src/control/preflight.ts';
import { compile } from '../../src/ir/compile.ts';
import type { FleetIr } from '../../src/ir/ir.ts';
import type { Policy, PolicyInput } from '../../src/policy/kinds.ts';
import { noOperationalState } from '../../src/policy/operational-state.ts';
import { parse } from '../../src/policy/parse.ts';
import { buildSnapshot } from '../../src/snapshot/build.ts';
import type { Snapshot } from '../../src/snapshot/snapshot.ts';
import { translate } from '../../src/translate/translate.ts';
import type { Bench } from '../bench.ts';

/**
 * What the pre-flight (field rules and references of all that fleets are sent) adds to a rebuild: of everything, and
 * after a change of one endpoint or of one route. Shares are medians within one run.
 */

const services = 2000;
const rounds = 9;

interface Change {
  /** Weight of the first endpoint of one service. */
  readonly weight: number;
  /** Seconds that requests of one route may take. */
  readonly timeout: number;
}

/** Each service has 5 endpoints, a check, and a route of two rules on the one gateway. `round` makes all of it new. */
function policyOf(round: number, { weight, timeout }: Change): readonly PolicyInput[] {
  const each = <T>(make: (index: number) => T, prefix: string) =>
    Object.fromEntries(Array.from({ length: services }, (_, index) => [`${prefix}${index}`, make(index)]));
  const endpoint = (index: number, at: number) => ({
    address: `10.${at}.${index >> 8}.${index & 255}:8080`,
    zone: at % 2 === 0 ? 'a' : 'b',
    weight: index === 7 && at === 0 ? weight : 1,
  });
  return [
    {
      services: each(
        index => ({
          endpoints: [0, 1, 2, 3, 4].map(at => endpoint(index, at)),
          healthCheck: { http: { path: '/health' } },
          connectTimeout: `${250 + round}ms`,
        }),
        's',
      ),
    },
    {
      routes: each(
        index => ({
          gateways: ['public'],
          hosts: [`host-${index}.test`],
          rules: [
            {
              match: { path: { prefix: '/api' }, headers: { 'x-lane': 'beta' } },
              to: [{ service: `s${index}` }],
              timeout: `${index === 7 ? timeout : 3}s`,
            },
            { name: 'rest', to: [{ service: `s${index}` }], responseHeaders: { set: { 'x-served-by': 'edge' } } },
          ],
        }),
        'r',
      ),
      gateways: { public: { listeners: [{ port: 80, protocol: 'http' }] } },
      fleets: { edge: { match: { cluster: 'edge' }, gateways: ['public'] } },
    },
  ];
}

interface Built {
  readonly policy: Policy;
  readonly fleets: readonly FleetIr[];
  readonly snapshots: readonly Snapshot[];
}

interface Cost {
  readonly read: number;
  readonly build: number;
  readonly preflight: number;
}

/** The stages of a save, timed. */
function rebuild(input: readonly PolicyInput[], before: Built | undefined): readonly [Built, Cost] {
  const documents = input.map((part, index) => ({
    file: `${index}.json`,
    format: 'json' as const,
    text: JSON.stringify(part),
  }));
  const [read, fresh] = timed(() => parse(documents).policy);
  if (!fresh) throw new Error('the policy of this benchmark has errors');
  const [first, compiled] = timed(() => {
    const policy = shareStructure(before?.policy, fresh);
    const { fleets } = compile({ policy, state: noOperationalState, resolved: new Map() });
    for (const fleet of fleets) translate(fleet);
    return { policy, fleets };
  });
  const [checked, problems] = timed(() => preflight(compiled.policy, compiled.fleets, before?.fleets));
  if (problems.length > 0) throw new Error(problems[0]?.message);
  const [second, snapshots] = timed(() =>
    compiled.fleets.map((fleet, index) => buildSnapshot(fleet.key, translate(fleet), before?.snapshots[index])),
  );
  return [
    { ...compiled, snapshots },
    { read, build: first + second, preflight: checked },
  ];
}

/** Milliseconds. */
function timed<T>(work: () => T): readonly [number, T] {
  const began = performance.now();
  const result = work();
  return [performance.now() - began, result];
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

function report(name: string, costs: readonly Cost[]): void {
  const warm = costs.slice(2);
  const share = (of: (cost: Cost) => number) =>
    `${(100 * median(warm.map(each => each.preflight / of(each)))).toFixed(1)} %`;
  const ms = (of: (cost: Cost) => number) => median(warm.map(of)).toFixed(1);
  console.log(
    [
      name.padEnd(14),
      ms(each => each.read).padStart(9),
      ms(each => each.build).padStart(9),
      ms(each => each.preflight).padStart(11),
      share(each => each.build).padStart(10),
      share(each => each.read + each.build).padStart(10),
    ].join(''),
  );
}

function measure(): void {
  const full: Cost[] = [];
  const endpoint: Cost[] = [];
  const route: Cost[] = [];
  for (let round = 0; round < rounds; round++) {
    const [one, ofAll] = rebuild(policyOf(round, { weight: 1, timeout: 3 }), undefined);
    const [two, ofEndpoint] = rebuild(policyOf(round, { weight: 2, timeout: 3 }), one);
    const [, ofRoute] = rebuild(policyOf(round, { weight: 2, timeout: 4 }), two);
    full.push(ofAll);
    endpoint.push(ofEndpoint);
    route.push(ofRoute);
  }
  console.log(`${services} services of 5 endpoints, ${services} routes; ms; medians of ${rounds - 2} rounds`);
  console.log('                   read    build  pre-flight  of build  of both');
  report('everything', full);
  report('one endpoint', endpoint);
  report('one route', route);
}

export const bench: Bench = {
  scenarios: { preflight: 'what checking all that fleets are sent adds to a rebuild' },
  async run() {
    measure();
  },
};

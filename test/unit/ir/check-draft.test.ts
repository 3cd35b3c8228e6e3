import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { formatPath, type Problem, type ProblemCode, problem } from '../../../src/base/problem.ts';
import { documentProblems } from '../../../src/ir/check-draft.ts';
import type { PolicyInput } from '../../../src/policy/kinds.ts';
import { type ParseResult, parse } from '../../../src/policy/parse.ts';
import { compiled } from './compiled.ts';
import { sound } from './planted.ts';
import { fleetsPlanted, gatewaysPlanted } from './planted-fleets.ts';
import { routesPlanted } from './planted-routes.ts';
import { servicesPlanted } from './planted-services.ts';

const structural = [...servicesPlanted, ...routesPlanted, ...gatewaysPlanted, ...fleetsPlanted];

/** A sound policy, and one for each problem of structure. */
const bases: readonly PolicyInput[] = [
  sound,
  ...structural.map(({ change }) => ({
    services: { ...sound.services, ...change.services },
    gateways: { ...sound.gateways, ...change.gateways },
    routes: { ...sound.routes, ...change.routes },
    fleets: { ...sound.fleets, ...change.fleets },
  })),
];

type Box = Record<string | number, unknown>;

/** A mapping or list, and a key or place in it. */
interface Spot {
  readonly holder: Box;
  readonly key: string | number;
  /** What holds the holder, outermost first. */
  readonly above: readonly Box[];
}

function spotsIn(value: unknown, above: readonly Box[] = []): readonly Spot[] {
  if (typeof value !== 'object' || value === null) return [];
  const holder = value as Box;
  const keys = Array.isArray(value) ? [...value.keys()] : Object.keys(value);
  return keys.flatMap(key => [{ holder, key, above }, ...spotsIn(holder[key], [...above, holder])]);
}

const garbage: readonly unknown[] = [null, 5, -1, true, 'no such thing!', '', [], {}, [[]], { what: 1 }];

/** Ways to get a policy wrong at a spot. */
const slips: Readonly<Record<string, (spot: Spot) => void>> = {
  ...Object.fromEntries(
    garbage.map(value => [
      `the value becomes ${JSON.stringify(value)}`,
      ({ holder, key }: Spot) => {
        holder[key] = structuredClone(value);
      },
    ]),
  ),
  'the value is forgotten': ({ holder, key }) => void (Array.isArray(holder) || delete holder[key]),
  'the key is misspelt': spot => rename(spot, key => `${key.slice(0, -1)}${key.slice(-1)}${key.slice(-1)}`),
  'the key is in capitals': spot => rename(spot, key => key.toUpperCase()),
  'the key is another': spot => rename(spot, () => 'unheard-of'),
  'a key stands beside it': ({ holder }) => {
    if (!Array.isArray(holder)) holder['unheardOf'] = 1;
  },
  'it is indented too little': ({ holder, key, above }) => move(holder, key, above.at(-1)),
  'it is indented far too little': ({ holder, key, above }) => move(holder, key, above.at(-2)),
  'it is indented too much': ({ holder, key }) => {
    const neighbour = Object.entries(holder).find(([other, value]) => other !== String(key) && isMapping(value));
    move(holder, key, neighbour?.[1] as Box | undefined);
  },
};

const isMapping = (value: unknown) => typeof value === 'object' && value !== null && !Array.isArray(value);

function rename({ holder, key }: Spot, to: (key: string) => string): void {
  if (typeof key === 'number') return;
  const entries = Object.entries(holder).map(([each, value]) => [each === key ? to(key) : each, value]);
  for (const each of Object.keys(holder)) delete holder[each];
  Object.assign(holder, Object.fromEntries(entries));
}

function move(from: Box, key: string | number, to: Box | undefined): void {
  if (typeof key === 'number' || !to || Array.isArray(to) || Object.hasOwn(to, key)) return;
  to[key] = from[key];
  delete from[key];
}

const read = (policy: unknown): ParseResult => parse([{ file: 'p', format: 'json', text: JSON.stringify(policy) }]);
const text = ({ code, path }: { readonly code: ProblemCode; readonly path: Problem['path'] }) =>
  `${code} ${formatPath(path)}`;

interface Found {
  /** What the policy gets wrong without the slip. */
  readonly before: readonly string[];
  /** What is said of the slip itself. */
  readonly slip: readonly string[];
  readonly all: readonly string[];
}

/** Undefined if the slip makes no mistake of form. */
function slipped(base: PolicyInput, slip: (spot: Spot) => void, choice: number): Found | undefined {
  // By text, since the bases share objects.
  const policy = JSON.parse(JSON.stringify(base));
  const spots = spotsIn(policy);
  const spot = spots[choice % spots.length];
  assert.ok(spot);
  slip(spot);
  const parsed = read(policy);
  if (parsed.policy) return undefined;
  // What a slip has made a resource of is missing where it was, and nobody can tell that it stood there.
  if (parsed.problems.some(each => each.code === 'schema.unknown_key' && !isDeclared(base, each.path)))
    return undefined;
  return {
    before: compiled(base).problems.map(text),
    slip: parsed.problems.map(text),
    all: documentProblems(parsed)
      .filter(({ path }) => isDeclared(base, path))
      .map(text),
  };
}

/** What a slip has made a service or the like of, such as a setting that stands too far to the left, has problems of its own. */
function isDeclared(base: PolicyInput, [kind = '', name]: Problem['path']): boolean {
  const section: unknown = Object.entries(base).find(([each]) => each === kind)?.[1];
  const names = Object.keys(section ?? {}).map(each => each.toLowerCase());
  return name === undefined || names.length === 0 || names.includes(String(name).toLowerCase());
}

describe('problems beside a mistake of form', () => {
  it('are none that mending it would end', () => {
    const base = fc.constantFrom(...bases);
    fc.assert(
      fc.property(base, fc.constantFrom(...Object.entries(slips)), fc.nat(1000), (policy, [, slip], choice) => {
        const found = slipped(policy, slip, choice);
        if (!found) return;
        // A resource whose name is in capitals has the problems that it had.
        const known = new Set([...found.before, ...found.slip].map(each => each.toLowerCase()));
        const invented = found.all.filter(each => !known.has(each.toLowerCase()));
        assert.deepEqual(invented, [], `beside ${found.slip.join(', ')}`);
      }),
      { numRuns: Number(process.env['RUNS'] ?? 1500) },
    );
  });

  it('are each found beside a mistake elsewhere', () => {
    for (const [index, { code, path, change }] of structural.entries()) {
      const base = bases[index + 1];
      // It depends on answers, not on the policy alone.
      if (code === 'service.unresolved_name') continue;
      const slip = { ...base, services: { ...base?.services, elsewhere: { endpoints: [], timeout: 'soon' } } };
      const all = documentProblems(read(slip)).map(text);
      assert.ok(all.includes(`${code} ${path}`), `${code} ${path}: ${JSON.stringify(change)}\n${all.join('\n')}`);
    }
  });

  it('miss nothing that a document without a reading may declare', () => {
    const unread = problem('file.unreadable', [], 'a file cannot be read');
    const { services: _, ...others } = sound;
    const zero = { gateways: ['public'], rules: [{ to: [{ service: 'catalog', weight: 0 }] }] };
    const policy = { ...others, routes: { ...sound.routes, zero } };
    assert.deepEqual(documentProblems(read(policy), [unread]).map(text), [
      'file.unreadable ',
      'route.weights_sum_to_zero routes.zero.rules[0].to',
    ]);
    assert.deepEqual(documentProblems(parse([]), [unread]), [unread]);
    const broken = { file: 'q', format: 'json', text: '{' } as const;
    const found = documentProblems(parse([{ file: 'p', format: 'json', text: JSON.stringify(policy) }, broken]));
    assert.deepEqual(
      found.map(each => each.code),
      ['route.weights_sum_to_zero', 'syntax.invalid'],
    );
  });

  it('cost little where everything is wrong', { timeout: 20_000 }, () => {
    const many = <T>(item: (index: number) => T) =>
      Object.fromEntries(Array.from({ length: 1000 }, (_, index) => [`n${index}`, item(index)]));
    const rule = { match: { path: { prefix: '/a' } }, to: [{ service: 'none' }], timeout: '1s' };
    const policy = {
      services: many(() => ({ endpoints: [{ address: 'no' }, { address: '10.0.0.1:1' }], x: 1 })),
      gateways: many(index => ({ listeners: [{ port: index + 1, protocol: 'http' }] })),
      routes: { ...many(() => ({ rules: 5 })), long: { rules: Array.from({ length: 1000 }, () => rule) } },
      fleets: many(() => ({ match: { cluster: 'a' }, sidecar: { upstreams: ['n1', 'n2', { service: 5 }] } })),
    };
    const halves = [{ routes: policy.routes }, { ...policy, routes: {} }];
    const documents = halves.map((half, index) => ({
      file: `${index}.json`,
      format: 'json' as const,
      text: JSON.stringify(half),
    }));
    assert.ok(documentProblems(parse(documents)).length > 4000);
  });

  it('are mostly found beside a mistake anywhere', () => {
    let [there, found] = [0, 0];
    // Other spots in each, so that a base more or less changes little.
    for (const [index, base] of bases.entries()) {
      for (let choice = index % 35; choice < spotsIn(base).length; choice += 35) {
        const result = slipped(base, ({ holder, key }) => Object.assign(holder, { [key]: null }), choice);
        if (!result) continue;
        there += result.before.length;
        found += result.before.filter(each => result.all.includes(each)).length;
      }
    }
    assert.ok(found / there > 0.75, `${found} of ${there}`);
  });
});

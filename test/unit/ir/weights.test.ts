import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { compile } from '../../../src/ir/compile.ts';
import { Policy } from '../../../src/policy/kinds.ts';
import { type EndpointOverride, noOperationalState } from '../../../src/policy/operational-state.ts';

/** What is said of the weight of one endpoint. */
const said = fc.record({
  declared: fc.integer({ min: 1, max: 1000 }),
  computed: fc.option(fc.integer({ min: 1, max: 1000 }), { nil: undefined }),
  override: fc.option(fc.integer({ min: 1, max: 1000 }), { nil: undefined }),
});
type Said = Parameters<Parameters<typeof said.map>[0]>[0];

const address = (index: number) => `10.0.0.${index + 1}:80`;

function policyOf(all: readonly Said[]): Policy {
  return Policy.parse({
    services: { app: { endpoints: all.map(({ declared }, index) => ({ address: address(index), weight: declared })) } },
    gateways: { public: { listeners: [{ port: 80, protocol: 'http' }] } },
    routes: { shop: { gateways: ['public'], rules: [{ to: [{ service: 'app' }] }] } },
    fleets: { edge: { match: { cluster: 'edge' }, gateways: ['public'] } },
  });
}

/** What Envoys are told, by the place of the endpoint. */
function told(all: readonly Said[], policy = policyOf(all)): readonly number[] {
  const endpoints = all.flatMap(({ override }, index): readonly EndpointOverride[] =>
    override === undefined
      ? []
      : [{ kind: 'endpoint', service: 'app', address: address(index), weight: override, by: 'ann', since: 1 }],
  );
  const weights = new Map(
    all.flatMap(({ computed }, index) => (computed === undefined ? [] : [[address(index), computed] as const])),
  );
  const computed = weights.size === 0 ? new Map() : new Map([['app', weights]]);
  const { fleets } = compile({ policy, state: { ...noOperationalState, endpoints }, resolved: new Map(), computed });
  const cluster = fleets[0]?.clusters.find(each => each.name === 'app');
  assert.ok(cluster?.kind === 'service');
  return all.map((_, index) => {
    const found = cluster.endpoints.find(each => each.declared === address(index));
    assert.ok(found, 'no endpoint is ever left out');
    return found.weight;
  });
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, each) => total + each, 0);

/** What should hold, on the scale of the declared weights: override before computed before declared. */
function wanted(all: readonly Said[]): readonly number[] {
  const measured = all.filter(each => each.computed !== undefined);
  const scale = sum(measured.map(each => each.declared)) / sum(measured.map(each => each.computed ?? 0));
  return all.map(
    ({ declared, computed, override }) => override ?? (computed === undefined ? declared : computed * scale),
  );
}

const endpoints = fc.array(said, { minLength: 1, maxLength: 8 });

describe('the weight of an endpoint', () => {
  it('is that of an override, else what is computed, else what is declared, all on one scale', () => {
    fc.assert(
      fc.property(endpoints, all => {
        const [have, want] = [told(all), wanted(all)];
        const [first, last] = [Math.max(...have), Math.max(...want)];
        for (const [index, weight] of have.entries()) {
          const ideal = ((want[index] ?? 0) / last) * first;
          assert.ok(Math.abs(weight - ideal) <= 1, `${weight} instead of ${ideal} in ${have.join(', ')}`);
        }
      }),
    );
  });

  it('is a whole number from 1 on, of which ten thousand fit into 32 bits', () => {
    fc.assert(
      fc.property(endpoints, all => {
        for (const weight of told(all)) {
          assert.ok(Number.isInteger(weight) && weight >= 1 && weight * 10_000 < 2 ** 32, String(weight));
        }
      }),
    );
  });

  it('is what is declared or set, to the number, where nothing is computed', () => {
    fc.assert(
      fc.property(endpoints, all => {
        const plain = all.map(each => ({ ...each, computed: undefined }));
        assert.deepEqual(
          told(plain),
          plain.map(({ declared, override }) => override ?? declared),
        );
      }),
    );
  });

  it('depends on the proportions of what is computed, and on nothing else of it', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 2, maxLength: 8 }), given => {
        const of = (factor: number) =>
          told(given.map(each => ({ declared: 1, computed: each * factor, override: undefined })));
        // A power of two, by which nothing is rounded otherwise.
        assert.deepEqual(of(1), of(16));
      }),
      // 13 of 64 is 20312.5 of 100,000: a half.
      { examples: [[[13, 64, 56, 28]]] },
    );
  });

  it('leaves everything that does not change the very object', () => {
    const policy = policyOf([{ declared: 1, computed: undefined, override: undefined }]);
    const weights = new Map([['app', new Map([[address(0), 7]])]]);
    const input = { policy, state: noOperationalState, resolved: new Map(), computed: weights };
    assert.equal(compile(input).fleets, compile({ ...input, computed: new Map(weights) }).fleets);
  });

  it('changes nothing but the endpoints', () => {
    const all = [1, 1].map(declared => ({ declared, computed: undefined, override: undefined }));
    const policy = policyOf(all);
    const of = (computed: ReadonlyMap<string, ReadonlyMap<string, number>>) =>
      compile({ policy, state: noOperationalState, resolved: new Map(), computed }).fleets[0];
    const before = of(new Map());
    const after = of(new Map([['app', new Map([[address(0), 7]])]]));
    assert.notEqual(before?.clusters, after?.clusters);
    assert.equal(before?.listeners, after?.listeners);
    assert.equal(before?.routeTables, after?.routeTables);
  });
});

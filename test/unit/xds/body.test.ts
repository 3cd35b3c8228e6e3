import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import type { TypeSnapshot } from '../../../src/snapshot/snapshot.ts';
import { completeBody, deltaBody, type Owing, partialBody } from '../../../src/xds/body.ts';
import { NONE, subscriptionOf } from '../../../src/xds/subscription.ts';
import { seeded } from '../../protocol/seeded.ts';
import { type Contents, type TypeName, typeSnapshot } from '../../support/xds-fixtures.ts';

/** More than are looked for one by one, so that both ways of looking are tried. */
const names = [
  ...Array.from({ length: 12 }, (_, index) => `n${index}`),
  'xdstp://a/t/dir/one',
  'xdstp://a/t/dir/two',
  'xdstp://a/t/dir/*',
];

const content = fc.constantFrom('1', '1', '1', '2', '1 onDemand', '1 aliases=n3,n99', 'error=UNAVAILABLE why');
const contents: fc.Arbitrary<Contents> = fc.dictionary(fc.constantFrom(...names.slice(0, -1)), content);

interface Marks {
  readonly withheld: readonly string[];
  readonly unsent: readonly string[];
  readonly numbered: string | undefined;
}
const some: fc.Arbitrary<readonly string[]> = fc.oneof(fc.constant([]), fc.subarray(names));
const marks: fc.Arbitrary<Marks> = fc.record({
  withheld: some,
  unsent: some,
  numbered: fc.option(fc.constantFrom('7', '8'), { nil: undefined, freq: 2 }),
});

function marked(set: TypeSnapshot, { withheld, unsent, numbered }: Marks): TypeSnapshot {
  const resources = new Map(
    [...set.resources].map(([name, each]) => [name, unsent.includes(name) ? { ...each, unsent: true as const } : each]),
  );
  return {
    ...set,
    resources: unsent.length > 0 ? resources : set.resources,
    version: `${set.version} ${withheld} ${unsent}`,
    ...(withheld.length > 0 && { withheld: new Set(withheld) }),
    ...(numbered !== undefined && { numbered }),
  };
}

const change = fc.record({
  before: contents,
  after: fc.oneof(contents, fc.record({ changed: contents, gone: some })),
  marks: fc.tuple(marks, marks),
  asked: fc.subarray(names),
  knowsErrors: fc.boolean(),
  again: fc.oneof({ weight: 4, arbitrary: fc.constant<readonly string[]>([]) }, some),
});

/** A set that looks like one with errors is compared in full, and has none. */
function comparedInFull({ to, ...rest }: Owing): Owing {
  return { ...rest, to: { ...to, errors: to.errors ?? new Map() } };
}

describe('what a subscription by name is owed is what comparing all of it finds', () => {
  for (const [name, bodyOf] of Object.entries({ completeBody, partialBody, deltaBody })) {
    for (const type of ['EDS', 'VHDS'] as const satisfies readonly TypeName[]) {
      it(`${name} of ${type}`, () => {
        fc.assert(
          fc.property(change, ({ before, after, marks: [then, now], asked, knowsErrors, again }) => {
            const next = isStep(after) ? stepped(before, after) : after;
            const old = typeSnapshot(type, before);
            const owing: Owing = {
              from: marked(old, then),
              to: marked(typeSnapshot(type, next, old), now),
              subscription: subscriptionOf(false, asked),
              again:
                again.length === 0
                  ? NONE
                  : subscriptionOf(
                      false,
                      again.filter(each => asked.includes(each)),
                    ),
              knowsErrors,
            };
            assert.deepEqual(bodyOf(owing), bodyOf(comparedInFull(owing)));
          }),
          seeded(300),
        );
      });
    }
  }
});

interface Step {
  readonly changed: Contents;
  readonly gone: readonly string[];
}

function isStep(after: Contents | Step): after is Step {
  return typeof after.changed === 'object';
}

/** Most of it stays. */
function stepped(before: Contents, { changed, gone }: Step): Contents {
  const few = Object.entries(changed).slice(0, 3);
  return Object.fromEntries([...Object.entries(before), ...few].filter(([name]) => !gone.slice(0, 2).includes(name)));
}

it('the same few changes are one body for all whom they concern, and others are not taken for them', () => {
  const from = typeSnapshot('SDS', { a: '1', b: '1', c: '1' });
  const to = typeSnapshot('SDS', { a: '2', b: '2', c: '1' });
  const body = (...names: string[]) =>
    deltaBody({ from, to, subscription: subscriptionOf(false, names), again: NONE, knowsErrors: false });
  const namesOf = (...names: string[]) => body(...names)?.resources.map(each => each.name);
  // No resource has such a name, but a client may ask for one.
  assert.deepEqual([namesOf('a', 'b'), namesOf('a\nb')], [['a', 'b'], undefined]);
  assert.equal(body('a', 'b', 'c'), body('a', 'b'));
});

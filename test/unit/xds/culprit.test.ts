import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import fc from 'fast-check';
import { culprits } from '../../../src/xds/culprit.ts';
import { type TypeName, urls } from '../../support/xds-fixtures.ts';
import { envoy, grpc, unknownFilter } from './rejection-texts.ts';

for (const [client, rows] of Object.entries({ Envoy: envoy, gRPC: grpc })) {
  describe(`R9: whom ${client} names`, () => {
    for (const { says, type, message, names, means } of rows) {
      it(says, () => {
        const found = culprits(urls[type], message, names);
        assert.deepEqual(Object.fromEntries(found.map(({ name, reason }) => [name, reason])), means);
        assert.equal(found.length, Object.keys(means).length);
      });
    }
  });
}

/** A text of the length at which Envoy cuts, of a resource whose rule is not to be seen any more. */
function cut(start: string): string {
  return `goo.gle/debugonly  \n${start}${'  lb_endpoints {\n  }\n'.repeat(300)}`
    .slice(0, 4096)
    .concat('...(truncated)');
}

test('R9: a resource whose text is cut is named if it is one', () => {
  const named = (type: TypeName, start: string) => culprits(urls[type], cut(start), ['x', 'y']).map(each => each.name);
  assert.deepEqual(named('CDS', 'name: "x"\ntype: EDS\n'), ['x']);
  assert.deepEqual(named('LDS', 'name: "x"\naddress {\n'), ['x']);
  assert.deepEqual(named('EDS', 'cluster_name: "x"\nendpoints {\n'), ['x']);
  assert.deepEqual(named('RDS', 'name: "x"\nvirtual_hosts {\n'), ['x']);
  assert.deepEqual(named('RDS', 'name: "x"\nmatcher {\n'), []);
  assert.deepEqual(named('SDS', 'name: "x"\ntls_certificate {\n'), []);
  assert.deepEqual(named('ECDS', 'name: "x"\ntyped_config {\n'), []);
  assert.deepEqual(named('EDS', 'cluster_name: "z"\nendpoints {\n'), []);
});

test('R9: where two names fit, nobody is named', () => {
  const named = (type: TypeName, message: string, names: readonly string[]) =>
    culprits(urls[type], message, names).map(each => each.name);
  const list = (text: string) => `Error adding/updating cluster(s) ${text}`;
  assert.deepEqual(named('CDS', list(`a: b: ${unknownFilter}`), ['a', 'a: b']), []);
  assert.deepEqual(named('CDS', list(`x: bad, a: b: ${unknownFilter}`), ['x', 'a', 'a: b']), ['x']);
  assert.deepEqual(named('CDS', list(`b: bad, a: ${unknownFilter}`), ['a', 'b']), ['b'], 'against the order');
  assert.deepEqual(named('EDS', 'Unexpected EDS cluster (expecting a): b): c', ['a', 'a): b']), []);
  assert.deepEqual(
    named('RDS', 'Only a single wildcard domain is permitted in route x in route r', ['r', 'x in route r']),
    [],
  );
  const conflict =
    "Error adding/updating scoped route(s): scope key conflict found, first scope is 'a', second scope is 'b'";
  assert.deepEqual(named('SRDS', conflict, ['a']), [], 'the other is not of the response');
});

const typeNames = Object.keys(urls) as TypeName[];
/** Pieces of the forms, so that made-up texts come near to them. */
const pieces = [
  ...[
    'Error adding/updating cluster(s) ',
    'Error adding/updating listener(s) ',
    ', ',
    ': ',
    '\n',
    'a',
    'b',
    'a: b',
    ' ',
  ],
  ...["Didn't find a registered implementation", 'goo.gle/debugonly  \n', 'name: "', '"\n', '\\', '"', "'", 'missing '],
  ...[
    'xDS response validation errors: [',
    'resource index 1: ',
    '; ',
    'error parsing "X" response: ',
    'resource "',
    '": ',
  ],
  ...[
    "CDS response Cluster '",
    "' validation error: ",
    ';\n',
    ' in route ',
    'Only a single wildcard domain is permitted',
  ],
];
const text = fc.array(fc.constantFrom(...pieces), { maxLength: 30 }).map(parts => parts.join(''));
const name = fc.oneof(
  fc.array(fc.constantFrom(...pieces), { maxLength: 3 }).map(parts => parts.join('')),
  fc.string(),
);

test('R9: whatever the text, only names of the response are named, and none twice', () => {
  fc.assert(
    fc.property(fc.constantFrom(...typeNames), text, fc.uniqueArray(name, { maxLength: 8 }), (type, message, names) => {
      const found = culprits(urls[type], message, names).map(each => each.name);
      assert.ok(found.every(each => names.includes(each)));
      assert.equal(new Set(found).size, found.length);
    }),
    { numRuns: 2000 },
  );
});

test('R9: whoever is listed is found, whatever the names', () => {
  const names = fc.uniqueArray(name, { minLength: 1, maxLength: 6 });
  fc.assert(
    fc.property(names, fc.constantFrom('CDS' as const, 'LDS' as const), (all, type) => {
      const [open, between] = type === 'CDS' ? ['cluster(s) ', ', '] : ['listener(s) ', '\n'];
      const guilty = all.filter((_, index) => index % 2 === 0);
      const message = `Error adding/updating ${open}${guilty.map(each => `${each}: ${unknownFilter}`).join(between)}`;
      const found = culprits(urls[type], message, all).map(each => each.name);
      // Names that look like the list itself may hide others, but never accuse.
      assert.ok(
        found.every(each => guilty.includes(each)),
        `${JSON.stringify(found)} of ${JSON.stringify(guilty)}`,
      );
      const plain = all.every(each => each !== '' && !each.includes(': ') && !each.includes(between));
      if (plain) assert.deepEqual(found, guilty);
    }),
    { numRuns: 2000 },
  );
});

test('R9: the work is in proportion to the text, even when it is hostile', () => {
  const names = Array.from({ length: 1000 }, (_, index) => `name-${index}`).concat('a', 'a: '.repeat(80));
  const hostile = (length: number) =>
    [
      ['Error adding/updating cluster(s) a: ', ', a: '],
      ['Error adding/updating cluster(s) a: ', ', name-'],
      ['Error adding/updating cluster(s) a: ', ', '],
      ['Error adding/updating cluster(s) a: ', 'a: '],
      ['Error adding/updating listener(s) a: ', '\n'],
      ['goo.gle/debugonly  \nname: "', '\\'],
      ['goo.gle/debugonly  \nname: "a"\n', '\n: Proto constraint validation failed ('],
      ['goo.gle/debug', 'a '],
      ['xDS response validation errors: [resource index 0: ', '; resource index 1: '],
      ['error parsing "X" response: resource "a": ', ';\nresource "'],
      ["CDS response Cluster 'a' validation error: ", "\nCDS response Cluster '"],
      ['Only a single wildcard domain is permitted', ' in route '],
    ].map(([start = '', again = '']) => start + again.repeat(length / again.length));
  const time = (length: number) => {
    const texts = hostile(length);
    const began = performance.now();
    for (const message of texts) for (const type of typeNames) culprits(urls[type], message, names);
    return performance.now() - began;
  };
  time(1 << 12);
  const [short, long] = [time(1 << 13), time(1 << 18)];
  // 32 times the text; work that grew with its square would take 1024 times as long.
  assert.ok(long < 200 * short + 100, `${short} ms, and 32 times as long ${long} ms`);
});

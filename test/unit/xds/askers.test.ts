import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Askers } from '../../../src/xds/askers.ts';
import type { Rest } from '../../../src/xds/resting.ts';
import { subscriptionOfList } from '../../../src/xds/subscription.ts';

/** Who asks, and for what of each type. */
function asker(id: string, asked: Readonly<Record<string, readonly string[]>>) {
  const lanes = Object.entries(asked).map(([typeUrl, names]) => ({
    state: { typeUrl, subscription: subscriptionOfList(names) },
  }));
  return { id, rest: { lanes } as unknown as Rest };
}

const glob = 'xdstp://a/envoy.config.endpoint.v3.ClusterLoadAssignment/g/*';

const all = [
  asker('a', { eds: ['a'] }),
  asker('ab', { eds: ['a', 'b'], sds: ['c'] }),
  asker('c', { sds: ['c'] }),
  asker('everything', { eds: ['*'] }),
  asker('everything and a', { eds: ['*', 'a'] }),
  asker('below', { eds: [glob] }),
  asker('nothing', { eds: [] }),
] as const;

function added() {
  const askers = new Askers<(typeof all)[number]>();
  for (const each of all) askers.add(each);
  const of = (typeUrl: string) => [...askers.of(typeUrl)].map(({ id }) => id);
  const ofAny = (typeUrl: string, ...names: readonly string[]) =>
    [...new Set([...askers.ofAny(typeUrl, names)].map(({ id }) => id))].sort();
  return { askers, of, ofAny };
}

const open = ['below', 'everything', 'everything and a'];

test('who asks for a type is found, whatever they ask for of it', () => {
  const { of } = added();
  assert.deepEqual(of('eds'), ['a', 'ab', 'everything', 'everything and a', 'below', 'nothing']);
  assert.deepEqual(of('sds'), ['ab', 'c']);
  assert.deepEqual(of('rds'), []);
});

test('who asks for any of some names is found, and who asks for what names do not tell', () => {
  const { ofAny } = added();
  assert.deepEqual(ofAny('eds', 'a'), ['a', 'ab', ...open]);
  assert.deepEqual(ofAny('eds', 'b'), ['ab', ...open]);
  assert.deepEqual(ofAny('eds', 'z', 'y', 'b'), ['ab', ...open], 'any of them, not the first alone');
  assert.deepEqual(ofAny('eds', 'b', 'a'), ['a', 'ab', ...open]);
  assert.deepEqual(ofAny('eds', 'z'), open);
  assert.deepEqual(ofAny('eds'), open);
  assert.deepEqual(ofAny('sds', 'a', 'c'), ['ab', 'c'], 'names are of a type');
  assert.deepEqual(ofAny('sds', 'a'), []);
  assert.deepEqual(ofAny('rds', 'a'), []);
});

test('who was taken out is not found, and all others are', () => {
  const { askers, of, ofAny } = added();
  const [, ab, , everything, , below] = all;
  for (const each of [ab, everything, below]) askers.delete(each);
  assert.deepEqual(of('eds'), ['a', 'everything and a', 'nothing']);
  assert.deepEqual(of('sds'), ['c']);
  assert.deepEqual(ofAny('eds', 'a', 'b'), ['a', 'everything and a']);
  assert.deepEqual(ofAny('sds', 'c'), ['c']);
  askers.add(ab);
  assert.deepEqual(ofAny('eds', 'b'), ['ab', 'everything and a']);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encode, typeUrl } from '../../../proto/codec.ts';
import { buildSnapshot } from '../../../src/snapshot/build.ts';
import { type RawError, type RawResource, rawSnapshot } from '../../../src/snapshot/raw.ts';

const url = 'type.googleapis.com/test.Thing';
const thing = (more: Partial<RawResource> = {}): RawResource => ({
  typeUrl: url,
  name: 'a',
  value: Uint8Array.of(1, 2),
  ...more,
});
const versionOf = (resource: RawResource): string | undefined =>
  rawSnapshot('k', [resource]).types.get(url)?.resources.get('a')?.version;

test('R48: versions are hashes of all that matters, unless they are given', () => {
  const versions = [
    thing(),
    thing({ value: Uint8Array.of(1, 3) }),
    thing({ ttl: 1000 }),
    thing({ ttl: 2000 }),
    thing({ aliases: ['b'] }),
    thing({ onDemand: true }),
  ].map(versionOf);
  assert.equal(new Set(versions).size, versions.length);
  assert.equal(versionOf(thing({ onDemand: false, aliases: [] })), versionOf(thing()));
  assert.equal(versionOf(thing({ version: 'mine', ttl: 1000 })), 'mine');
});

test('R15, R48: equal content is the identical object, and the same bytes as the policy makes', () => {
  const message = { name: 'c', connect_timeout: '1s' };
  const type = 'envoy.config.cluster.v3.Cluster';
  const built = buildSnapshot('k', [{ type, name: 'c', message }]);
  const raw = rawSnapshot('k', [{ typeUrl: typeUrl(type), name: 'c', value: encode(type, message) }]);
  assert.equal(raw.version, built.version);
  const [a, b] = [raw, built].map(each => each.types.get(typeUrl(type))?.resources.get('c')?.sotwEntry ?? []);
  assert.deepEqual([...(a ?? [])], [...(b ?? [])]);
  const one = rawSnapshot('k', [thing(), thing({ name: 'b' })]);
  const changed = rawSnapshot('k', [thing({ name: 'b' }), thing({ value: Uint8Array.of(9) })], one);
  assert.equal(changed.types.get(url)?.resources.get('b'), one.types.get(url)?.resources.get('b'));
  assert.equal(rawSnapshot('k', [thing({ name: 'b' }), thing()], one), one);
});

test('R35: an error takes the place of a resource, and is part of the version', () => {
  const error = (name: string, message: string): RawError => ({
    typeUrl: url,
    name,
    error: { code: 'PERMISSION_DENIED', message },
  });
  const one = rawSnapshot('k', [thing(), error('b', 'no'), error('xdstp://x/T/%61', 'no')]);
  const set = one.types.get(url);
  assert.deepEqual([...(set?.resources.keys() ?? [])], ['a']);
  assert.deepEqual(
    [...(set?.errors ?? [])],
    ['b', 'xdstp://x/T/a'].map(name => [name, { code: 7, message: 'no' }]),
  );
  const given = [error('xdstp://x/T/a', 'no'), thing({ name: 'b' }), thing(), error('b', 'no')];
  assert.equal(rawSnapshot('k', given, one), one);
  const other = rawSnapshot('k', [...given, error('b', 'never')], one).types.get(url);
  assert.notEqual(other?.version, set?.version);
  assert.equal(other?.resources.get('a'), set?.resources.get('a'));
  const plain = rawSnapshot('k', [...given, thing({ name: 'b' })]).types.get(url);
  assert.deepEqual([...(plain?.resources.keys() ?? [])], ['a', 'b']);
});

test('a type whose last resource has gone is there, and empty', () => {
  const next = rawSnapshot('k', [], rawSnapshot('k', [thing()]));
  assert.equal(next.types.get(url)?.resources.size, 0);
});

test('names and versions are whole text on one line, so that no two sets are taken for one', () => {
  const bad = ['a\nb', 'a\u0000', 'a\u007f', 'a\u0085', '\ud800', 'xdstp://x/T/a\nb'];
  for (const text of bad) {
    assert.throws(() => rawSnapshot('k', [thing({ name: text })]), /the name ".*" of type test\.Thing/);
    assert.throws(() => rawSnapshot('k', [thing({ version: text })]), /the version ".*" of test\.Thing "a"/);
    assert.throws(
      () => rawSnapshot('k', [], undefined, { versions: text }),
      /the version ".*" of type\.googleapis\.com\/envoy/,
    );
    const error = { code: 'NOT_FOUND', message: 'no' } as const;
    assert.throws(() => rawSnapshot('k', [{ typeUrl: url, name: text, error }]), /the name ".*" of type test\.Thing/);
  }
  for (const name of ['a b', 'ä', '\u{1f600}', 'xdstp://x/T/a%0Ab'])
    assert.equal(rawSnapshot('k', [thing({ name })]).types.get(url)?.resources.size, 1, name);
});

test('what cannot be sent is refused, and told which it is', () => {
  const refused = (given: object, said: RegExp) =>
    assert.throws(() => rawSnapshot('k', [{ ...thing(), ...given }]), said);
  refused({ version: '' }, /the version of test\.Thing "a" is empty/);
  for (const ttl of [-1, Number.NaN, Number.POSITIVE_INFINITY]) refused({ ttl }, /the ttl of test\.Thing "a"/);
  refused({ value: undefined }, /the value of test\.Thing "a"/);
  refused({ value: 'text' }, /the value of test\.Thing "a"/);
  refused({ error: { code: 'GONE', message: '' } }, /"GONE" of test\.Thing "a".*UNKNOWN, NOT_FOUND, PERMISSION_DENIED/);
  refused({ error: { code: 'toString', message: '' } }, /"toString" of test\.Thing "a"/);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { apiDocument } from '../../../src/policy/owner.ts';
import { type PolicyDocument, parse, parseUpon } from '../../../src/policy/parse.ts';
import { readersOf } from '../../../src/policy/read-document.ts';
import { Chance } from '../../support/chance.ts';

/**
 * What is read upon what was read last says what it says when it is read by itself: documents change by chance, well and
 * badly, come, go and change places.
 */

const names = ['a', 'b', 'c', 'd', 'e', 'f'];

function documentBy(chance: Chance, file: string): PolicyDocument {
  const service = () => ({
    ...(chance.happens(0.8) ? { endpoints: [{ address: `10.0.0.${1 + chance.below(3)}:80` }] } : {}),
    ...(chance.happens(0.2)
      ? { endpoints: [{ address: '$'.concat(chance.happens(0.9) ? '{HOST:-h}:80' : '{HOST}:80') }] }
      : {}),
    ...(chance.happens(0.005) ? { endpoint: 'no such key' } : {}),
  });
  const services = Object.fromEntries(chance.some(names).map(name => [`${file[0]}-${name}`, service()]));
  const shared = chance.happens(0.2) ? { shared: service() } : {};
  const kept = Object.fromEntries(names.map(name => [`${file[0]}-${name}`, service()]));
  const value = {
    services: chance.happens(0.6) ? kept : { ...services, ...shared },
    ...(chance.happens(0.3) ? { routes: { [`${file[0]}-r`]: { rules: [{ respond: { status: 200 } }] } } } : {}),
    ...(chance.happens(0.02) ? { servces: {} } : {}),
  };
  const text = JSON.stringify(value);
  return { file, format: 'json', text: chance.happens(0.03) ? text.slice(1) : text };
}

function next(chance: Chance, documents: readonly PolicyDocument[]): readonly PolicyDocument[] {
  const kind = chance.below(14);
  const at = chance.below(Math.max(documents.length, 1));
  if (kind === 0) return documents.toSpliced(at, 1);
  if (kind === 1 && documents.length < 6)
    return [...documents, documentBy(chance, `${names[documents.length % 6]}${documents.length}.json`)];
  if (kind === 2) return documents.toReversed();
  if (kind === 4) {
    const key = { kind: 'services', name: chance.of(['a-a', 'a-b', 'mine']) } as const;
    const owned = apiDocument(key, { connectTimeout: `${1 + chance.below(3)}s` }, chance.happens(0.9));
    return [owned, ...documents.filter(each => each.file !== owned.file)];
  }
  if (kind === 3) {
    const environment = { file: 'environment:', format: 'json', text: `{"HOST":"10.1.0.${chance.below(9)}"}` } as const;
    return [...documents.filter(each => each.file !== environment.file), environment];
  }
  const document = documents[at];
  if (!document?.file.endsWith('.json')) return documents;
  return documents.with(at, documentBy(chance, document.file));
}

/** Policies that follow each other, and how many have objects of the one before. */
function manyReads(seed: number) {
  const chance = new Chance(seed);
  let documents: readonly PolicyDocument[] = ['a.json', 'b.json', 'c.json'].map(file => documentBy(chance, file));
  let good = documents;
  const steps = [{ documents, upon: parse(documents) }];
  let shared = 0;
  for (let step = 0; step < 300; step++) {
    const last = steps.at(-1)?.upon.policy;
    // What was wrong is mostly undone, so that there is something to build upon.
    if (last) good = documents;
    documents = next(chance, last || chance.happens(0.1) ? documents : good);
    const upon = parse(documents);
    steps.push({ documents, upon });
    const [old, now] = [last?.services, upon.policy?.services];
    if (old && now && Object.keys(now).some(name => now[name] === old[name])) shared += 1;
  }
  return { steps, shared };
}

for (const seed of [1, 2, 3, 4]) {
  test(`what is read upon the last is what is read by itself (seed ${seed})`, () => {
    const { steps, shared } = manyReads(seed);
    // Only now, for what is read between two would be what the second is read upon.
    for (const [step, { documents, upon }] of steps.entries()) {
      parse([{ file: 'other.yaml', format: 'yaml', text: 'services: { other: {} }' }]);
      // Of copies nothing is known.
      const copies = documents.map(each => ({ ...each }));
      const { sources, ...whole } = parseUpon(copies, undefined);
      const { sources: uponSources, ...found } = upon;
      assert.deepEqual(found, whole, `step ${step}`);
      assert.equal(JSON.stringify(found.policy), JSON.stringify(whole.policy), `step ${step}: also in its order`);
      for (const [kind, section] of Object.entries(whole.policy ?? {}))
        for (const name of Object.keys(section))
          assert.deepEqual(uponSources.spanOf([kind, name]), sources.spanOf([kind, name]), `step ${step}`);
    }
    assert.ok(shared > 50, `only ${shared} policies had objects of the last one`);
  });
}

test('what is equal in the policy read last is its very object', () => {
  const document = (file: string, services: Record<string, unknown>): PolicyDocument => {
    return { file, format: 'json', text: JSON.stringify({ services }) };
  };
  const services = { a: { connectTimeout: '1s' }, b: { connectTimeout: '2s' } };
  const [one, two] = [document('one.json', services), document('two.json', { c: {} })];
  const first = parse([one, two]).policy;
  const again = parse([document('one.json', services), two]).policy;
  assert.ok(first && again === first);
  const other = parse([document('one.json', { ...services, b: { connectTimeout: '3s' } }), two]).policy;
  assert.deepEqual(
    ['a', 'b', 'c'].map(name => other?.services[name] === first.services[name]),
    [true, false, true],
  );
  assert.equal(other?.routes, first.routes);
  const read = readersOf([one, two]).all;
  const changed = [document('one.json', { ...services, b: { connectTimeout: '3s' } }), two];
  const raw = readersOf(changed).all.flatMap(each =>
    each.parts.flatMap(part => part.resources.map(found => found.raw)),
  );
  const old = read.flatMap(each => each.parts.flatMap(part => part.resources.map(found => found.raw)));
  assert.deepEqual(
    raw.map((each, at) => each === old[at]),
    [true, false, true],
    'what stands there as before is not checked again',
  );
});

test('what was read before the last is let go', async () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const document = (at: number): PolicyDocument => {
    return { file: 'one.json', format: 'json', text: `{"services":{"a":{"connectTimeout":"${at}s"}}}` };
  };
  const other: PolicyDocument = { file: 'two.json', format: 'json', text: '{"services":{"b":{}}}' };
  const read = (at: number) => {
    const documents = [document(at), other];
    parse(documents);
    return new WeakRef(documents);
  };
  const all = Array.from({ length: 20 }, (_, at) => read(1 + at));
  const last = [document(21), other];
  parse(last);
  // What a reference is made to lives until the end of the turn.
  await setImmediate();
  collect();
  const kept = all.filter(each => each.deref() !== undefined).length;
  assert.ok(kept <= 2, `${kept} of 20 are kept`);
  assert.ok(parse(last).policy);
});

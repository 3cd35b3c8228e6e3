import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { MAX_BODY } from '../../src/xds/split.ts';
import { DeltaModel, SotwModel } from './model-client.ts';

const large = (sign: string): string => sign.repeat(MAX_BODY / 5);
const contents = Object.fromEntries(Array.from({ length: 9 }, (_, n) => [`r${n}`, large('a')]));
const names = Object.keys(contents);

/** Sizes of the responses that bring the client to the newest set. */
function sizes(model: SotwModel | DeltaModel): readonly number[] {
  const seen: number[] = [];
  while (model.inbox.length > 0) {
    seen.push(...model.inbox.map(({ body }) => body.resources.reduce((sum, each) => sum + each.sotwEntry.length, 0)));
    model.handle();
  }
  return seen;
}

for (const [variant, model] of [
  ['sotw', new SotwModel('EDS')],
  ['delta', new DeltaModel('EDS')],
] as const) {
  test(`R50: a large set comes in parts, one after another, and counts when all have come (${variant})`, () => {
    model.publish(contents);
    if (model instanceof SotwModel) model.ask(names);
    else model.ask(names, []);
    assert.equal(model.inbox.length, 1);
    model.handle();
    assert.equal(model.state.acked, undefined, 'a part is not the whole');
    const rest = sizes(model);
    assert.ok(rest.length >= 2 && rest.every(size => size <= MAX_BODY), `${rest}`);
    model.converged();
  });
}

for (const variant of ['sotw', 'delta'] as const) {
  test(`R50: who gives up what is still to come has everything with the part (${variant})`, () => {
    const model = variant === 'sotw' ? new SotwModel('EDS') : new DeltaModel('EDS');
    model.publish(contents);
    if (model instanceof SotwModel) model.ask(names);
    else model.ask(names, []);
    const come = model.inbox.flatMap(({ body }) => body.resources.map(each => each.name));
    if (model instanceof SotwModel) model.ask(come);
    else
      model.ask(
        [],
        names.filter(name => !come.includes(name)),
      );
    assert.equal(sizes(model).length, 1);
    if (model instanceof SotwModel) model.ask(come);
    model.converged();
  });
}

test('R35, R50: errors beyond one response come in parts too, each once', () => {
  const ghosts = Array.from({ length: 100 }, (_, n) => `${n}${'g'.repeat(MAX_BODY / 100)}`);
  for (const model of [new SotwModel('EDS', true), new DeltaModel('EDS', true)]) {
    model.publish(contents);
    if (model instanceof SotwModel) model.ask([...names, ...ghosts]);
    else model.ask([...names, ...ghosts], []);
    assert.ok(sizes(model).length > 4);
    model.converged();
  }
});

test('R26, R50: where absence deletes, SotW is sent in one response', () => {
  const model = new SotwModel('CDS');
  model.publish(contents);
  model.ask([]);
  assert.equal(sizes(model).length, 1);
  model.converged();
});

test('R50: a change under way between parts, names that come and go and rejections leave nothing out', () => {
  const content = fc.constantFrom(large('a'), large('b'), 'small');
  const sets = fc.dictionary(fc.constantFrom(...names), content, { noNullPrototype: true, minKeys: 5 });
  const list = fc.uniqueArray(fc.constantFrom(...names, '*'), { minLength: 4 });
  const move = fc.oneof(
    fc.record({ kind: fc.constant('publish' as const), sets }),
    fc.record({ kind: fc.constant('handle' as const), error: fc.constantFrom(undefined, undefined, 'bad') }),
    fc.record({ kind: fc.constant('ask' as const), list }),
  );
  fc.assert(
    fc.property(list, sets, fc.array(move, { maxLength: 12 }), fc.boolean(), (first, start, moves, knows) => {
      for (const model of [new SotwModel('EDS', knows), new DeltaModel('CDS', knows)]) {
        const ask = (wanted: readonly string[]): void => {
          if (model instanceof SotwModel) model.ask(wanted);
          else model.ask(wanted.slice(1), wanted.slice(0, 1));
        };
        model.publish(start);
        ask(first);
        for (const each of moves) {
          if (each.kind === 'publish') model.publish(each.sets);
          else if (each.kind === 'handle') model.handle(each.error);
          else ask(each.list);
        }
        model.drain();
        if (!moves.some(each => each.kind === 'handle' && each.error !== undefined)) model.converged();
        model.publish(Object.fromEntries(names.map(name => [name, 'final'])));
        model.drain();
        model.converged();
      }
    }),
    { numRuns: 25 },
  );
});

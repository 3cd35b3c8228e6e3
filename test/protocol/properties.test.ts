import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { type TypeName, urls } from '../support/xds-fixtures.ts';
import { DeltaModel, SotwModel } from './model-client.ts';
import { seeded } from './seeded.ts';

const [member, other, glob] = ['xdstp://x/T/p/m', 'xdstp://x/T/p/n', 'xdstp://x/T/p/*'];
const name = fc.constantFrom('a', 'b', 'c', 'd', member, other);
const nameOrWildcard = fc.constantFrom('a', 'b', 'c', 'd', '*', member, glob, 'v', 'alias', 'beta');
const resource = fc.constantFrom('1', '2', '3', '3 ttl=1000', '1 onDemand', '2 onDemand ttl=1000');
const error = fc.constantFrom('error=UNAVAILABLE later', 'error=PERMISSION_DENIED no');
const content = fc.oneof({ weight: 4, arbitrary: resource }, { weight: 1, arbitrary: error });
/** One resource has other names, always the same: `alias` and `beta`. */
const hosts = fc.dictionary(
  fc.constant('v'),
  content.map(text => `${text} aliases=alias,beta`),
  { noNullPrototype: true },
);
const contents = fc
  .tuple(fc.dictionary(name, content, { maxKeys: 5, noNullPrototype: true }), hosts)
  .map(([plain, host]) => ({ ...plain, ...host }));
/** What a client brings along; under which aliases it asked for that nobody knows any more. */
const brought = fc.dictionary(name, fc.constantFrom('1', '2', '3', '1 onDemand'), {
  maxKeys: 5,
  noNullPrototype: true,
});
const type = fc.constantFrom(...(Object.keys(urls) as TypeName[]));
const list = fc.uniqueArray(nameOrWildcard, { maxLength: 4 });

const shared = [
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('publish' as const), contents, keep: fc.boolean() }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('remind' as const), names: fc.uniqueArray(name) }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('ack' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('nack' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('beat' as const) }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('gate' as const), open: fc.boolean() }) },
] as const;

const sotwMoves = fc.array(
  fc.oneof(...shared, { weight: 4, arbitrary: fc.record({ kind: fc.constant('ask' as const), list }) }),
  { maxLength: 40 },
);
const deltaMoves = fc.array(
  fc.oneof(...shared, {
    weight: 4,
    arbitrary: fc.record({ kind: fc.constant('ask' as const), subscribe: list, unsubscribe: list }),
  }),
  { maxLength: 40 },
);

type DeltaMove = typeof deltaMoves extends fc.Arbitrary<readonly (infer Move)[]> ? Move : never;
type DeltaExample = [TypeName, string[], Record<string, string>, DeltaMove[], boolean, boolean];

const asks = (subscribe: string[], unsubscribe: string[] = []): DeltaMove => ({ kind: 'ask', subscribe, unsubscribe });
const publishes = (contents: Record<string, string>): DeltaMove => ({ kind: 'publish', contents, keep: false });

/** What is asked for by an alias goes out of the wildcard while it is under way, and then the alias is dropped. */
const droppedAlias: DeltaExample = [
  'CDS',
  [],
  {},
  [
    asks(['beta']),
    publishes({ v: '1 aliases=alias,beta' }),
    publishes({ v: '1 onDemand aliases=alias,beta' }),
    asks(['a']),
    asks([], ['beta']),
  ],
  false,
  false,
];

/** What the wildcard has brought under way, and is no more, is asked for by an alias. */
const lateAlias: DeltaExample = [
  'CDS',
  [],
  {},
  [publishes({ v: '1 aliases=alias,beta' }), publishes({}), asks(['a'], ['*']), asks(['alias'])],
  false,
  false,
];

const host = { v: '1 aliases=alias,beta' };

/** What was asked for by an alias is no more, and was rejected: of that the client is told once. */
const rejectedAlias: DeltaExample = [
  'CDS',
  ['beta'],
  {},
  [publishes(host), publishes({}), { kind: 'nack' }, publishes({ a: '1' }), asks(['a'])],
  false,
  true,
];

/** An error takes the place of a resource of which a client then drops one of its names. */
const errorUnderAlias: DeltaExample = [
  'CDS',
  ['v', 'beta'],
  {},
  [publishes(host), publishes({ v: 'error=UNAVAILABLE later aliases=alias,beta' }), { kind: 'ack' }, asks([], ['v'])],
  false,
  true,
];

type SotwMove = typeof sotwMoves extends fc.Arbitrary<readonly (infer Move)[]> ? Move : never;

/** A member of a glob is rejected, and what was sent is repeated whole: of what is missing beside it, nothing is said. */
const rejectedMember: [TypeName, string[], SotwMove[], boolean, boolean] = [
  'CDS',
  ['d'],
  [
    { kind: 'publish', contents: { [other]: '1' }, keep: false },
    { kind: 'ask', list: ['d', glob] },
    { kind: 'ack' },
    { kind: 'nack' },
    { kind: 'publish', contents: {}, keep: false },
  ],
  false,
  true,
];

/** Everything anew, so that nothing is left of earlier rejections. */
const final = {
  a: 'final',
  v: 'final aliases=alias,beta',
  b: 'final',
  c: 'final',
  d: 'final',
  [member]: 'final',
  [other]: 'final onDemand',
};

test('SotW: whatever happens, nothing unasked or stale is sent, and the client ends with the newest set', () => {
  fc.assert(
    fc.property(type, list, sotwMoves, fc.boolean(), fc.boolean(), (of, first, moves, changed, knows) => {
      const model = new SotwModel(of, knows);
      let rejected = false;
      model.ask(first);
      for (const move of moves) {
        if (move.kind === 'publish') model.publish(move.contents, move.keep);
        else if (move.kind === 'ack') model.handle();
        else if (move.kind === 'gate') model.gate(move.open);
        else if (move.kind === 'beat') model.beat();
        else if (move.kind === 'remind') model.remind(move.names);
        else if (move.kind === 'ask') model.ask(move.list);
        else {
          rejected ||= model.inbox.length > 0;
          model.handle('bad');
        }
      }
      model.publish(model.contents);
      model.drain();
      // A rejected set is not sent again, so only a new one brings the client on (R10).
      if (rejected || changed) {
        model.publish(final);
        model.drain();
      }
      model.converged();
    }),
    { ...seeded(2000), examples: [rejectedMember] },
  );
});

test('Delta: whatever happens, nothing unasked is sent, every name is answered, and the client ends with the newest set', () => {
  fc.assert(
    fc.property(
      type,
      list,
      brought,
      deltaMoves,
      fc.boolean(),
      fc.boolean(),
      (of, first, has, moves, changed, knows) => {
        const model = new DeltaModel(of, knows);
        let rejected = false;
        model.ask(first, [], new Map(Object.entries(has)));
        for (const move of moves) {
          if (move.kind === 'publish') model.publish(move.contents, move.keep);
          else if (move.kind === 'ack') model.handle();
          else if (move.kind === 'gate') model.gate(move.open);
          else if (move.kind === 'beat') model.beat();
          else if (move.kind === 'remind') model.remind(move.names);
          else if (move.kind === 'ask') model.ask(move.subscribe, move.unsubscribe);
          else {
            rejected ||= model.inbox.length > 0;
            model.handle('bad');
          }
        }
        model.publish(model.contents);
        model.drain();
        if (rejected || changed) {
          model.publish(final);
          model.drain();
        }
        model.converged();
      },
    ),
    { ...seeded(2000), examples: [droppedAlias, lateAlias, rejectedAlias, errorUnderAlias] },
  );
});

test('R11, R15: once a client has everything, neither acknowledgements nor equal publications bring it anything', () => {
  fc.assert(
    fc.property(type, list, contents, (of, first, published) => {
      for (const model of [false, true].flatMap(knows => [new SotwModel(of, knows), new DeltaModel(of, knows)])) {
        model.publish(published);
        if (model instanceof SotwModel) model.ask(first);
        else model.ask(first, []);
        model.drain();
        model.publish({ ...published });
        assert.deepEqual(model.inbox, []);
      }
    }),
    { numRuns: 300 },
  );
});

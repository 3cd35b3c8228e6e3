import { test } from 'node:test';
import fc from 'fast-check';
import type { Sets } from '../support/xds-fixtures.ts';
import { PerTypeModel } from './per-type-model.ts';

const cluster = fc.constantFrom('a', 'b', 'c', 'd');
/** A fleet whose one route leads to one of its clusters. */
const sets = fc
  .record({
    to: cluster,
    others: fc.uniqueArray(cluster),
    versions: fc.array(fc.constantFrom('1', '2'), { minLength: 4, maxLength: 4 }),
    listener: fc.constantFrom('1', '2'),
  })
  .map(({ to, others, versions, listener }): Sets => {
    const clusters = [...new Set([to, ...others])];
    return {
      CDS: Object.fromEntries(clusters.map(name => [name, versions['abcd'.indexOf(name)] ?? '1'])),
      EDS: Object.fromEntries(clusters.map(name => [name, `endpoints ${listener}`])),
      LDS: { l: listener },
      RDS: { r: to },
    };
  });

const moves = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('publish' as const), sets }) },
    { weight: 12, arbitrary: fc.record({ kind: fc.constant('handle' as const), choice: fc.nat(30) }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('timers' as const) }) },
  ),
  { maxLength: 80 },
);

for (const variant of ['sotw', 'delta'] as const) {
  test(`R41: at no moment does a route lead to a cluster that cannot be used, on streams of single types (${variant})`, () => {
    fc.assert(
      fc.property(sets, moves, sets, (first, between, last) => {
        const envoy = new PerTypeModel(variant);
        envoy.publish(first);
        envoy.start();
        for (const move of between) {
          if (move.kind === 'publish') envoy.publish(move.sets);
          else if (move.kind === 'handle') envoy.handle(move.choice);
          else envoy.runTimers();
        }
        envoy.publish(last);
        envoy.converged(last);
      }),
      { numRuns: 2000 },
    );
  });
}

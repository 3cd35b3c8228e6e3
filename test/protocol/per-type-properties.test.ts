import { test } from 'node:test';
import fc from 'fast-check';
import type { Sets } from '../support/xds-fixtures.ts';
import { PerTypeModel } from './per-type-model.ts';
import { seeded } from './seeded.ts';

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

/** Outages: of everything, with a policy that has changed meanwhile, and of single streams. */
const outages = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ kind: fc.constant('publish' as const), sets }) },
    { weight: 20, arbitrary: fc.record({ kind: fc.constant('handle' as const), choice: fc.nat(30) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('timers' as const) }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('restart' as const), sets }) },
    { weight: 1, arbitrary: fc.record({ kind: fc.constant('interrupt' as const), choice: fc.nat(30) }) },
  ),
  { maxLength: 80 },
);

// SotW says nothing of what a client has, so that nothing can be kept for it.
test('R41: nor while an Envoy opens its streams again, one by one, after an outage (delta)', () => {
  fc.assert(
    fc.property(sets, outages, sets, (first, between, last) => {
      const envoy = new PerTypeModel('delta');
      envoy.publish(first);
      envoy.start();
      for (const move of between) {
        if (move.kind === 'publish') envoy.publish(move.sets);
        else if (move.kind === 'handle') envoy.handle(move.choice);
        else if (move.kind === 'restart') envoy.restart(move.sets);
        else if (move.kind === 'interrupt') envoy.interrupt(move.choice);
        else envoy.runTimers();
      }
      envoy.publish(last);
      // A cluster that was left over and is published again is sent again, which Envoy answers with nothing but an ACK.
      envoy.converged(last, { late: true });
    }),
    seeded(2000),
  );
});

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
      seeded(2000),
    );
  });
}

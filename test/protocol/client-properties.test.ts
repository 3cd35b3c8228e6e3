import { test } from 'node:test';
import fc from 'fast-check';
import type { Sets } from '../support/xds-fixtures.ts';
import { RejectingClient } from './rejecting-client.ts';
import { seeded } from './seeded.ts';

const clusters = ['a', 'b', 'c', 'd'] as const;
const cluster = fc.constantFrom(...clusters);
const edition = fc.constantFrom('1', '2', '3');

/** A consistent fleet: two tables of routes that lead to its clusters. */
const sets = fc
  .record({
    to: fc.tuple(cluster, cluster),
    others: fc.uniqueArray(cluster),
    editions: fc.array(edition, { minLength: 14, maxLength: 14 }),
    tables: fc.constantFrom(['r'], ['r', 's'], ['s']),
    listeners: fc.constantFrom(['l'], ['l', 'm']),
  })
  .map(({ to, others, editions, tables, listeners }): Sets => {
    const used = tables.map((_, index) => to[index] ?? 'a');
    const names = [...new Set([...used, ...others])].sort();
    const at = (index: number) => editions[index] ?? '1';
    return {
      CDS: Object.fromEntries(names.map(name => [name, at(clusters.indexOf(name))])),
      EDS: Object.fromEntries(names.map(name => [name, at(4 + clusters.indexOf(name))])),
      LDS: Object.fromEntries(listeners.map((name, index) => [name, at(8 + index)])),
      RDS: Object.fromEntries(tables.map((name, index) => [name, `to-${used[index]} ${at(10 + index)}`])),
      SDS: { t: at(12), u: at(13) },
    };
  });

const contents = [
  ...['CDS', 'EDS'].flatMap(type => clusters.flatMap(name => ['1', '2', '3'].map(each => `${type} ${name} ${each}`))),
  ...['l', 'm'].flatMap(name => ['1', '2', '3'].map(each => `LDS ${name} ${each}`)),
  ...['r', 's'].flatMap(name => clusters.flatMap(to => ['1', '2', '3'].map(each => `RDS ${name} to-${to} ${each}`))),
  ...['t', 'u'].flatMap(name => ['1', '2', '3'].map(each => `SDS ${name} ${each}`)),
];
/** What the client rejects. */
const rejected = fc.oneof(
  fc.uniqueArray(fc.constantFrom(...contents), { maxLength: 6 }),
  fc.uniqueArray(fc.constantFrom(...contents), { maxLength: 30 }),
);

const style = fc.constantFrom('usual', 'silent', 'first');
const named = fc.constantFrom('r', 's', 't', 'u');
const move = <const Kind extends string>(kind: Kind) => ({ kind: fc.constant(kind) });
const moves = fc.array(
  fc.oneof(
    { weight: 3, arbitrary: fc.record({ ...move('publish'), sets }) },
    { weight: 9, arbitrary: fc.record({ ...move('handle'), pick: fc.nat(9), style }) },
    { weight: 3, arbitrary: fc.record({ ...move('run'), timer: fc.constantFrom('pause', 'linger', 'again') }) },
    { weight: 1, arbitrary: fc.record({ ...move('gate'), open: fc.boolean() }) },
    { weight: 1, arbitrary: fc.record({ ...move('retry') }) },
    { weight: 1, arbitrary: fc.record({ ...move('ask'), name: named, add: fc.boolean() }) },
  ),
  { maxLength: 40 },
);

for (const variant of ['sotw', 'delta'] as const) {
  for (const aggregated of [true, false]) {
    const streams = aggregated ? 'ADS' : 'streams of single types';
    test(`R10, R42: whatever a client rejects, it ends with everything else (${variant}, ${streams})`, () => {
      fc.assert(
        fc.property(rejected, sets, moves, fc.option(sets), (bad, first, between, last) => {
          const client = new RejectingClient(variant, aggregated, (...each) => bad.includes(each.join(' ')));
          client.publish(first);
          client.start({ RDS: ['r', 's'], SDS: ['t', 'u'] });
          for (const each of between) {
            if (each.kind === 'publish') client.publish(each.sets);
            else if (each.kind === 'handle') client.handle(each.pick, each.style);
            else if (each.kind === 'run') client.run(each.timer);
            else if (each.kind === 'gate') client.gate(each.open);
            else if (each.kind === 'retry') client.retry();
            else {
              const type = each.name < 't' ? 'RDS' : 'SDS';
              client.subscribe(type, each.add ? [each.name] : [], each.add ? [] : [each.name]);
            }
          }
          if (last) client.publish(last);
          client.finish();
          client.acceptAll();
          client.retry();
          client.finish();
        }),
        seeded(300),
      );
    });
  }
}

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, it } from 'node:test';
import { parse } from 'yaml';
import { AdminWorld } from './admin-world.ts';

const file = (path: string) => readFileSync(new URL(`../../../docs/${path}`, import.meta.url), 'utf8');

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly annotations: { readonly summary: string };
}
const rules: readonly Rule[] = parse(file('monitoring/alerts.yml')).groups.flatMap(
  (group: { readonly rules: readonly Rule[] }) => group.rules,
);
const dashboard = JSON.parse(file('monitoring/dashboard.json'));

/** Metrics with their labels; of histograms the series that they are made of. */
async function metrics(): Promise<ReadonlyMap<string, ReadonlySet<string>>> {
  const world = new AdminWorld();
  world.accept();
  world.connect(1, 'edge-1', { kind: 'assigned', key: 'edge' });
  world.exchange(1, 'Cluster', 'acked');
  const { meters } = world.options;
  meters.push.observe({ fleet: 'edge' }, 1);
  meters.build.observe({ outcome: 'built' }, 1);
  await world.call('GET', '/api/v1/policy');
  const { text } = await world.call('GET', '/metrics');
  const found = new Map<string, Set<string>>();
  for (const [, name = '', labels = ''] of text.matchAll(/^([a-z]\w*)(?:\{([^}]*)\})? /gm)) {
    const known = found.get(name) ?? new Set<string>();
    for (const [, label = ''] of labels.matchAll(/(\w+)="/g)) known.add(label);
    found.set(name, known);
  }
  return found;
}

const expressions = [
  ...rules.map(each => each.expr),
  ...dashboard.panels.flatMap((panel: { readonly targets: readonly { readonly expr: string }[] }) =>
    panel.targets.map(each => each.expr),
  ),
];

describe('what monitoring is given', () => {
  it('names only metrics that exist, with labels that they have', async () => {
    const known = await metrics();
    assert.ok(expressions.length > 30);
    for (const expression of expressions) {
      const names = expression.match(/switchyard_\w+/g) ?? [];
      assert.ok(names.length > 0 || expression.startsWith('up{'), expression);
      for (const name of names) assert.ok(known.has(name), `${name} in ${expression}`);
      for (const [, name = '', labels = ''] of expression.matchAll(/(switchyard_\w+)\{([^}]*)\}/g)) {
        for (const [, label = ''] of labels.matchAll(/(\w+)=/g))
          assert.ok(known.get(name)?.has(label), `${label} of ${name}`);
      }
      const by = [...expression.matchAll(/by \(([^)]*)\)/g)].flatMap(([, list = '']) => list.split(', '));
      for (const label of by) {
        assert.ok(
          names.some((name: string) => known.get(name)?.has(label)),
          `${label} in ${expression}`,
        );
      }
    }
  });

  it('says of each alert what to do', () => {
    const guide = file('guides/monitoring.md');
    assert.ok(rules.length > 10);
    for (const { alert, annotations } of rules) {
      assert.ok(guide.includes(`\`${alert}\``), alert);
      assert.ok(annotations.summary.endsWith('.'), alert);
    }
    const listed = [...guide.matchAll(/`(Switchyard\w+)`/g)].map(match => match[1]);
    for (const name of listed)
      assert.ok(
        rules.some(each => each.alert === name),
        name,
      );
  });
});

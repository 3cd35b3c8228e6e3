import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { decideMaintenance } from '../../../src/control/decide-maintenance.ts';
import type { MaintenanceOverride } from '../../../src/policy/operational-state.ts';
import { parse } from '../../../src/policy/parse.ts';

const text = `
services:
  catalog: { endpoints: [{ address: "10.0.0.1:80" }] }
  db: { protocol: tcp, endpoints: [{ address: "10.0.0.2:80" }] }
routes:
  shop: { mesh: true, rules: [{ to: [{ service: catalog }] }] }
  old: { mesh: true, hosts: [old], rules: [{ redirect: { host: shop } }] }
`;
const { policy } = parse([{ file: 'x.yaml', format: 'yaml', text }]);
assert.ok(policy);

const [now, by] = [1000, 'ada'];
const catalog: MaintenanceOverride = {
  kind: 'maintenance',
  of: 'service',
  name: 'catalog',
  by,
  since: 1,
  expiresAt: 5000,
};
const decide = (of: 'service' | 'route', name: string, more: object = {}, overrides = [catalog]) =>
  decideMaintenance({ of, name, by, ...more }, { policy, overrides, now });

describe('putting into maintenance', () => {
  it('is a change where something else holds, and none where it holds until then already', () => {
    assert.equal(decide('service', 'catalog', { expiresAt: 5000 }).kind, 'keep');
    assert.equal(decide('service', 'catalog', { expiresAt: 6000 }).kind, 'put');
    assert.equal(decide('service', 'catalog').kind, 'put');
    assert.deepEqual(decide('route', 'shop'), {
      kind: 'put',
      override: { kind: 'maintenance', of: 'route', name: 'shop', by, since: now },
    });
  });

  it('is refused for what is not there, has no page, or is over', () => {
    const answers = [
      decide('service', 'catlog'),
      decide('route', 'catalog'),
      decide('service', 'db'),
      decide('route', 'old'),
      decide('service', 'catalog', { expiresAt: now }),
    ].map(decision => decision.kind === 'answer' && decision.outcome);
    assert.deepEqual(answers, [
      { kind: 'notFound', what: 'There is no service "catlog".', hint: 'did you mean "catalog"?' },
      { kind: 'notFound', what: 'There is no route "catalog".' },
      {
        kind: 'invalid',
        problems: ['service "db" speaks tcp, where no page can be answered; drain or disable its endpoints'],
      },
      { kind: 'invalid', problems: ['route "old" has no rule that sends to services'] },
      { kind: 'invalid', problems: ['its end lies in the past'] },
    ]);
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fieldsOf } from '../../../proto/descriptors.ts';
import { type FieldRules, fieldRules } from '../../../proto/rules.ts';

const rules = fieldRules();
const field = (message: string, name: string) => rules[message]?.fields?.[name];

describe('field rules', () => {
  it('cover the API', () => {
    const all = Object.values(rules);
    const fields = all.reduce((sum, message) => sum + Object.keys(message.fields ?? {}).length, 0);
    const oneofs = all.reduce((sum, message) => sum + Object.keys(message.oneofs ?? {}).length, 0);
    assert.ok(fields > 900, `only ${fields} fields`);
    assert.ok(oneofs > 120, `only ${oneofs} oneofs`);
  });

  it('keep rules whose bound is an empty message', () => {
    assert.deepEqual(field('envoy.config.cluster.v3.Cluster', 'connect_timeout'), {
      value: { kind: 'duration', gt: '0s' },
    });
    assert.deepEqual(field('envoy.config.core.v3.HealthCheck', 'interval'), {
      required: true,
      value: { kind: 'duration', gt: '0s' },
    });
  });

  it('have one shape for lists, numbers, nested rules and presence', () => {
    assert.deepEqual(field('envoy.config.cluster.v3.Cluster', 'dns_refresh_rate'), {
      value: { kind: 'duration', gt: '0.001s' },
    });
    assert.deepEqual(field('envoy.config.route.v3.RedirectAction', 'response_code'), {
      value: { kind: 'enum', defined_only: true },
    });
    assert.deepEqual(field('envoy.config.core.v3.SocketAddress', 'port_value'), {
      value: { kind: 'number', type: 'uint32', lte: 65_535 },
    });
    assert.deepEqual(field('envoy.config.route.v3.VirtualHost', 'domains'), {
      value: {
        kind: 'repeated',
        min_items: 1,
        items: { value: { kind: 'string', well_known_regex: 'HTTP_HEADER_VALUE', strict: false } },
      },
    });
    assert.deepEqual(field('envoy.config.route.v3.Route', 'match'), { required: true });
  });

  it('name the members of required oneofs', () => {
    const oneofs = rules['envoy.config.route.v3.RouteMatch']?.oneofs;
    assert.deepEqual(Object.keys(oneofs ?? {}), ['path_specifier']);
    assert.ok(oneofs?.path_specifier?.includes('path_separated_prefix'));
  });

  it('come from the overlay too', () => {
    assert.deepEqual(field('envoy.config.route.v3.CookieMatcher', 'name'), {
      value: { kind: 'string', min_len: 1, max_bytes: 1024 },
    });
  });

  it('name fields that exist, and hold no leftovers of the source form', () => {
    const visit = (at: string, found: FieldRules): void => {
      assert.deepEqual(
        Object.keys(found).filter(key => !['required', 'skip', 'value'].includes(key)),
        [],
        at,
      );
      const value = found.value;
      if (value === undefined) return;
      for (const name of ['in', 'not_in']) {
        const list: unknown = Reflect.get(value, name);
        assert.ok(list === undefined || Array.isArray(list), `${at}.${name}`);
      }
      if (value.kind === 'repeated' && value.items) visit(`${at}[]`, value.items);
      if (value.kind === 'map') for (const part of [value.keys, value.values]) if (part) visit(`${at}{}`, part);
      if (value.kind === 'duration')
        for (const bound of [value.gt, value.gte, value.lt, value.lte]) assert.match(bound ?? '0s', /^\d+(\.\d+)?s$/);
    };
    for (const [message, { fields = {}, oneofs = {} }] of Object.entries(rules)) {
      const names = new Set(fieldsOf(message)?.map(row => row[1]));
      for (const [name, found] of Object.entries(fields)) {
        assert.ok(names.has(name), `${message}.${name}`);
        visit(`${message}.${name}`, found);
      }
      for (const members of Object.values(oneofs)) {
        assert.ok(members.length > 0);
        for (const member of members) assert.ok(names.has(member), `${message}.${member}`);
      }
    }
  });
});

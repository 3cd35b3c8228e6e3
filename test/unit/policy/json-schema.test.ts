import assert from 'node:assert/strict';
import { globSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, it } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { parse } from 'yaml';
import manifest from '../../../package.json' with { type: 'json' };
import { policyText, usualPolicy } from '../../../src/cli/init/policy.ts';
import { listFields } from '../../../src/policy/fields.ts';
import { policyJsonSchema } from '../../../src/policy/json-schema.ts';

const root = join(import.meta.dirname, '../../..');
const published = 'schema/policy.schema.json';

type Schema = Readonly<Record<string, unknown>>;

const validate = new Ajv2020({ strict: false, allErrors: true }).compile(policyJsonSchema());

/** What the schema has against a policy; empty: nothing. */
function objections(policy: unknown): readonly string[] {
  validate(policy);
  return (validate.errors ?? []).map(each => `${each.instancePath} ${each.message}`);
}

describe(published, () => {
  it('says what the schemas say', () => {
    const expected = `${JSON.stringify(policyJsonSchema(), undefined, 2)}\n`;
    const file = join(root, published);
    if (process.env['UPDATE_DOCS']) {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, expected);
    }
    const hint = `${published} is stale: run UPDATE_DOCS=1 npm test -- test/unit/policy/json-schema.test.ts`;
    assert.equal(readFileSync(file, 'utf8'), expected, hint);
  });

  it('is in the package, under a name that stays', () => {
    assert.ok(manifest.files.includes('schema'));
    assert.equal(manifest.exports['./schema/policy.schema.json'], './schema/policy.schema.json');
  });

  const policies = globSync('{examples,demo,compose,compose/policy}/**/switchyard.yaml', { cwd: root }).sort();

  for (const name of policies) {
    it(`accepts ${name}, which says where it is`, () => {
      const text = readFileSync(join(root, name), 'utf8');
      assert.deepEqual(objections(parse(text)), []);
      const hinted = /^# yaml-language-server: \$schema=(\S+)$/m.exec(text.split('\n\n')[0] ?? '')?.[1] ?? '';
      assert.equal(join(root, dirname(name), hinted), join(root, published));
    });
  }

  it('accepts what init writes, and every golden policy', () => {
    assert.deepEqual(objections(parse(policyText(usualPolicy))), []);
    for (const name of globSync('test/golden/*/policy.yaml', { cwd: root })) {
      assert.deepEqual(objections(parse(readFileSync(join(root, name), 'utf8'))), [], name);
    }
  });

  const good = { services: { web: { endpoints: [{ address: '10.0.0.1:80' }] } } };
  const mistakes: Readonly<Record<string, unknown>> = {
    'an unknown section': { servces: {} },
    'an unknown field': { services: { web: { ...good.services.web, timout: '3s' } } },
    'a text in the place of a list': { services: { web: { endpoints: '10.0.0.1:80' } } },
    'a word that is none': { services: { web: { ...good.services.web, protocol: 'spdy' } } },
    'a duration without unit': { services: { web: { ...good.services.web, connectTimeout: '3' } } },
    'a duration as a number': { services: { web: { ...good.services.web, connectTimeout: 3 } } },
    'an address without port': { services: { web: { endpoints: [{ address: '10.0.0.1' }] } } },
    'a port out of range': { gateways: { public: { listeners: [{ port: 70000, protocol: 'http' }] } } },
    'a weight that is no number': { services: { web: { endpoints: [{ address: '10.0.0.1:80', weight: 'many' }] } } },
    'a field that is missing': { gateways: { public: { listeners: [{ protocol: 'http' }] } } },
    'a name with capitals': { services: { Web: good.services.web } },
  };

  for (const [name, policy] of Object.entries(mistakes)) {
    it(`refuses ${name}`, () => {
      assert.deepEqual(objections(good), []);
      assert.notDeepEqual(objections(policy), []);
    });
  }

  it('has words for every field, and its default', () => {
    const bare: string[] = [];
    visit(policyJsonSchema(), '', (path, field) => {
      if (typeof field['description'] !== 'string' && path !== '$schema') bare.push(path);
    });
    assert.deepEqual(bare, []);
    const said = new Map<string, string>();
    visit(policyJsonSchema(), '', (path, field) => said.set(path, `${said.get(path) ?? ''}${JSON.stringify(field)}`));
    const silent = listFields().filter(each => {
      const text = said.get(each.path) ?? '';
      return each.default !== undefined && !text.includes('"default":') && !text.includes('Default: ');
    });
    assert.deepEqual(
      silent.map(each => each.path),
      [],
    );
  });
});

/** Every property of a schema, with its path as the reference writes it. */
function visit(schema: Schema, path: string, see: (path: string, field: Schema) => void): void {
  const at = (name: string) => (path === '' ? name : `${path}.${name}`);
  for (const [name, field] of Object.entries((schema['properties'] ?? {}) as Record<string, Schema>)) {
    see(at(name), field);
    visit(field, at(name), see);
  }
  if (typeof schema['additionalProperties'] === 'object') visit(schema['additionalProperties'] as Schema, at('*'), see);
  if (typeof schema['items'] === 'object') visit(schema['items'] as Schema, `${path}[]`, see);
  for (const form of ['anyOf', 'oneOf', 'allOf']) {
    for (const each of (schema[form] ?? []) as readonly Schema[]) visit(each, path, see);
  }
}

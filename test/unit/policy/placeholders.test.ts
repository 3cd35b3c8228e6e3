import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Ajv2020 } from 'ajv/dist/2020.js';
import type { PolicyDocument } from '../../../src/policy/document.ts';
import { listFields } from '../../../src/policy/fields.ts';
import { policyJsonSchema } from '../../../src/policy/json-schema.ts';
import { parse } from '../../../src/policy/parse.ts';
import { environmentFile, environmentOf } from '../../../src/policy/placeholders.ts';

const yaml = (text: string): PolicyDocument => ({ file: 'switchyard.yaml', format: 'yaml', text });

const policy = `services:
  web:
    endpoints:
      - address: \${APP_HOST:-127.0.0.1}:\${APP_PORT}
        weight: \${WEIGHT:-3}
gateways:
  public: { listeners: [{ port: "\${PORT:-8080}", address: '\${BIND:-127.0.0.1}', protocol: http }] }
routes:
  web: { gateways: [public], hosts: ["www.\${DOMAIN:-example.com}"], rules: [{ to: [{ service: web }] }] }
fleets:
  edge: { match: { cluster: edge }, gateways: [public] }
`;

/** As files are read where these variables are set. */
function read(text: string | PolicyDocument, variables: Readonly<Record<string, string>> = {}) {
  const document = typeof text === 'string' ? yaml(text) : text;
  const environment = environmentOf([document], name => variables[name]);
  return parse(environment ? [document, environment] : [document]);
}

const brief = ({ problems }: ReturnType<typeof parse>) =>
  problems.map(({ code, source, message }) => `${source?.line}:${source?.column} ${code} ${message}`);

describe('variables of the environment in a policy', () => {
  it('are put in where they may stand, as texts and as numbers, or their defaults', () => {
    const { policy: made, problems, substitutions } = read(policy, { APP_PORT: '9000', PORT: '80' });
    assert.deepEqual(problems, []);
    const [endpoint] = made?.services['web']?.endpoints ?? [];
    assert.deepEqual([endpoint?.address, endpoint?.weight], ['127.0.0.1:9000', 3]);
    const [listener] = made?.gateways['public']?.listeners ?? [];
    assert.deepEqual([listener?.port, listener?.address], [80, '127.0.0.1']);
    assert.deepEqual(made?.routes['web']?.hosts, ['www.example.com']);
    assert.deepEqual(
      substitutions.map(({ written, value, source }) => [source.line, source.column, written, value]),
      [
        [4, 9, '${APP_HOST:-127.0.0.1}:${APP_PORT}', '127.0.0.1:9000'],
        [5, 9, '${WEIGHT:-3}', 3],
        [7, 27, '${PORT:-8080}', 80],
        [7, 50, '${BIND:-127.0.0.1}', '127.0.0.1'],
        [9, 38, 'www.${DOMAIN:-example.com}', 'www.example.com'],
      ],
    );
  });

  it('are kept beside the files, only those that are named, so that the same documents mean the same', () => {
    const environment = environmentOf([yaml(policy)], name => ({ APP_PORT: '9000', SECRET: 'x' })[name]);
    assert.deepEqual(environment, { file: environmentFile, format: 'json', text: '{"APP_PORT":"9000"}\n' });
    assert.equal(
      environmentOf([yaml('services: {}')], () => 'x'),
      undefined,
    );
    // Neither in a comment, nor where it may not stand.
    const hidden = 'services: { web: { connectTimeout: "${SECRET}" } } # ${SECRET}\n';
    assert.equal(
      environmentOf([yaml(hidden)], () => 'x'),
      undefined,
    );
    const documents = [yaml(policy), ...(environment ? [environment] : [])];
    assert.deepEqual(parse(documents).policy, parse([...documents].reverse()).policy);
  });

  it('that are not set, or empty, and have no default are an error at their place', () => {
    for (const variables of [{}, { APP_PORT: '' }]) {
      assert.deepEqual(brief(read(policy, variables)), ['4:9 environment.unset the variable APP_PORT is not set']);
    }
  });

  it('that are no number where one must stand are an error, and the only one of that place', () => {
    const found = read(policy, { APP_PORT: '1', PORT: '80a' });
    assert.deepEqual(brief(found), [
      '7:27 environment.wrong_type ${PORT:-8080} is "80a", and a whole number should stand here',
    ]);
  });

  it('whose value the field refuses are named', () => {
    const [problem] = read(policy, { APP_PORT: '1', PORT: '70000' }).problems;
    assert.match(problem?.message ?? '', /, from \$\{PORT:-8080\}$/);
    const [address] = read(policy, { APP_PORT: 'x' }).problems;
    assert.match(address?.message ?? '', /"127\.0\.0\.1:x" .*, from \$\{APP_HOST:-127\.0\.0\.1\}:\$\{APP_PORT\}$/);
  });

  it('may stand nowhere else, and their values are not told there', () => {
    const elsewhere = policy
      .replace('service: web }', 'service: "${NAME}" }')
      .replace('{ match: { cluster: edge }', '{ match: { cluster: "${FLEET:-edge}" }');
    const found = read(elsewhere, { APP_PORT: '1', NAME: 'hush-hush' });
    assert.deepEqual(
      found.problems.map(each => each.code),
      ['environment.not_here', 'environment.not_here'],
    );
    assert.doesNotMatch(JSON.stringify(found.problems), /hush-hush/);
    assert.match(found.problems[0]?.hint ?? '', /\$\$\{ for a plain \$\{/);
  });

  it('are not meant by $${, nor by what is no name', () => {
    const respond = 'respond: { status: 200, body: "$${HOME} ${1} ${a-b} $x" }';
    const text = policy.replace('to: [{ service: web }]', () => respond).replace('${APP_PORT}', '80');
    const { policy: made, problems } = read(text);
    assert.deepEqual(problems, []);
    assert.equal(made?.routes['web']?.rules[0]?.respond?.body, '${HOME} ${1} ${a-b} $x');
  });

  it('are not looked for in what modules export and the API says', () => {
    const value = { services: { web: { endpoints: [{ address: '${A}' }] } } };
    for (const [file, format] of [
      ['policy.ts', 'module'],
      ['api:services/web', 'json'],
    ] as const) {
      const { problems } = read({ file, format, text: JSON.stringify(value) }, { A: '10.0.0.1:1' });
      assert.deepEqual(
        problems.map(each => each.code),
        ['schema.invalid_address'],
      );
    }
  });

  it('are allowed by the JSON Schema where they may stand, and nowhere else', () => {
    const validate = new Ajv2020({ strict: false }).compile(policyJsonSchema());
    const good = { services: { web: { endpoints: [{ address: '${A}:${B:-1}', weight: '${W:-1}' }] } } };
    assert.ok(validate(good), JSON.stringify(validate.errors));
    const [endpoint] = good.services.web.endpoints;
    assert.ok(!validate({ services: { web: { endpoints: [{ ...endpoint, priority: '${P}' }] } } }));
    assert.ok(!validate({ services: { web: { endpoints: [{ ...endpoint, weight: 'many' }] } } }));
  });

  it('may stand in addresses, ports, hosts and weights alone', () => {
    const marked = listFields().filter(each => each.doc.placeholder !== undefined);
    for (const { path } of marked) assert.match(path, /\.(address|application|bind|hosts|port|weight)$/);
    assert.ok(marked.length > 12);
  });
});

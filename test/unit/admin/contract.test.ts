import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { errorsOf, families, roleOf } from '../../../src/admin/api/operation.ts';
import { operations } from '../../support/api-contract.ts';
import { AdminWorld } from './admin-world.ts';
import { backup, changed, exampleOf, examples, method, ready } from './examples.ts';

describe('the contract of the API', () => {
  it('a body that is no text is read as it is, also with a key that says that it is the same request', async () => {
    const world = ready({ url: '/api/v1/backup', raw: backup, prepare: changed });
    const headers = { 'idempotency-key': 'k' };
    const answer = await world.call('PUT', '/api/v1/backup', { raw: backup, headers });
    assert.equal(answer.status, 200, answer.text);
  });

  for (const operation of operations) {
    it(`${operation.id} answers as it declares`, async () => {
      const example = exampleOf(operation);
      const { url, body, raw, status = 200 } = example;
      const given = raw ? { raw } : body === undefined ? {} : { body };
      const answer = await ready(example).call(method(operation), url, given);
      assert.equal(answer.status, status, answer.text);
    });

    it(`${operation.id} refuses as it declares`, async () => {
      const example = exampleOf(operation);
      const world = ready(example);
      const { url, body } = example;
      const send = (headers: Readonly<Record<string, string>>, query = '', given = body) =>
        world.call(method(operation), `${url.replace(/\?.*$/, '')}${query}`, {
          headers,
          ...(given === undefined ? {} : { body: given }),
        });
      const open = roleOf(operation) === 'none';
      if (!open) {
        assert.equal((await send({ authorization: '' })).status, 401);
        assert.equal((await send({ host: 'evil.example' })).status, 403);
        assert.equal((await send({ 'sec-fetch-site': 'cross-site' })).status, 403);
      }
      if (operation.body) {
        assert.equal((await send({ 'content-type': 'text/plain' })).status, 415);
        assert.equal((await send({}, '', '{"half')).status, 400);
        assert.equal((await send({}, '', [])).status, 422);
      }
      if (operation.query && 'wait' in operation.query) {
        assert.equal((await send({}, '?wait=forever')).status, 400);
      }
    });
  }

  it('has an example of no operation that there is not', () => {
    assert.deepEqual(Object.keys(examples).toSorted(), operations.map(each => each.id).toSorted());
  });

  it('is served, and nothing else is', () => {
    const routes = new AdminWorld().app.routes
      .filter(each => each.method !== 'ALL')
      .map(each => `${each.method} ${each.path.replaceAll(/:(\w+)(?:\{[^}]*\})?/g, '{$1}')}`);
    const declared = operations.map(each => `${method(each)} ${each.path}`);
    assert.deepEqual([...new Set(routes)].sort(), declared.toSorted());
  });
});

interface Schema {
  readonly $ref?: string;
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
}
interface Documented {
  readonly operationId?: string;
  readonly summary?: string;
  readonly tags?: readonly string[];
  readonly security?: readonly unknown[];
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly description?: string }[];
  readonly responses: Readonly<Record<string, { readonly description?: string; readonly content?: object }>>;
}

describe('the OpenAPI document', async () => {
  const { json: document } = await new AdminWorld().call('GET', '/api/v1/openapi.json');
  const paths: Readonly<Record<string, Readonly<Record<string, Documented>>>> = document.paths;
  const schemas: Readonly<Record<string, Schema>> = document.components.schemas;
  const documented = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([verb, operation]) => ({ path, verb, operation })),
  );

  it('says of which version of the specification it is', () => {
    assert.equal(document.openapi, '3.1.0');
    assert.deepEqual(Object.keys(document.info).toSorted(), ['description', 'license', 'title', 'version']);
  });

  it('has every operation, with a name of its own and a summary', () => {
    assert.deepEqual(
      documented.map(({ verb, path }) => `${verb} ${path}`).toSorted(),
      operations.map(each => `${each.method} ${each.path}`).toSorted(),
    );
    const ids = documented.map(each => each.operation.operationId);
    assert.equal(new Set(ids).size, operations.length);
    for (const { operation } of documented) {
      assert.match(operation.summary ?? '', /^[A-Z].*[^.]$/, operation.operationId);
      assert.ok(
        operation.tags?.every(tag => tag in families),
        operation.operationId,
      );
      assert.ok(operation.security, operation.operationId);
    }
  });

  it('explains every parameter, and has all of a path', () => {
    for (const { path, operation } of documented) {
      const { parameters = [] } = operation;
      for (const each of parameters) assert.ok(each.description, `${operation.operationId} ${each.name}`);
      const inPath = parameters.filter(each => each.in === 'path').map(each => each.name);
      assert.deepEqual(inPath.toSorted(), [...path.matchAll(/\{(\w+)\}/g)].map(match => match[1]).toSorted(), path);
    }
  });

  it('explains every answer and every field', () => {
    for (const { operation } of documented) {
      for (const [status, each] of Object.entries(operation.responses)) {
        assert.ok(each.description, `${operation.operationId} ${status}`);
      }
    }
    for (const [name, schema] of Object.entries(schemas)) {
      assert.ok(schema.description, name);
      for (const [field, each] of Object.entries(schema.properties ?? {})) {
        assert.ok(each.description ?? each.$ref, `${name}.${field}`);
      }
    }
  });

  it('declares all errors, as problem+json', () => {
    for (const operation of operations) {
      const responses = paths[operation.path]?.[operation.method]?.responses ?? {};
      for (const status of Object.keys(errorsOf(operation))) {
        const declaredJson = operation.answers[Number(status)] !== undefined;
        const types = Object.keys(responses[status]?.content ?? {});
        assert.deepEqual(types, declaredJson ? ['application/json'] : ['application/problem+json'], operation.id);
      }
    }
  });

  it('refers to nothing that is not there', () => {
    const references = [...JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/([^"]+)"/g)];
    assert.ok(references.length > 20);
    for (const [, name = ''] of references) assert.ok(schemas[name], name);
    const used = new Set(references.map(([, name]) => name));
    for (const name of Object.keys(schemas)) assert.ok(used.has(name), `nothing refers to ${name}`);
  });
});

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { formatProblem } from '../../../src/base/problem.ts';
import { apiDocument, apiFile, apiResource } from '../../../src/policy/owner.ts';
import { type PolicyDocument, parse } from '../../../src/policy/parse.ts';
import { resourcesIn } from '../../../src/policy/read-document.ts';

const catalog = { kind: 'services', name: 'catalog' } as const;
const file: PolicyDocument = {
  file: 'policy.yaml',
  format: 'yaml',
  text: 'services:\n  catalog: { connectTimeout: 1s }\n',
};
const spec = { connectTimeout: '2s' };

describe('what the API owns', () => {
  it('is known by the name of its document', () => {
    const document = apiDocument(catalog, spec, false);
    assert.equal(document.file, 'api:services/catalog');
    assert.deepEqual(apiResource(document), catalog);
    assert.deepEqual(resourcesIn(document, [document])[0]?.raw, spec);
    assert.equal(apiResource(file), undefined);
    for (const name of ['api:services', 'api:things/a', 'api:services/', 'services/a']) {
      assert.equal(apiResource({ file: name, format: 'json' }), undefined, name);
    }
    assert.equal(apiResource({ file: apiFile(catalog), format: 'yaml' }), undefined);
    const odd = { kind: 'services', name: '../b' } as const;
    assert.deepEqual(apiResource(apiDocument(odd, spec, false)), odd, 'so that it is refused for its name');
  });

  it('has the same text for equal content', () => {
    const text = (value: unknown) => apiDocument(catalog, value, true).text;
    assert.equal(text({ a: 1, b: { c: [2], d: 3 } }), text({ b: { d: 3, c: [2] }, a: 1 }));
  });

  it('is an error beside the same of a file, which says how to mend it', () => {
    const { problems } = parse([apiDocument(catalog, spec, false), file]);
    assert.deepEqual(problems.map(formatProblem), [
      'policy.yaml:2:3: error policy.duplicate_name services.catalog: "catalog" is declared twice among the services: here and at api:services/catalog:3:5 (remove it here, or delete what was made by API: switchyard delete services/catalog)',
    ]);
  });

  it('holds in place of that of a file where it takes over, and the file is told', () => {
    const { policy, problems, sources } = parse([apiDocument(catalog, spec, true), file]);
    assert.deepEqual(problems.map(formatProblem), [
      'policy.yaml:2:3: warning policy.taken_over services.catalog: "catalog" of the services is without effect here: the API has taken it over (api:services/catalog) (remove it here, or give it back with: switchyard delete services/catalog)',
    ]);
    assert.equal(policy?.services['catalog']?.connectTimeout, 2000);
    assert.equal(sources.spanOf(['services', 'catalog', 'connectTimeout'])?.file, 'api:services/catalog');
  });

  it('is what no file can say of itself', () => {
    const text = '{"$takeOver":true,"services":{"catalog":{}}}';
    const [problem] = parse([{ file: 'a.json', format: 'json', text }]).problems;
    assert.equal(problem?.code, 'schema.unknown_key');
  });
});

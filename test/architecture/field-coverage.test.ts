import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { listFields } from '../../src/policy/fields.ts';
import { coveredFields } from '../support/covers.ts';
import { coverageMistakes, endToEndTests } from '../support/field-coverage.ts';

describe('every field of the policy', () => {
  it('is shown by an end-to-end test, or says why it cannot be seen', () => {
    assert.deepEqual(coverageMistakes(listFields(), endToEndTests()), []);
  });

  it('is missed when no test names it', () => {
    const tests = endToEndTests().map(({ file, text }) => ({
      file,
      text: text.replaceAll("'services.*.endpoints[].weight'", "'services.*.endpoints[].address'"),
    }));
    assert.match(
      coverageMistakes(listFields(), tests).join('\n'),
      /^services\.\*\.endpoints\[\]\.weight: no end-to-end/m,
    );
  });

  it('is named as it is spelled', () => {
    const tests = [{ file: 'x.test.ts', text: "\n  covers('services.*.wieght');" }];
    assert.match(
      coverageMistakes(listFields(), tests).join('\n'),
      /x\.test\.ts:2: the policy has no field services\.\*\.wieght/,
    );
  });

  it('does not both claim to be invisible and be seen', () => {
    const unseen = listFields().find(field => field.doc.unseen !== undefined);
    assert.ok(unseen);
    const tests = [{ file: 'x.test.ts', text: `covers('${unseen.path}')` }];
    assert.ok(coverageMistakes(listFields(), tests).some(each => each.startsWith(`${unseen.path}: a test shows it`)));
  });

  it('is collected from plain texts only', () => {
    assert.deepEqual(coveredFields("covers(\n  'a',\n  'b',\n);"), [
      { field: 'a', line: 1 },
      { field: 'b', line: 1 },
    ]);
    assert.throws(() => coveredFields('covers(`a`)'), /single quotes/);
    assert.throws(() => coveredFields("covers('a', ...more)"), /single quotes/);
  });
});

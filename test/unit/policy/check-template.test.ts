import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { checkTemplate } from '../../../src/policy/check-template.ts';
import { refusedTemplates, strictlyRefusedTemplates, takenTemplates } from '../../support/path-templates.ts';

test('templates that Envoy takes', () => {
  assert.deepEqual(
    takenTemplates.filter(template => checkTemplate(template) !== undefined),
    [],
  );
});

test('templates that are refused', () => {
  const wrong = [...refusedTemplates, ...strictlyRefusedTemplates].filter(
    template => checkTemplate(template) === undefined,
  );
  assert.deepEqual(wrong, []);
});

test('messages name the part that is wrong', () => {
  assert.match(checkTemplate('/files/a*')?.message ?? '', /"a\*" as a segment/);
  assert.match(checkTemplate('/{id}/{id}')?.message ?? '', /"id" twice/);
  assert.match(checkTemplate('/x//y')?.message ?? '', /empty segment/);
  assert.match(checkTemplate('/**/x/*')?.message ?? '', /after \*\*/);
});

test('never throws', () => {
  const piece = fc.constantFrom('/', '*', '**', '{', '}', '=', 'a', '.', '{a}', '{b=', 'é', '?');
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), parts => {
      checkTemplate(`/${parts.join('')}`);
    }),
    { numRuns: 2000 },
  );
});

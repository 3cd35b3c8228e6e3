import assert from 'node:assert/strict';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { findInconsistencies } from '../../src/snapshot/consistency.ts';
import { type ReadableSnapshot, readableResources } from '../../src/snapshot/readable.ts';
import { translate } from '../../src/translate/translate.ts';
import { fleetsOf, type GoldenCase, goldenCases } from '../support/golden-case.ts';

/**
 * Text in, text out: `policy.yaml` of each folder becomes `expected.json`, all that is selected of all fleets.
 * `UPDATE_GOLDEN=1` writes what comes out; read it before committing it.
 */
const update = process.env['UPDATE_GOLDEN'] === '1';

describe('golden', () => {
  const cases = goldenCases();
  it('has cases', () => assert.ok(cases.length > 0));
  for (const each of cases) it(each.name, () => compare(each));
});

function compare(each: GoldenCase): void {
  const fleets = fleetsOf(each).map(fleet => {
    const resources = translate(fleet);
    assert.deepEqual(findInconsistencies(resources), []);
    return [fleet.key, pick(readableResources(resources), each.select)] as const;
  });
  const text = `${JSON.stringify(Object.fromEntries(fleets), null, 2)}\n`;
  const file = join(each.folder, 'expected.json');
  if (update && (!existsSync(file) || readFileSync(file, 'utf8') !== text)) writeFileSync(file, text);
  assert.deepEqual(JSON.parse(text), JSON.parse(readFileSync(file, 'utf8')));
  assert.equal(text, readFileSync(file, 'utf8'));
}

function pick(everything: ReadableSnapshot, select: readonly string[] | undefined): unknown {
  if (!select) return everything;
  const picked = select.flatMap(selector => {
    const [, kind = '', name, field] = /^(\w+)\/([^#]+)(?:#(.+))?$/.exec(selector) ?? [];
    const list = (everything as unknown as Record<string, readonly Record<string, unknown>[]>)[kind];
    assert.ok(list, `"${selector}" is not KIND/NAME or KIND/NAME#FIELD`);
    const found = list.find(message => (message['name'] ?? message['cluster_name']) === name);
    return found ? [[selector, field === undefined ? found : (found[field] ?? null)]] : [];
  });
  return Object.fromEntries(picked);
}

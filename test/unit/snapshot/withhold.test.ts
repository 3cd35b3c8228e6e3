import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withhold } from '../../../src/snapshot/withhold.ts';
import { snapshot, urls } from '../../support/xds-fixtures.ts';

test('the same contents withheld from several clients give one set, however many others were withheld before', () => {
  const names = Array.from({ length: 600 }, (_, index) => `c${index}`);
  const published = snapshot('f', { CDS: Object.fromEntries(names.map(name => [name, '1'])) });
  const without = (name: string) => {
    const withheld = { typeUrl: urls.CDS, name, version: '1', instead: undefined };
    return withhold(published, [withheld], () => undefined, { quietly: true }).types.get(urls.CDS);
  };
  for (const name of names) without(name);
  const set = without('c599');
  assert.equal(set?.resources.size, 599);
  assert.equal(without('c599'), set);
});

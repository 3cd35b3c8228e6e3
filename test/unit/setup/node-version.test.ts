import assert from 'node:assert/strict';
import { test } from 'node:test';
import { atLeastMinor, satisfies } from '../../../setup/node-version.mjs';

const engines = '^24.11 || >=26';

test('the versions that engines names are taken', () => {
  for (const version of ['v24.11.0', 'v24.21.0', 'v26.0.0', '26.1.3', 'v27.0.0', 'v26.0.0-nightly20260101']) {
    assert.equal(satisfies(version, engines), true, version);
  }
});

test('older ones, odd ones and nonsense are not', () => {
  for (const version of ['v18.20.0', 'v20.20.2', 'v24.10.9', 'v25.9.0', 'v24', '', 'next']) {
    assert.equal(satisfies(version, engines), false, version);
  }
});

test('a range of another form is never satisfied', () => {
  assert.equal(satisfies('v24.11.0', '24.x'), false);
  assert.equal(satisfies('v24.11.0', '~24.11'), false);
});

test('a patch behind the pinned one is new enough, a minor behind is not', () => {
  assert.equal(atLeastMinor('1.40.0', '1.40.2'), true);
  assert.equal(atLeastMinor('1.41.0', '1.40.2'), true);
  assert.equal(atLeastMinor('2.0.0', '1.40.2'), true);
  assert.equal(atLeastMinor('1.39.9', '1.40.0'), false);
  assert.equal(atLeastMinor('', '1.40.0'), false);
});

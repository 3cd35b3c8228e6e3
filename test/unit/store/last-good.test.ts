import assert from 'node:assert/strict';
import { mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { it } from 'node:test';
import { LastGoodCopy } from '../../../src/store/last-good.ts';
import type { Revision } from '../../../src/store/store.ts';
import { revisionOf } from '../../support/store-contract.ts';
import { temporaryDirectory } from '../../support/temporary.ts';

it('P3: a copy whose first write was cut off after one of its files can be read', () => {
  const directory = temporaryDirectory();
  const copy = new LastGoodCopy(directory);
  const revision: Revision = { ...revisionOf('first\n'), what: 'all', number: 1, kind: 'declared', overrides: [] };
  const state = { revision, last: 1, overrides: [], quarantines: [], resolvedNames: new Map() };
  const written = { sequence: 1, at: 1000, state };
  mkdirSync(join(copy.policyFile, 'in-the-way'), { recursive: true });
  assert.throws(() => copy.write(written));
  rmSync(copy.policyFile, { recursive: true });
  const cut = new LastGoodCopy(directory).read();
  assert.ok(cut !== undefined && cut !== 'damaged', 'the policy is never there without a state');
  assert.equal(cut.state.revision, undefined);
  copy.write(written);
  const whole = new LastGoodCopy(directory).read();
  assert.ok(whole !== undefined && whole !== 'damaged');
  assert.deepEqual(whole.state.revision?.documents, revision.documents);
});

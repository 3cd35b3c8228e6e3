// Writes revisions and overrides as fast as it can and prints the number of each once it is acknowledged.
import { writeSync } from 'node:fs';
import { openSqliteStore } from '../../../src/store/sqlite.ts';
import { drainOf, revisionOf } from '../../support/store-contract.ts';

const store = openSqliteStore({ directory: process.argv[2]!, now: Date.now, report: text => console.error(text) });
for (let n = (store.latestRevision()?.number ?? 0) + 1; ; n++) {
  const { number } = store.acceptRevision(revisionOf(`n: ${n}`));
  writeSync(1, `revision ${number}\n`);
  store.putOverride(drainOf(`10.0.0.1:${(n % 50) + 1}`));
  store.changeResolvedNames(new Map([['counter', [String(n)]]]));
  writeSync(1, `name ${n}\n`);
}

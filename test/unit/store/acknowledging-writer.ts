// Writes revisions and overrides as fast as it can and prints the number of each once it is acknowledged.
import { writeSync } from 'node:fs';
import { openSqliteStore } from '../../../src/store/sqlite.ts';
import { drainOf, put, revisionOf } from '../../support/store-contract.ts';

const store = openSqliteStore({ directory: process.argv[2]!, now: Date.now, report: text => console.error(text) });
for (let n = Number(store.latestRevision()?.documents[0]?.text.slice(3) ?? 0) + 1; ; n++) {
  store.acceptRevision(revisionOf(`n: ${n}`));
  writeSync(1, `revision ${n}\n`);
  put(store, drainOf(`10.0.0.1:${(n % 50) + 1}`));
  store.changeResolvedNames(new Map([['counter', [String(n)]]]));
  writeSync(1, `name ${n}\n`);
}

// Writes all that can be written as fast as it can, and prints the number of each once it is acknowledged.
import { writeSync } from 'node:fs';
import { Tokens } from '../../../src/access/tokens.ts';
import { openSqliteStore } from '../../../src/store/sqlite.ts';
import { answerOf, countIn, kept, parts, tokensKept } from './killed-state.ts';

const directory = process.argv[2]!;
const report = (text: string) => void writeSync(2, `${text}\n`);
const store = openSqliteStore({ directory, now: Date.now, report, retention: { revisions: kept } });
const tokens = new Tokens({ directory, adminToken: 'first' });
const done = (what: string, n: number) => void writeSync(1, `${what} ${n}\n`);

done('ready', 0);
for (let n = countIn(store) + 1; ; n++) {
  const about = { at: n, author: 'ada', source: 'api', reason: '' } as const;
  const documents = parts.map(file => ({ file, format: 'yaml' as const, text: `n: ${n}` }));
  const { number } = store.acceptRevision({ ...about, documents });
  done('transaction', n);
  const put = ['10.0.0.1:80', '10.0.0.2:80'].map(address => {
    return { kind: 'endpoint', service: 'catalog', address, state: 'draining', by: 'ada', since: n } as const;
  });
  store.changeOverrides({ put, end: [] }, { ...about, what: 'drained' });
  done('override', n);
  store.changeResolvedNames(new Map([['counter', [String(n)]]]));
  done('name', n);
  store.keepAnswer(answerOf(n), [answerOf(n - kept).key]);
  done('answer', n);
  tokens.create({ name: `t${n}`, role: 'viewer', createdBy: 'test' });
  tokens.revoke(`t${n - tokensKept}`);
  done('token', n);
  if (n % 3 === 0) store.pin(number, { by: 'ada', at: n });
  if (n % 3 === 0) store.pin(number - 6, undefined);
  store.setFreeze({ by: String(n), since: n, revision: number, overrides: [], quarantines: [], resolvedNames: {} });
  done('freeze', n);
  const typeUrl = 'type.googleapis.com/envoy.config.cluster.v3.Cluster';
  const of = { fleet: 'edge', typeUrl, name: 'catalog', version: '1', message: 'no', proxies: [], lastGood: [] };
  store.putQuarantine({ ...of, since: n });
  done('quarantine', n);
}

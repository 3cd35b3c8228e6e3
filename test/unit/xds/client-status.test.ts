import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode, encode } from '../../../proto/codec.ts';
import type { TypeStatus } from '../../../src/fleet/proxy.ts';
import { Board } from '../../../src/snapshot/board.ts';
import type { Snapshot } from '../../../src/snapshot/snapshot.ts';
import { withhold } from '../../../src/snapshot/withhold.ts';
import { ClientStatusAnswers, type ClientStatusLimits, type ClientViews } from '../../../src/xds/client-status.ts';
import { publication, snapshot, testNode, urls } from '../../support/xds-fixtures.ts';

type View = ReturnType<ClientViews['proxies']>[number];

const limits: ClientStatusLimits = { answer: 1_000_000, underWay: 8, bytes: 1_000_000, matchers: 10 };
const request = (bare = false, matchers = 0) =>
  encode('envoy.service.status.v3.ClientStatusRequest', {
    exclude_resource_contents: bare,
    node_matchers: Array.from({ length: matchers }, () => ({ node_id: { prefix: 'n' } })),
  });

const type = (typeUrl: string, acked: string | undefined, state: TypeStatus['state'] = 'synced') =>
  ({ typeUrl, state, sent: acked, acked, rejection: undefined }) as const;

function view(id: string, types: readonly TypeStatus[], withheld?: View['withheld']): View {
  return {
    node: { ...testNode, id },
    variant: 'sotw',
    assignment: { kind: 'assigned', key: 'f' },
    types: new Map(types.map(each => [each.typeUrl, each])),
    withheld,
  };
}

function served(published: Snapshot, views: readonly View[], more: Partial<ClientStatusLimits> = {}) {
  const board = new Board();
  board.publish(publication(published));
  return new ClientStatusAnswers(board, { proxies: () => views }, { ...limits, ...more });
}

const big = snapshot('f', { CDS: { a: 'x'.repeat(1000), b: '1' } });
const clusters = big.types.get(urls.CDS)!;
const synced = Array.from({ length: 5 }, (_, index) => view(`n${index}`, [type(urls.CDS, clusters.version)]));

async function statuses(answers: ClientStatusAnswers): Promise<Readonly<Record<string, string | undefined>>> {
  const { outcome, left } = await answers.answer(request(true));
  left();
  assert.ok(outcome.kind === 'answer', JSON.stringify(outcome));
  const { config = [] } = decode('envoy.service.status.v3.ClientStatusResponse', outcome.message);
  return Object.fromEntries((config[0]?.generic_xds_configs ?? []).map(each => [each.name, each.config_status]));
}

test('CSDS, P7: a set is written once for all that have come as far with it, contents included', async () => {
  const answers = served(big, synced);
  const bytes = new Set<string>();
  for (let call = 0; call < 3; call++) {
    const { outcome, left } = await answers.answer(request());
    left();
    assert.ok(outcome.kind === 'answer');
    bytes.add(outcome.message.toString('latin1'));
  }
  assert.equal(bytes.size, 1);
  assert.equal(answers.written, big.types.size);
});

test('CSDS, P7: between two nodes others have their turn', async () => {
  let turns = 0;
  const count = (): void => {
    turns++;
    next = setImmediate(count);
  };
  let next = setImmediate(count);
  await served(big, synced).answer(request());
  clearImmediate(next);
  assert.ok(turns >= synced.length - 1, `${turns} turns`);
});

test('CSDS, P7, P22: others have their turn while it is found out who may be shown, of those who are asked for alone', async () => {
  const board = new Board();
  let inTurn = 0;
  let most = 0;
  let all = 0;
  const assign = (node: View['node']) => {
    inTurn++;
    all++;
    const why = node.certificate?.hosts[0] ?? '';
    return { kind: 'refused', fleet: 'f', why } as const;
  };
  board.publish({ snapshots: new Map(), assign });
  const named = (host: string) => ({ uris: [], hosts: [host] });
  const views = Array.from({ length: 100 }, (_, index) => {
    const each = view(`${index < 50 ? 'n' : 'x'}${index}`, []);
    return { ...each, node: { ...each.node, certificate: named('other') } };
  });
  const count = (): void => {
    most = Math.max(most, inTurn);
    inTurn = 0;
    next = setImmediate(count);
  };
  let next = setImmediate(count);
  const answers = new ClientStatusAnswers(board, { proxies: () => views }, limits);
  const { outcome } = await answers.answer(request(true, 1), named('own'));
  clearImmediate(next);
  most = Math.max(most, inTurn);
  assert.ok(outcome.kind === 'answer' && outcome.message.length === 0);
  assert.equal(all, 2 * 50);
  assert.ok(most <= 2 * 16, `${most} in one turn`);
});

test('CSDS, P7: more answers than may be under way are refused, until one has left', async () => {
  const answers = served(big, synced, { underWay: 2 });
  const [one, two, three] = await Promise.all([1, 2, 3].map(() => answers.answer(request())));
  assert.deepEqual([one?.outcome.kind, two?.outcome.kind], ['answer', 'answer']);
  assert.ok(three?.outcome.kind === 'refused');
  assert.equal(three.outcome.code, 'RESOURCE_EXHAUSTED');
  assert.match(three.outcome.why, /2 answers are under way/);
  one?.left();
  one?.left();
  assert.equal((await answers.answer(request())).outcome.kind, 'answer');
  assert.equal((await answers.answer(request())).outcome.kind, 'refused', 'one has left once');
});

test('CSDS, P7: so are more bytes than may be under way, but one answer alone may be long', async () => {
  const answers = served(big, synced.slice(0, 1), { bytes: 500 });
  const one = await answers.answer(request());
  assert.equal(one.outcome.kind, 'answer');
  const two = await answers.answer(request());
  assert.ok(two.outcome.kind === 'refused');
  assert.equal(two.outcome.code, 'RESOURCE_EXHAUSTED');
  assert.match(two.outcome.why, /more than 500 bytes are under way: try again, or ask for fewer clients/);
  one.left();
  assert.equal((await answers.answer(request())).outcome.kind, 'answer');
});

test('CSDS, P7: an answer about several clients is of a bounded length, and so is a request', async () => {
  const long = await served(big, synced, { answer: 2000 }).answer(request());
  assert.ok(long.outcome.kind === 'refused');
  assert.match(long.outcome.why, /longer than 2000 bytes: .*exclude_resource_contents/);
  const asked = await served(big, synced).answer(request(true, 11));
  assert.ok(asked.outcome.kind === 'refused');
  assert.equal(asked.outcome.code, 'INVALID_ARGUMENT');
});

test('CSDS, R42: who rejects something holds the rest only once it has acknowledged it', async () => {
  const before = snapshot('f', { LDS: { bad: '1', good: '1' } });
  const after = snapshot('f', { LDS: { bad: '1', good: '2' } });
  const bad = { typeUrl: urls.LDS, name: 'bad', version: '1' };
  const held = (of: Snapshot) =>
    withhold(of, [{ ...bad, instead: undefined }], () => undefined, { quietly: true }).types.get(urls.LDS)?.version;
  const withheld = { rejects: [{ ...bad, code: 13, message: 'no', instead: undefined, at: 0 }], suspects: [] };
  const listeners = (acked: string | undefined) => view('n', [type(urls.LDS, acked)], withheld);
  const waiting = served(after, [listeners(held(before))]);
  assert.deepEqual(await statuses(waiting), { bad: 'ERROR', good: 'STALE' });
  assert.deepEqual(await statuses(served(after, [listeners(held(after))])), { bad: 'ERROR', good: 'SYNCED' });
});

test('CSDS, R42: what went back to its last good content is not SYNCED', async () => {
  const after = snapshot('f', { LDS: { bad: '1', user: '2', other: '2' } });
  const [old] = snapshot('f', { LDS: { user: '1' } })
    .types.get(urls.LDS)!
    .resources.values();
  const withheld = [
    { typeUrl: urls.LDS, name: 'bad', version: '1', instead: undefined },
    { typeUrl: urls.LDS, name: 'user', version: '2', instead: old },
  ];
  const made = withhold(after, withheld, () => undefined, { quietly: true });
  const rejects = [{ ...withheld[0]!, code: 13, message: 'no', instead: undefined, at: 0 }];
  const client = view('n', [type(urls.LDS, made.types.get(urls.LDS)?.version)], { rejects, suspects: [] });
  assert.deepEqual(await statuses(served(after, [client])), { bad: 'ERROR', other: 'SYNCED', user: 'STALE' });
});

import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import type { PolicyReply } from '../../src/admin/api.ts';
import { readToken } from '../../src/admin/auth.ts';
import { seeded } from '../protocol/seeded.ts';
import { Chance } from '../support/chance.ts';
import { until } from '../support/until.ts';
import { edgePolicy, World } from '../support/world.ts';

/** Kills of a store's writer are many and cheap (see the store's tests); of a whole server there is one for fifty of them. */
const { seed, numRuns } = seeded(100);
const rounds = Math.ceil(numRuns / 50);
const chance = new Chance(seed);

const world = new World();
after(() => world.close());

const endpoint = '10.0.0.1:80';
const port = await world.port();
await world.start(
  edgePolicy(port, {
    services: { app: { endpoints: [{ address: endpoint }, { address: '10.0.0.2:80' }] } },
    rules: [{ name: 'all', to: [{ service: 'app' }] }],
  }),
  [],
);

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly body?: unknown;
  readonly key?: string;
}

/** @returns undefined when the server went away before it had answered. */
async function send({ method, path, body, key }: Asked) {
  const headers = {
    authorization: `Bearer ${readToken(world.dataFolder)}`,
    'content-type': 'application/json',
    ...(key === undefined ? {} : { 'idempotency-key': key }),
  };
  try {
    const response = await fetch(`http://127.0.0.1:${world.plane.adminPort}${path}`, {
      method,
      headers,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal: AbortSignal.timeout(60_000),
    });
    const text = await response.text();
    return { status: response.status, text, replayed: response.headers.get('idempotency-replayed') };
  } catch {
    return undefined;
  }
}

const put = (name: string, n: number) => {
  return { action: 'put', kind: 'services', name, spec: { endpoints: [{ address: `10.1.0.1:${n}` }] } };
};
const requests = {
  override: (n: number): Asked => ({
    method: 'PATCH',
    path: `/api/v1/services/app/endpoints/${encodeURIComponent(endpoint)}`,
    body: { weight: n },
  }),
  resource: (n: number): Asked => ({ method: 'PUT', path: '/api/v1/services/single', body: put('', n).spec }),
  transaction: (n: number): Asked => ({
    method: 'POST',
    path: '/api/v1/transactions',
    body: { changes: [put('one', n), put('two', n)] },
  }),
  keyed: (n: number): Asked => ({
    method: 'POST',
    path: '/api/v1/transactions',
    body: { changes: [put('keyed', n)] },
    key: `key ${n}`,
  }),
  token: (n: number): Asked => ({
    method: 'POST',
    path: '/api/v1/tokens',
    body: { name: `t${n}`, role: 'viewer' },
  }),
};
type What = keyof typeof requests;
const kinds = Object.keys(requests) as What[];

interface Answered {
  readonly n: number;
  readonly text: string;
}
/** What was answered last, and what was sent after that and never answered. */
const answered = new Map<What, Answered>();
const sent = new Map<What, number>();

async function writeOn(what: What, ended: AbortSignal): Promise<void> {
  while (!ended.aborted) {
    const n = (sent.get(what) ?? 0) + 1;
    const answer = await send(requests[what](n));
    sent.set(what, n);
    if (!answer) return;
    assert.ok(answer.status < 300, `${what} ${n}: ${answer.status} ${answer.text}`);
    answered.set(what, { n, text: answer.text });
  }
}

/** That what is there now was answered last, or was under way. */
function between(what: What, found: number | undefined): void {
  const [least, most] = [answered.get(what)?.n ?? 0, sent.get(what) ?? 0];
  assert.ok(found !== undefined && found >= least && found <= most, `${what}: ${found}, not ${least} to ${most}`);
}

async function portOf(service: string): Promise<number> {
  const { body } = await world.plane.api<{ spec: { endpoints: [{ address: string }] } }>(
    'GET',
    `/api/v1/services/${service}`,
  );
  return Number(body.spec.endpoints[0].address.split(':')[1]);
}

async function check(): Promise<void> {
  const { body } = await world.plane.api<PolicyReply>('GET', '/api/v1/policy');
  between('override', body.overrides.find(each => each.target.endsWith(endpoint))?.weight);
  between('resource', await portOf('single'));
  const [one, two] = [await portOf('one'), await portOf('two')];
  assert.equal(one, two, 'no half of a transaction');
  between('transaction', one);
  between('keyed', await portOf('keyed'));
  const key = answered.get('keyed');
  if (key) {
    const again = await send(requests.keyed(key.n));
    assert.deepEqual([again?.text, again?.replayed], [key.text, 'true'], 'it is not carried out again');
  }
  const tokens = await world.plane.api<{ tokens: readonly { name: string }[] }>('GET', '/api/v1/tokens');
  const names = tokens.body.tokens.map(each => Number(each.name.slice(1)));
  between('token', Math.max(...names));
}

describe('a server that is killed while it is written to (P3)', () => {
  it(`loses nothing that it has answered, ${rounds} times`, { timeout: 60_000 + rounds * 60_000 }, async context => {
    for (let round = 0; round < rounds; round++) {
      const ended = new AbortController();
      const writers = kinds.map(what => writeOn(what, ended.signal));
      const count = (what: What) => answered.get(what)?.n ?? 0;
      const before = new Map(kinds.map(what => [what, count(what)]));
      await until('each kind of write was answered', () => kinds.every(what => count(what) > (before.get(what) ?? 0)));
      await pause(chance.below(300));
      const killing = world.plane.stop('SIGKILL');
      ended.abort();
      await Promise.all([killing, ...writers]);
      await world.plane.start();
      await check();
      assert.doesNotMatch(world.plane.output, /the store is damaged/);
    }
    context.diagnostic(`${rounds} kills; ${[...answered].map(([what, { n }]) => `${what} ${n}`).join(', ')}`);
  });
});

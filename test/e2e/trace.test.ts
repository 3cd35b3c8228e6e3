import assert from 'node:assert/strict';
import { randomInt } from 'node:crypto';
import { after, before, describe, it } from 'node:test';
import type { Listener } from '../../proto/gen/envoy.config.listener.v3.ts';
import type { RouteConfiguration } from '../../proto/gen/envoy.config.route.v3.ts';
import { servedTypes } from '../../src/base/resource.ts';
import type { Outcome } from '../../src/trace/outcome.ts';
import type { TracedRequest } from '../../src/trace/request.ts';
import { type Trace, trace } from '../../src/trace/trace.ts';
import { type Backend, startBackend } from '../support/backend.ts';
import { Chance } from '../support/chance.ts';
import type { Answer } from '../support/client.ts';
import { type RandomRequest, randomRequest, randomRoutes } from '../support/random-routes.ts';
import { type StaticEnvoy, startStaticEnvoy } from '../support/static-envoy.ts';

const seed = Number(process.env['SEED'] ?? randomInt(1_000_000));
const policies = Number(process.env['RUNS'] ?? 8);
const requests = 400;

describe(`what trace says of ${policies * requests} requests, and what a real Envoy does, seed ${seed}`, () => {
  const chance = new Chance(seed);
  let backends: readonly [Backend, Backend, Backend];
  before(async () => {
    const [one, two, three] = ['one', 'two', 'three'].map(name => startBackend({ name }));
    assert.ok(one && two && three);
    backends = [await one, await two, await three];
  });
  after(() => Promise.all(backends.map(each => each[Symbol.asyncDispose]())));

  for (let round = 1; round <= policies; round += 1) {
    it(`agrees on policy ${round}`, async () => {
      await using envoy = await startRandom(chance, backends);
      const kinds = new Set<string>();
      for (let index = 0; index < requests; index += 1) {
        const request = randomRequest(chance);
        const said = traceAt(envoy, request);
        const answer = await envoy.ask(request.path, request);
        assert.deepEqual(seenIn(answer, said.outcome), expected(said), JSON.stringify({ request, said }, undefined, 2));
        kinds.add(said.outcome.kind);
      }
      assert.ok(kinds.size > 1, `all requests came to the same end: ${[...kinds].join()}`);
    });
  }
});

/** Policies that have mistakes, such as the same rule twice, are not counted. */
async function startRandom(
  chance: Chance,
  [one, two, three]: readonly [Backend, Backend, Backend],
): Promise<StaticEnvoy> {
  for (let tries = 0; ; tries += 1) {
    try {
      return await startStaticEnvoy(randomRoutes(chance, [one.address, two.address], three.address));
    } catch (error) {
      if (tries === 100 || !/^error /m.test((error as Error).message)) throw error;
    }
  }
}

function traceAt({ resources, port }: StaticEnvoy, { method, host, path, headers }: RandomRequest): Trace {
  const listener = resources.find(each => each.type === servedTypes.listener);
  const table = (name: string) =>
    resources.find(each => each.type === servedTypes.route && each.name === name)?.message as RouteConfiguration;
  assert.ok(listener && port > 0);
  const lines = Object.entries(headers).flatMap(([name, value]) =>
    [value].flat().map((each): readonly [string, string] => [name, each]),
  );
  const request: TracedRequest = { method, host, path, headers: lines };
  return trace(listener.message as Listener, table, request);
}

/** What can be seen of an outcome from outside. */
interface Visible {
  readonly status: number;
  readonly route: string | undefined;
  readonly location?: string | undefined;
  readonly path?: string | undefined;
  readonly host?: string | undefined;
}

function expected({ route: at, outcome }: Trace): Visible {
  const route = at?.name;
  switch (outcome.kind) {
    case 'forward':
      return { status: 200, route, path: outcome.path, host: outcome.host };
    case 'redirect':
      return { status: outcome.status, route, location: outcome.location };
    case 'respond':
      return { status: outcome.status, route };
    case 'unrouted':
      return {
        status: outcome.status,
        route,
        ...(outcome.location === undefined ? {} : { location: outcome.location }),
      };
    case 'connection':
      throw new Error('there is no such listener');
  }
}

function seenIn(answer: Answer, said: Outcome): Visible {
  const route = answer.headers['x-route'] as string | undefined;
  const { location } = answer.headers;
  const cluster = answer.headers['x-cluster'];
  if (said.kind === 'forward' && answer.by !== '-') {
    const offered = said.destinations.filter(each => each.weight > 0).map(each => each.cluster);
    assert.ok(offered.includes(String(cluster)), `${cluster} is none of ${offered.join()}`);
  }
  const seen = answer.by === '-' ? {} : { path: answer.seen().url, host: answer.seen().headers.host };
  return { status: answer.status, route, ...seen, ...(location === undefined ? {} : { location }) };
}

import assert from 'node:assert/strict';
import { it } from 'node:test';
import type { Listener } from '../../../proto/gen/envoy.config.listener.v3.ts';
import type { Route, RouteConfiguration } from '../../../proto/gen/envoy.config.route.v3.ts';
import { finishedInTurns } from '../../../src/admin/turns.ts';
import { tracedRequest } from '../../../src/trace/question.ts';
import { traceReport, traceReportSteps } from '../../../src/trace/report.ts';

const request = tracedRequest({ host: 'shop.test', path: '/cart', port: undefined }, 'GET', {});

function fleetOf(routes: readonly Route[]) {
  const manager = {
    '@type': 'type.googleapis.com/envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
    rds: { route_config_name: 'shop' },
  };
  const listener: Listener = {
    name: 'public',
    filter_chains: [{ filters: [{ name: 'http', typed_config: manager }] }],
  };
  const table: RouteConfiguration = { virtual_hosts: [{ name: 'shop', domains: ['*'], routes: [...routes] }] };
  return { listeners: [listener], table: () => table };
}

const routes = (count: number, match: (index: number) => Route['match']): readonly Route[] =>
  Array.from({ length: count }, (_, index) => ({
    name: `r${index}`,
    match: match(index),
    direct_response: { status: 200 },
  }));

/** Turns that others had until it was done. */
async function turnsOf(fleet: ReturnType<typeof fleetOf>): Promise<number> {
  let turns = 0;
  let done = false;
  const look = (): void => {
    turns += 1;
    if (!done) setImmediate(look);
  };
  setImmediate(look);
  assert.deepEqual(await finishedInTurns(traceReportSteps(fleet, { request })), traceReport(fleet, { request }));
  done = true;
  return turns;
}

it('a trace of very many routes leaves turns to others, more where expressions are to be read', async () => {
  const plain = await turnsOf(fleetOf(routes(1000, index => ({ path: `/${index}` }))));
  assert.ok(plain >= 3, `${plain} turns`);
  const read = await turnsOf(fleetOf(routes(1000, index => ({ safe_regex: { regex: `/${index}[a-z]` } }))));
  assert.ok(read >= 150, `${read} turns`);
  assert.ok((await turnsOf(fleetOf(routes(3, index => ({ path: `/${index}` }))))) <= 1);
});

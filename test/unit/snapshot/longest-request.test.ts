import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Resource } from '../../../src/base/resource.ts';
import { longestRequest } from '../../../src/snapshot/longest-request.ts';
import { cluster, routeTable } from './resources.ts';

function table(...timeouts: readonly (string | undefined)[]): Resource {
  const routes = timeouts.map(timeout => ({
    match: { prefix: '/' },
    route: { cluster: 'a', ...(timeout && { timeout }) },
  }));
  return {
    ...routeTable('table'),
    message: { name: 'table', virtual_hosts: [{ name: 'all', domains: ['*'], routes }] },
  };
}

describe('longestRequest', () => {
  it('R37a: is the longest time limit of all routes', () => {
    assert.equal(longestRequest([table('0.250s', '3s'), table('2s'), cluster('a')]), 3000);
  });

  it("R37a: takes Envoy's own limit where a route sets none", () => {
    assert.equal(longestRequest([table('3s', undefined)]), 15_000);
  });

  it('R37a: is without end where one has no limit', () => {
    assert.equal(longestRequest([table('3s', '0s')]), Number.POSITIVE_INFINITY);
  });

  it('is nothing where nothing is routed', () => {
    assert.equal(longestRequest([cluster('a'), routeTable('empty')]), 0);
    const redirect = { match: { prefix: '/' }, redirect: { path_redirect: '/there' } };
    const message = { name: 'table', virtual_hosts: [{ name: 'all', domains: ['*'], routes: [redirect] }] };
    assert.equal(longestRequest([{ ...routeTable('table'), message }]), 0);
  });
});

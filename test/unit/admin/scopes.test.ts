import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isWriting } from '../../../src/admin/api/operation.ts';
import type { EndpointHealthRow } from '../../../src/admin/api.ts';
import { operations } from '../../support/api-contract.ts';
import { AdminWorld } from './admin-world.ts';

const edge = { kind: 'assigned', key: 'edge' } as const;

/** Reads of what a fleet holds or does: how the answer shows that it is about fleet `edge`. */
const confined: Readonly<Record<string, { readonly url: string; readonly body?: object; readonly shows: RegExp }>> = {
  readMetrics: { url: '/metrics', shows: /fleet="edge"/ },
  listProxies: { url: '/api/v1/proxies', shows: /edge-1/ },
  readProxyConfig: { url: '/api/v1/proxies/edge-1/config', shows: /"catalog@v1"/ },
  proxyHistory: { url: '/api/v1/proxies/edge-1/history', shows: /"fleet":"edge"/ },
  readHistory: { url: '/api/v1/history', shows: /"edge"/ },
  listQuarantines: { url: '/api/v1/quarantines', shows: /"fleet":"edge"/ },
  listEvents: { url: '/api/v1/events', shows: /edge-1/ },
  readPolicy: { url: '/api/v1/policy', shows: /"key":"edge"|"fleet":"edge"/ },
  readSnapshot: { url: '/api/v1/fleets/edge/snapshot', shows: /"catalog@v1"/ },
  diffRevisions: { url: '/api/v1/revisions/7/diff/7', shows: /"fleet":"edge"/ },
  readEndpointHealth: { url: '/api/v1/endpoint-health?service=catalog', shows: /10\.0\.0\.1:8080|edge-1/ },
  traceRequest: { url: '/api/v1/trace', body: { url: 'http://shop:8000/old' }, shows: /"fleet":"edge"/ },
  readFleet: { url: '/api/v1/fleets/edge', shows: /"name":"edge"/ },
  readBackup: { url: '/api/v1/backup', shows: /^.{20}/s },
};

/** Reads that are about no fleet's content, and what they are about. */
const others: Readonly<Record<string, string>> = {
  readHealth: 'the process',
  readReadiness: 'the process',
  readDocument: 'the API',
  readDocsPage: 'the API',
  readDocsScript: 'the API',
  readDocsStyle: 'the API',
  readServer: 'the process',
  readLogLevel: 'the process',
  listTokens: 'who may call',
  listAudit: 'what was asked for',
  readFreeze: 'the policy: which changes wait',
  listRevisions: 'the policy',
  readRevision: 'the policy',
  readWeights: 'the policy',
  readEndpointWeights: 'the policy',
  listServices: 'the policy',
  readService: 'the policy',
  listGateways: 'the policy',
  readGateway: 'the policy',
  listRoutes: 'the policy',
  readRoute: 'the policy',
  listFleets: 'the policy',
};

function world(): AdminWorld {
  const made = new AdminWorld();
  made.accept();
  made.accept([], [made.quarantine('Cluster', 'catalog@v2')]);
  made.connect(1, 'edge-1', edge);
  made.events.add({ type: 'connected', message: 'edge-1 has connected', proxy: 'edge-1', fleet: 'edge' });
  // One revision is rebuilt to nothing, so that there is a difference.
  const all = made.control.accepted?.snapshots ?? new Map();
  let turn = 0;
  Object.assign(made.control.revisions, { rebuilt: () => ({ snapshots: turn++ % 2 === 0 ? new Map() : all }) });
  return made;
}

/** Headers of an admin who is confined to a fleet. */
function confinedTo(made: AdminWorld, fleet: string) {
  const outcome = made.tokens.create({ name: fleet, role: 'admin', createdBy: 'admin', fleets: [fleet] });
  return { authorization: `Bearer ${outcome.kind === 'created' ? outcome.token : ''}` };
}

describe('the scope of a token over all operations', () => {
  it('is said for every operation that reads', () => {
    const reads = operations.filter(each => !isWriting(each)).map(each => each.id);
    assert.deepEqual(reads.toSorted(), [...Object.keys(confined), ...Object.keys(others)].toSorted());
  });

  for (const [id, { url, body, shows }] of Object.entries(confined)) {
    it(`${id} shows a fleet to those only who may see it`, async () => {
      const method = operations.find(each => each.id === id)?.method.toUpperCase() ?? '';
      const made = world();
      const ask = (headers: Readonly<Record<string, string>>) =>
        made.call(method, url, { headers, ...(body ? { body } : {}) });
      const all = await ask({});
      assert.equal(all.status, 200, all.text);
      assert.match(all.text, shows);
      const foreign = await ask(confinedTo(made, 'internal'));
      assert.doesNotMatch(foreign.status < 400 ? foreign.text : '', shows);
      assert.doesNotMatch(foreign.text, /"fleets: edge"|did you mean "edge/);
      if (id === 'readMetrics') assert.match(foreign.text, /made without --fleet/);
      if (id === 'readBackup' || id === 'readMetrics') return;
      assert.match((await ask(confinedTo(made, 'edge'))).text, shows, 'and to those it is shown');
    });
  }

  for (const operation of operations.filter(isWriting)) {
    it(`${operation.id} changes nothing of other fleets`, async () => {
      const made = world();
      const url = operation.path
        .replace(/^\/api\/v1\/proxies\/\{id\}/, '/api/v1/proxies/edge-1')
        .replace('{fleet}', 'edge')
        .replace('{service}', 'catalog')
        .replace('{route}', 'shop')
        .replace('{rule}', 'everyone')
        .replaceAll(/\{\w+\}/g, 'x');
      const headers = confinedTo(made, 'internal');
      for (const query of ['', '?dryRun=true']) {
        const { status } = await made.call(operation.method.toUpperCase(), `${url}${query}`, { headers, body: {} });
        assert.equal(status, 403, `${url}${query}`);
      }
      assert.deepEqual(made.control.asked, []);
    });
  }

  it('counts the proxies of its fleets alone as witnesses of an endpoint', async () => {
    const made = world();
    made.connect(2, 'internal-1', { kind: 'assigned', key: 'internal' });
    const url = '/api/v1/endpoint-health?service=catalog';
    const mine = await made.call('GET', url, { headers: confinedTo(made, 'edge') });
    const rows: readonly EndpointHealthRow[] = mine.json.endpoints;
    assert.deepEqual([mine.json.proxies, rows.map(each => each.unknown)], [1, [1, 1]]);
  });
});

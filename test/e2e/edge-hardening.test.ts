import assert from 'node:assert/strict';
import { after, describe, it } from 'node:test';
import { startBackend } from '../support/backend.ts';
import { startStaticEnvoy } from '../support/static-envoy.ts';

const backend = await startBackend({ name: 'app' });
const edge = await startStaticEnvoy({
  services: {
    app: { endpoints: [{ address: backend.address }] },
    // Retries of its own would show if a caller could ask for some.
    frail: { endpoints: [{ address: backend.address }], outlierDetection: 'off', retries: { attempts: 0 } },
  },
  routes: {
    app: {
      rules: [
        { match: { path: { prefix: '/secret' } }, respond: { status: 403 } },
        { match: { path: { prefix: '/frail' } }, to: [{ service: 'frail' }] },
        { to: [{ service: 'app' }] },
      ],
    },
  },
});
after(async () => {
  await edge[Symbol.asyncDispose]();
  await backend[Symbol.asyncDispose]();
});

describe('an edge proxy and strangers', () => {
  it('appends who calls to what the caller claims', async () => {
    const answer = await edge.ask('/', { headers: { 'x-forwarded-for': '10.1.2.3' } });
    // Envoy writes another address of the machine for loopback.
    assert.match(String(answer.seen().headers['x-forwarded-for']), /^10\.1\.2\.3,[0-9a-f.:]+$/);
    assert.equal(answer.seen().headers['x-envoy-internal'], undefined);
  });

  it('makes a request id of its own', async () => {
    const answer = await edge.ask('/', { headers: { 'x-request-id': 'chosen' } });
    assert.match(answer.seen().headers['x-request-id'] as string, /^[0-9a-f-]{36}$/);
  });

  it('takes no orders by header', async () => {
    backend.forget();
    backend.behave({ status: 503 });
    const headers = { 'x-envoy-retry-on': '5xx', 'x-envoy-max-retries': '3', 'x-envoy-upstream-rq-timeout-ms': '1' };
    const answer = await edge.ask('/frail', { headers });
    backend.behave({});
    assert.equal(answer.status, 503);
    assert.equal(backend.seen.length, 1);
    for (const name of Object.keys(headers)) assert.equal(backend.seen[0]?.headers[name], undefined, name);
  });

  it('drops headers with an underscore', async () => {
    const answer = await edge.ask('/', { headers: { x_user: 'root', 'x-user': 'anna' } });
    assert.equal(answer.seen().headers['x_user'], undefined);
    assert.equal(answer.seen().headers['x-user'], 'anna');
  });

  it('lets no spelling of a path slip past a rule', async () => {
    for (const path of ['/secret', '//secret', '/x/../secret', '/./secret', '/%73ecret']) {
      assert.equal((await edge.ask(path)).status, 403, path);
    }
    const escaped = await edge.ask('/x%2f..%2fsecret');
    assert.equal(escaped.status, 307);
    assert.equal((await edge.ask(escaped.headers.location ?? '')).status, 403);
  });

  it('says nothing of itself', async () => {
    backend.behave({ headers: { server: 'app/1' } });
    const { headers } = await edge.ask('/');
    backend.behave({});
    assert.equal(headers.server, 'app/1');
    assert.deepEqual(
      Object.keys(headers).filter(name => name.startsWith('x-envoy')),
      [],
    );
  });
});

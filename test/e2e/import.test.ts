import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, it } from 'node:test';
import { runCommand } from '../support/cli.ts';
import { ask, askMany } from '../support/client.ts';
import { assertShare } from '../support/statistics.ts';
import { until } from '../support/until.ts';
import { User } from '../support/user.ts';
import { World } from '../support/world.ts';

const world = new World();
after(() => world.close());
const port = await world.port();
const [a, b, spare, api] = await world.backends('a', 'b', 'spare', 'api');

async function imported(kind: 'nginx' | 'haproxy', text: string): Promise<string> {
  writeFileSync(join(world.folder, kind), text);
  const { code, out, err } = await runCommand(['import', kind, kind, '--strict'], { cwd: world.folder });
  assert.equal(code, 0, err);
  return out;
}

it('nginx: locations, weights, a share, a header and a backup are as the file said', async () => {
  const policy = await imported(
    'nginx',
    `events {}
http {
  upstream app { server ${a.address} weight=3; server ${b.address}; server ${spare.address} backup; }
  upstream api { server ${api.address}; }
  split_clients $http_x_user $lane { 20% api; * app; }
  server {
    listen 127.0.0.1:${port};
    server_name _;
    proxy_set_header Host $host;
    location = /ok { return 200 "fine"; }
    location /api/ { proxy_pass http://api/v2/; proxy_set_header Host $host; proxy_set_header X-Lane one; }
    location /split/ { proxy_pass http://$lane; }
    location /old/ { return 301 https://$host/new; }
    location / { proxy_pass http://app; }
  }
}
`,
  );
  await world.start(policy, [{ id: 'edge-1', cluster: 'edge' }]);
  assert.deepEqual([(await ask(port, '/ok')).text, (await ask(port, '/ok')).by], ['fine', '-']);
  const sent = (await ask(port, '/api/items')).seen();
  assert.deepEqual([sent.url, sent.headers['x-lane']], ['/v2/items', 'one']);
  const moved = await ask(port, '/old/x', { host: 'shop.example.com' });
  assert.deepEqual([moved.status, moved.headers.location], [301, 'https://shop.example.com/new']);
  const counts = await askMany(400, () => ask(port));
  assertShare(counts, 'a', 0.75);
  assertShare(counts, 'spare', 0);
  const user = { headers: { 'x-user': 'ada' } };
  const { by } = await ask(port, '/split/', user);
  const lane = by === 'api';
  for (let turn = 0; turn < 20; turn += 1) assert.equal((await ask(port, '/split/', user)).by === 'api', lane);
  await Promise.all([a.die(), b.die()]);
  await until('the backup answers', async () => (await ask(port, '/')).by === 'spare');
  await Promise.all([a.revive(), b.revive()]);
});

it('HAProxy: hosts, paths, checks and the cookie are as the file said', async () => {
  const policy = await imported(
    'haproxy',
    `defaults
  mode http
frontend web
  bind 127.0.0.1:${port}
  http-request deny deny_status 404 if { path /secret }
  use_backend api if { hdr(host) -i api.example.com } { path_beg /v1 }
  default_backend app
backend app
  balance roundrobin
  cookie SRV insert indirect nocache
  option httpchk GET /
  server a ${a.address} check inter 200ms fall 2 rise 1 cookie a
  server b ${b.address} check inter 200ms fall 2 rise 1 cookie b
  server spare ${spare.address} check inter 200ms fall 2 rise 1 backup
backend api
  server api ${api.address}
`,
  );
  await world.saved(policy);
  await until('both answer', async () => {
    const counts = await askMany(20, () => ask(port));
    return (counts.get('a') ?? 0) > 0 && (counts.get('b') ?? 0) > 0;
  });
  assert.equal((await ask(port, '/secret')).status, 404);
  assert.equal((await ask(port, '/v1x', { host: 'api.example.com' })).by, 'api');
  assert.notEqual((await ask(port, '/v1x')).by, 'api');
  const user = new User(port);
  const { by } = await user.ask('/');
  assert.ok(user.cookies.has('SRV'));
  for (let turn = 0; turn < 20; turn += 1) assert.equal((await user.ask('/')).by, by);
  await Promise.all([a.die(), b.die()]);
  await until('the backup answers', async () => (await ask(port, '/')).by === 'spare');
});

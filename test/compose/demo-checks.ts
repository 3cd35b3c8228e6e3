import assert from 'node:assert/strict';
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ask, askMany, startTraffic } from '../../demo/requests.ts';
import type { OverrideWriteReply, ProxiesReply } from '../../src/admin/api.ts';
import { until } from '../support/until.ts';
import type { Project } from './compose.ts';

/** The demonstration in containers, as a check sees it. */
export interface Stage {
  readonly project: Project;
  /** On this machine's loopback. */
  readonly ports: { readonly delta: number; readonly sotw: number; readonly admin: number };
  /** The folder that is mounted as the policy. */
  readonly policy: string;
}

export interface Check {
  readonly title: string;
  /** @returns what was seen. @throws when it is not as the title says. */
  readonly see: (stage: Stage) => Promise<string>;
}

const weights = '/api/v1/routes/shop/rules/everyone/weights';
const proxies = ['catalog-3', 'checkout-1', 'edge-delta-1', 'edge-sotw-1'];
const applications = ['catalog-1', 'catalog-2', 'catalog-3', 'checkout-1'];
const envoys = ['edge-delta', 'edge-sotw', 'catalog-3-sidecar', 'checkout-1-sidecar'];

export const demoChecks: readonly Check[] = [
  { title: 'the control plane is healthy, and all four proxies are synced', see: healthyAndSynced },
  { title: 'both edges split 95 : 5, and inside version 1 by the weights 3 : 1', see: split },
  { title: 'services call each other through their sidecars, and nobody goes around one', see: sidecars },
  { title: 'nothing runs as root, and no root file system can be written', see: withoutRights },
  { title: 'every published port is on loopback', see: loopbackOnly },
  {
    title: 'a shift by the admin API is acknowledged by every proxy that it concerns, and seen in traffic',
    see: shift,
  },
  { title: 'the control plane is replaced under load: nothing fails, and the shift goes on', see: replaceControlPlane },
  { title: 'the policy file is edited as an editor saves, and traffic follows', see: editPolicy },
  { title: 'an instance is killed under load and nothing fails; it comes back and gets traffic', see: killInstance },
];

async function call(stage: Stage, method: string, route: string, body?: object): Promise<unknown> {
  const token = (await stage.project.compose(['exec', '-T', 'switchyard', 'cat', '/data/admin-token'])).trim();
  const response = await fetch(`http://127.0.0.1:${stage.ports.admin}${route}`, {
    method,
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    signal: AbortSignal.timeout(20_000),
  });
  const answer: unknown = await response.json();
  if (!response.ok) throw new Error(`${method} ${route}: ${response.status} ${JSON.stringify(answer)}`);
  return answer;
}

function synced(stage: Stage): Promise<string> {
  return until(
    'all four proxies are synced',
    async () => {
      const reply = (await call(stage, 'GET', '/api/v1/proxies')) as ProxiesReply;
      const good = reply.proxies.filter(each => each.state === 'synced');
      if (
        good
          .map(each => each.id)
          .sort()
          .join() === proxies.join()
      )
        return good.map(each => `${each.id} (${each.variant})`).join(', ');
      throw new Error(reply.proxies.map(each => `${each.id} ${each.state} ${each.why ?? ''}`).join('; '));
    },
    60_000,
  );
}

async function healthyAndSynced(stage: Stage): Promise<string> {
  const container = await stage.project.container('switchyard');
  await until(
    'the control plane is healthy',
    async () =>
      (await stage.project.docker(['inspect', '-f', '{{.State.Health.Status}}', container])).trim() === 'healthy',
    60_000,
  );
  const seen = await synced(stage);
  const status = await stage.project.compose(['exec', '-T', 'switchyard', 'switchyard', 'status']);
  for (const id of proxies) assert.match(status, new RegExp(`^${id} .* synced `, 'm'));
  return seen;
}

/** Share of version 2 on both edges; each within five standard deviations. */
async function expectShare({ ports }: Stage, share: number, count: number): Promise<readonly string[]> {
  const seen: string[] = [];
  for (const port of [ports.delta, ports.sotw]) {
    const { counts, failures } = await askMany(port, '/items', count, answer => answer.body.version ?? '?');
    assert.deepEqual(failures, []);
    const v2 = counts.get('v2') ?? 0;
    const margin = 5 * Math.sqrt(count * share * (1 - share));
    assert.ok(Math.abs(v2 - count * share) <= margin, `${v2} of ${count} went to v2, not ${count * share} ± ${margin}`);
    seen.push(`${v2} of ${count} to v2`);
  }
  return seen;
}

async function split(stage: Stage): Promise<string> {
  // The proxies' own health checks come first.
  await until(
    'every instance gets requests',
    async () => {
      const { counts } = await askMany(stage.ports.delta, '/items', 100, answer => answer.body.instance ?? '?');
      return counts.has('catalog-1') && counts.has('catalog-2') && counts.has('catalog-3');
    },
    30_000,
  );
  const seen = await expectShare(stage, 0.05, 1000);
  const { counts } = await askMany(stage.ports.sotw, '/items', 1000, answer => answer.body.instance ?? '?');
  const ratio = (counts.get('catalog-1') ?? 0) / (counts.get('catalog-2') ?? 0);
  assert.ok(ratio > 2.2 && ratio < 4, `catalog-1 : catalog-2 is ${ratio}`);
  return `${seen.join(', ')}; catalog-1 : catalog-2 is ${ratio.toFixed(2)}`;
}

async function sidecars({ ports, project }: Stage): Promise<string> {
  const called = (answer: Awaited<ReturnType<typeof ask>>) =>
    (answer.body['called'] as { instance?: string } | undefined)?.instance;
  const forth = await ask(ports.delta, '/checkout/via/catalog');
  const back = await ask(ports.sotw, '/items/via/checkout', { 'x-beta': '1' });
  assert.match(called(forth) ?? JSON.stringify(forth.body), /^catalog-/);
  assert.equal(called(back), 'checkout-1', JSON.stringify(back.body));
  const around = `fetch('http://catalog-3:8080/health').then(() => console.log('answered'), error => console.log(error.cause.code))`;
  const refused = await project.compose(['exec', '-T', 'catalog-1', 'node', '-e', around]);
  assert.equal(refused.trim(), 'ECONNREFUSED');
  return `checkout-1 called ${called(forth)}, catalog-3 called checkout-1; catalog-3 itself refuses others`;
}

async function withoutRights({ project }: Stage): Promise<string> {
  const users = new Set<string>();
  for (const service of ['switchyard', ...applications, ...envoys]) {
    const id = await project.container(service);
    const shown = await project.docker(['inspect', '-f', '{{.HostConfig.ReadonlyRootfs}} {{.HostConfig.CapDrop}}', id]);
    assert.equal(shown.trim(), 'true [ALL]', service);
    const running = (await project.docker(['top', id, '-o', 'uid,pid'])).trim().split('\n').slice(1);
    assert.ok(running.length > 0, `${service} has no process`);
    for (const line of running) {
      const uid = line.trim().split(/\s+/)[0] ?? '';
      assert.notEqual(uid, '0', `${service} runs as root`);
      users.add(uid);
    }
  }
  const attempt = `for (const file of ['/data/x', '/tmp/x', '/app/x', '/etc/switchyard/x', '/x'])
    try { fs.writeFileSync(file, ''); fs.unlinkSync(file); console.log(file, 'written') } catch (error) { console.log(file, error.code) }`;
  const seen = await project.compose(['exec', '-T', 'switchyard', 'node', '-e', attempt]);
  assert.deepEqual(seen.trim().split(/\r?\n/), [
    '/data/x written',
    '/tmp/x written',
    '/app/x EROFS',
    '/etc/switchyard/x EROFS',
    '/x EROFS',
  ]);
  return `users ${[...users].sort().join(', ')}; of the image only /data and /tmp can be written`;
}

async function loopbackOnly({ project, ports }: Stage): Promise<string> {
  const hosts: string[] = [];
  for (const service of ['switchyard', ...applications, ...envoys]) {
    const id = await project.container(service);
    const shown = await project.docker([
      'inspect',
      '-f',
      '{{range .NetworkSettings.Ports}}{{range .}}{{.HostIp}}:{{.HostPort}} {{end}}{{end}}',
      id,
    ]);
    hosts.push(
      ...shown
        .trim()
        .split(/\s+/)
        .filter(each => each !== ''),
    );
  }
  const expected = [ports.delta, ports.sotw, ports.admin].map(port => `127.0.0.1:${port}`);
  assert.deepEqual(hosts.sort(), expected.sort());
  return hosts.join(', ');
}

async function shift(stage: Stage): Promise<string> {
  const before = Date.now();
  const answer = await call(stage, 'PUT', `${weights}?wait=acked&timeout=10s&reason=test`, {
    'catalog@v1': 50,
    'catalog@v2': 50,
  });
  const took = Date.now() - before;
  const { acknowledged } = answer as OverrideWriteReply;
  assert.equal(acknowledged?.complete, true, JSON.stringify(answer));
  const seen = await expectShare(stage, 0.5, 400);
  return `${acknowledged.summary} after ${took} ms; ${seen.join(', ')}`;
}

async function replaceControlPlane(stage: Stage): Promise<string> {
  const traffic = startTraffic([stage.ports.delta, stage.ports.sotw], '/items', 50);
  const before = await stage.project.container('switchyard');
  try {
    // Another container, with another memory: only the volume goes on.
    await stage.project.compose(['up', '-d', '--no-deps', '--force-recreate', '-t', '5', 'switchyard'], 120_000);
    assert.notEqual(await stage.project.container('switchyard'), before);
    await synced(stage);
  } finally {
    await traffic.end();
  }
  assert.deepEqual(traffic.failures, []);
  await expectShare(stage, 0.5, 400);
  await call(stage, 'DELETE', `${weights}?wait=acked&timeout=10s`);
  const seen = await expectShare(stage, 0.05, 400);
  return `${traffic.total()} requests, none failed; the shift held; after its end ${seen.join(', ')}`;
}

async function editPolicy(stage: Stage): Promise<string> {
  const file = path.join(stage.policy, 'switchyard.yaml');
  const text = readFileSync(file, 'utf8');
  const edited = text.replace('weight: 95', 'weight: 0').replace('weight: 5 ', 'weight: 100 ');
  assert.notEqual(edited, text);
  const save = (content: string) => {
    // Beside and renamed, as many editors do.
    writeFileSync(`${file}~`, content);
    renameSync(`${file}~`, file);
  };
  const began = Date.now();
  save(edited);
  await until('every request goes to v2', async () => {
    for (const port of [stage.ports.delta, stage.ports.sotw]) {
      const { counts } = await askMany(port, '/items', 40, answer => answer.body.version ?? '?');
      if (counts.get('v2') !== 40) return false;
    }
    return true;
  });
  const took = Date.now() - began;
  save(text);
  await until('version 1 is back', async () => (await ask(stage.ports.sotw, '/items')).body.version === 'v1');
  return `in effect on both edges after ${took} ms`;
}

async function killInstance({ project, ports }: Stage): Promise<string> {
  const traffic = startTraffic([ports.delta, ports.sotw], '/items', 50);
  const from = (instance: string) => traffic.counts.get(`v1/${instance}`) ?? 0;
  const id = await project.container('catalog-1');
  try {
    await project.docker(['kill', id]);
    const then = from('catalog-2');
    await until('the other instance carries on', () => from('catalog-2') > then + 100, 30_000);
    await project.docker(['start', id]);
    const before = from('catalog-1');
    await until('the instance gets traffic again', () => from('catalog-1') > before + 20, 60_000);
  } finally {
    await traffic.end();
  }
  assert.deepEqual(traffic.failures, []);
  return `${traffic.total()} requests, none failed`;
}

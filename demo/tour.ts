import { readFileSync, writeFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import type { OverrideWriteReply } from '../src/admin/api.ts';
import type { AdminClient } from './admin.ts';
import { type Actor, policyFile, startBackend } from './cast.ts';
import type { Ports } from './ports.ts';
import { ask, askMany, type Counts, startTraffic } from './requests.ts';

export interface Stage {
  readonly ports: Ports;
  readonly folder: string;
  readonly admin: AdminClient;
  readonly backends: Map<string, Actor>;
}

/** One thing shown: what is promised, and what was seen. Throws when it was not so. */
interface Step {
  readonly title: string;
  readonly show: (stage: Stage) => Promise<string>;
}

const weightsPath = '/api/v1/routes/shop/rules/everyone/weights';

/** Runs the tour until `signal`. @returns whether every step showed what it promised. */
export async function tour(stage: Stage, say: (line: string) => void, signal: AbortSignal): Promise<boolean> {
  let good = true;
  for (const [index, step] of steps.entries()) {
    if (signal.aborted) return false;
    const label = `${String(index + 1).padStart(2)}. ${step.title}`;
    try {
      say(`${label}\n      ok: ${await step.show(stage)}`);
    } catch (error) {
      good = false;
      // Ctrl-C ends the cast as well: that a step fails then is no news.
      if (signal.aborted) return good;
      say(`${label}\n      FAILED: ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return good;
}

const steps: readonly Step[] = [
  { title: 'every Envoy has acknowledged what it was sent', show: everyoneSynced },
  { title: 'version 2 gets 5 % of the traffic, on delta and on SotW alike', show: stage => split(stage, 0.05, 3000) },
  { title: 'inside version 1, the stronger machine gets three times the requests', show: endpointWeights },
  { title: 'a header and a cookie lead to version 2', show: headerAndCookie },
  { title: 'callers choose the API version; a retired one is answered 410', show: apiVersions },
  { title: 'two services call each other through their sidecars', show: sidecars },
  { title: 'a backend is killed under load and no request is lost', show: killBackend },
  { title: 'one API call shifts the canary to 50 %, answered when every Envoy has it', show: shift },
  { title: 'an edit of the policy file takes effect under load, and no request fails', show: editFile },
];

async function everyoneSynced({ admin }: Stage): Promise<string> {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const proxies = await admin.proxies();
    const synced = proxies.filter(each => each.state === 'synced');
    if (synced.length === 4) return synced.map(each => `${each.id} (${each.variant})`).join(', ');
    const states = proxies.map(each => `${each.id} ${each.state}${each.why ? `: ${each.why}` : ''}`);
    if (Date.now() > deadline) throw new Error(`after 30 s: ${states.join('; ') || 'no proxy has connected'}`);
    await pause(100);
  }
}

async function split({ ports }: Stage, share: number, count: number): Promise<string> {
  const seen: string[] = [];
  for (const port of [ports.edgeDelta, ports.edgeSotw]) {
    const { counts, failures } = await askMany(port, '/items', count, answer => answer.body.version ?? '?');
    if (failures.length > 0) throw new Error(`${failures.length} of ${count} requests failed: ${failures[0]}`);
    const v2 = counts.get('v2') ?? 0;
    // Five standard deviations of a binomial: by chance, once in a million runs.
    const margin = 5 * Math.sqrt(count * share * (1 - share));
    if (Math.abs(v2 - count * share) > margin) {
      throw new Error(`port ${port}: ${v2} of ${count} went to v2, expected ${count * share} ± ${Math.round(margin)}`);
    }
    seen.push(`port ${port}: ${v2} of ${count} (${((100 * v2) / count).toFixed(1)} %)`);
  }
  return seen.join('; ');
}

async function endpointWeights({ ports }: Stage): Promise<string> {
  const { counts, failures } = await askMany(ports.edgeDelta, '/items', 1200, answer => answer.body.instance ?? '?');
  const one = counts.get('catalog-1') ?? 0;
  const two = counts.get('catalog-2') ?? 0;
  if (failures.length > 0 || !(one / two > 2.2 && one / two < 4))
    throw new Error(`${show(counts)}; ${failures.length} failed`);
  return `catalog-1 ${one}, catalog-2 ${two} (${(one / two).toFixed(2)} : 1)`;
}

async function headerAndCookie({ ports }: Stage): Promise<string> {
  for (const port of [ports.edgeDelta, ports.edgeSotw]) {
    for (const headers of [{ 'x-beta': '1' }, { cookie: 'theme=dark; lane=beta' }]) {
      for (let round = 0; round < 20; round++) {
        const answer = await ask(port, '/items', headers);
        if (answer.body.version !== 'v2') throw new Error(`${JSON.stringify(headers)} led to ${answer.body.version}`);
      }
    }
  }
  return '80 of 80 requests with x-beta: 1 or lane=beta went to v2';
}

async function apiVersions({ ports }: Stage): Promise<string> {
  const expected: readonly [string | undefined, number, string | undefined][] = [
    ['2026', 200, 'v2'],
    ['latest', 200, 'v2'],
    ['2025', 200, 'v1'],
    [undefined, 200, 'v1'],
    ['2024', 410, undefined],
    ['1999', 400, undefined],
  ];
  for (const [version, status, deployed] of expected) {
    const answer = await ask(ports.edgeDelta, '/api/items', version === undefined ? {} : { 'x-api-version': version });
    if (answer.status !== status || (deployed && answer.body.version !== deployed)) {
      throw new Error(
        `API version ${version}: status ${answer.status} from ${answer.body.version}, expected ${status}`,
      );
    }
    if (status === 200 && deployed === 'v1' && answer.headers.sunset === undefined) throw new Error('no Sunset header');
  }
  return '2026 and latest → v2; 2025 and none → v1 with a Sunset header; 2024 → 410; 1999 → 400';
}

async function sidecars({ ports }: Stage): Promise<string> {
  const forth = await ask(ports.edgeDelta, '/checkout/via/catalog');
  const back = await ask(ports.edgeSotw, '/items/via/checkout', { 'x-beta': '1' });
  const called = (answer: typeof forth) => (answer.body.called as { instance?: string } | undefined)?.instance;
  if (!called(forth)?.startsWith('catalog') || called(back) !== 'checkout-1') {
    throw new Error(`${JSON.stringify(forth.body)} ${JSON.stringify(back.body)}`);
  }
  return `${forth.body.instance} called ${called(forth)}; ${back.body.instance} called ${called(back)}`;
}

async function killBackend(stage: Stage): Promise<string> {
  const { ports, backends } = stage;
  const traffic = startTraffic([ports.edgeDelta, ports.edgeSotw], '/items', 100);
  await pause(500);
  await backends.get('catalog-1')?.stop('SIGKILL');
  await pause(3000);
  await traffic.end();
  backends.set('catalog-1', await startBackend('catalog-1', ports));
  if (traffic.failures.length > 0)
    throw new Error(`${traffic.failures.length} of ${traffic.total()} failed: ${traffic.failures[0]}`);
  return `catalog-1 killed; ${traffic.total()} requests, 0 failed`;
}

async function shift(stage: Stage): Promise<string> {
  const started = Date.now();
  const put = await stage.admin.call('PUT', `${weightsPath}?wait=acked&timeout=10s`, {
    'catalog@v1': 50,
    'catalog@v2': 50,
  });
  const took = Date.now() - started;
  const reply = put.body as OverrideWriteReply;
  if (put.status !== 200 || !reply.acknowledged?.complete)
    throw new Error(`status ${put.status}: ${JSON.stringify(reply)}`);
  const seen = await split(stage, 0.5, 1000);
  const ended = await stage.admin.call('DELETE', `${weightsPath}?wait=acked&timeout=10s`);
  if (ended.status !== 200) throw new Error(`ending the shift: status ${ended.status}: ${JSON.stringify(ended.body)}`);
  return `${reply.acknowledged.summary} after ${took} ms; ${seen}; then back to the declared weights`;
}

async function editFile(stage: Stage): Promise<string> {
  const { ports, folder } = stage;
  const file = policyFile(folder);
  const before = readFileSync(file, 'utf8');
  const traffic = startTraffic([ports.edgeDelta, ports.edgeSotw], '/items', 100);
  const started = Date.now();
  writeFileSync(file, before.replace('weight: 95', 'weight: 0').replace('weight: 5 ', 'weight: 100 '));
  let took: number | undefined;
  try {
    while (took === undefined) {
      const answers = await Promise.all(
        [ports.edgeDelta, ports.edgeSotw].flatMap(port => Array.from({ length: 10 }, () => ask(port, '/items'))),
      );
      if (answers.every(answer => answer.body.version === 'v2')) took = Date.now() - started;
      else if (Date.now() - started > 10_000) throw new Error('not in effect after 10 s');
    }
  } finally {
    writeFileSync(file, before);
    await pause(500);
    await traffic.end();
  }
  if (traffic.failures.length > 0)
    throw new Error(`${traffic.failures.length} of ${traffic.total()} failed: ${traffic.failures[0]}`);
  return `both Envoys send everything to v2 ${took} ms after the save; ${traffic.total()} requests, 0 failed`;
}

function show(counts: Counts): string {
  return [...counts].map(([who, count]) => `${who} ${count}`).join(', ');
}

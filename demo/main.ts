import path from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import type { RunningEnvoy } from '../envoy/process.ts';
import { adminClient } from './admin.ts';
import {
  type Actor,
  type BackendName,
  policyFile,
  startBackend,
  startControlPlane,
  startEnvoys,
  writePolicy,
} from './cast.ts';
import { demoPorts, takenPorts } from './ports.ts';
import { startTraffic } from './requests.ts';
import { type Stage, tour } from './tour.ts';
import { statusLines } from './view.ts';

const usage = `The demonstration: a control plane, four Envoys and four applications on this machine.

  npm start                        the tour, then a live view until Ctrl-C
  npm start -- --check             the tour alone; exits 0 if all was as promised, else 1
  npm start -- --port-offset 1000  with every port moved by 1000
`;

const say = (line: string) => process.stdout.write(`${line}\n`);
const { values } = readArguments();
const stop = new AbortController();
const offset = Number(values['port-offset']);
const ports = demoPorts(offset);
const root = path.dirname(import.meta.dirname);
const folder = path.join(root, '.data', offset === 0 ? 'demo' : `demo-${offset}`);
const backends = new Map<string, Actor>();
const others: Actor[] = [];
let envoys: readonly RunningEnvoy[] = [];

function readArguments() {
  try {
    return parseArgs({
      options: {
        check: { type: 'boolean', default: false },
        'port-offset': { type: 'string', default: '0' },
        help: { type: 'boolean', short: 'h', default: false },
      },
    });
  } catch (error) {
    say(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`);
    process.exit(1);
  }
}

async function main(): Promise<number> {
  if (values.help) {
    say(usage);
    return 0;
  }
  if (!Number.isInteger(offset) || offset < 0 || offset > 40_000) {
    say(`--port-offset ${values['port-offset']} is not a whole number from 0 to 40000`);
    return 1;
  }
  const taken = await takenPorts(ports);
  if (taken.length > 0) {
    const other = offset < 39_000 ? offset + 1000 : 1000;
    say(`These ports are taken: ${taken.join(', ')}. Choose others with: npm start -- --port-offset ${other}`);
    return 1;
  }
  const stage = await raiseCurtain();
  const good = await tour(stage, say, stop.signal);
  if (values.check || stop.signal.aborted) return good ? 0 : 1;
  say(good ? '\nAll was as promised. The cast stays on stage.' : '\nSomething was not as promised: see above.');
  await liveView(stage);
  return good ? 0 : 1;
}

async function raiseCurtain(): Promise<Stage> {
  say('Starting the applications …');
  const names: readonly BackendName[] = ['catalog-1', 'catalog-2', 'catalog-3', 'checkout-1'];
  await Promise.all(names.map(async name => backends.set(name, await startBackend(name, ports))));
  say('Starting the control plane …');
  writePolicy(folder, offset);
  others.push(await startControlPlane(folder, ports));
  say('Starting two edge proxies and two sidecars …');
  envoys = startEnvoys(ports);
  await Promise.all(envoys.map(each => each.ready(AbortSignal.any([stop.signal, AbortSignal.timeout(60_000)]))));
  say('');
  return { ports, folder, admin: adminClient(ports.admin, path.join(folder, 'data')), backends };
}

async function liveView({ admin }: Stage): Promise<void> {
  const traffic = startTraffic([ports.edgeDelta, ports.edgeSotw], '/items', 20);
  const offsetHint = offset === 0 ? '' : ` --admin 127.0.0.1:${ports.admin}`;
  const data = path.relative(process.cwd(), path.join(folder, 'data'));
  const hints = [
    '',
    `Policy to edit:  ${path.relative(process.cwd(), policyFile(folder))}`,
    `Try:             curl -i http://127.0.0.1:${ports.edgeDelta}/items`,
    `                 npm run -s switchyard -- status --data ${data}${offsetHint}`,
    `                 npm run -s switchyard -- canary weights shop/everyone catalog@v1=50 catalog@v2=50 --wait --data ${data}${offsetHint}`,
    'Ctrl-C ends everything.',
  ];
  const terminal = process.stdout.isTTY;
  // What the tour has said stays above the view, where one can scroll to it.
  if (terminal) say('\n'.repeat(process.stdout.rows));
  while (!stop.signal.aborted) {
    const [proxies, problems] = await Promise.all([admin.proxies().catch(() => []), admin.problems().catch(() => [])]);
    say(`${terminal ? '\u001b[H\u001b[2J' : ''}${statusLines({ proxies, problems, traffic, hints })}`);
    await pause(terminal ? 1000 : 10_000, undefined, { signal: stop.signal }).catch(() => {});
  }
  await traffic.end();
}

function sayWhatFailed(error: unknown): void {
  say(error instanceof Error ? error.message : String(error));
  for (const each of envoys) if (each.log().trim()) say(`--- ${each.name}\n${each.log().slice(-2000)}`);
  for (const each of others) say(`--- ${each.name}\n${each.output().slice(-2000)}`);
}

async function dropCurtain(): Promise<void> {
  await Promise.all(envoys.map(each => each.stop()));
  await Promise.all([...others, ...backends.values()].map(each => each.stop()));
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.on(signal, () => {
    if (stop.signal.aborted) return;
    say('\nEnding …');
    stop.abort(new Error('ended by the user'));
  });
}
try {
  process.exitCode = await main();
} catch (error) {
  if (!stop.signal.aborted) sayWhatFailed(error);
  process.exitCode = 1;
} finally {
  await dropCurtain();
}
process.exit();

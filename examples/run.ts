import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { stringify } from 'yaml';
import { type Actor, leash, startActor } from '../demo/cast.ts';
import { type RunningEnvoy, startEnvoy } from '../envoy/process.ts';
import type { PolicyInput } from '../src/index.ts';
import { bootstrap, bootstrapDefaults } from '../src/translate/bootstrap.ts';
import { type ExampleName, examplePolicy, localAddress, type Machine, machines, onOneMachine } from './local.ts';

const usage = `An example on this machine: its applications, a control plane and real Envoys. 10.x.y.z is 127.x.y.z here.

  npm run -s example -- NAME                      NAME is one of ${Object.keys(machines).join(', ')}
  npm run -s example -- NAME --port-offset 1000   with every port moved by 1000
`;

const say = (line: string) => process.stdout.write(`${line}\n`);
const root = path.dirname(import.meta.dirname);
const actors: Actor[] = [];
const envoys: RunningEnvoy[] = [];
const stop = new AbortController();

interface Wanted {
  readonly name: ExampleName;
  readonly offset: number;
}

function wanted(): Wanted | undefined {
  const options = { 'port-offset': { type: 'string', default: '0' } } as const;
  const { positionals, values } = parseArgs({ options, allowPositionals: true });
  const [name = ''] = positionals;
  const offset = Number(values['port-offset']);
  const known = Object.hasOwn(machines, name) && Number.isInteger(offset) && offset >= 0 && offset <= 40_000;
  return known ? { name: name as ExampleName, offset } : undefined;
}

/** An application at each endpoint, or behind its sidecar. */
async function startApplications({ services = {} }: PolicyInput): Promise<void> {
  const all = Object.values(services).flatMap(({ protocol = 'http', endpoints = [] }) =>
    endpoints.map(({ address, inbound }) => ({ address: inbound?.application ?? address, protocol })),
  );
  const distinct = new Map(all.map(each => [each.address, each.protocol]));
  for (const [address, protocol] of distinct) {
    const name = address.replace(/^127\./, '10.').replace(/:\d+$/, '');
    const args = ['examples/application.ts', name, address, protocol === 'tcp' ? 'tcp' : 'http'];
    const actor = await startActor(name, args, /listening/);
    actors.push(actor);
    say(`application  ${name.padEnd(12)} at ${address}, process ${actor.pid}`);
  }
}

async function startControlPlane(policy: PolicyInput, offset: number): Promise<void> {
  const folder = path.join(root, '.data', offset === 0 ? 'example' : `example-${offset}`);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  const file = path.join(folder, 'switchyard.yaml');
  writeFileSync(file, stringify(policy));
  const addresses = ['--xds', `127.0.0.1:${18_000 + offset}`, '--admin', `127.0.0.1:${18_080 + offset}`];
  const args = ['--import', leash, 'src/cli/main.ts', 'serve', '--policy', file, '--data', folder, ...addresses];
  actors.push(await startActor('switchyard', args, /ready/));
  const admin = offset === 0 ? '' : ` --admin 127.0.0.1:${18_080 + offset}`;
  say(`switchyard   npm run -s switchyard -- COMMAND … --data ${path.relative(process.cwd(), folder)}${admin}`);
  say(`policy       ${path.relative(process.cwd(), file)}`);
}

async function startProxies(all: readonly Machine[], policy: PolicyInput, offset: number): Promise<void> {
  for (const [index, { id, cluster, zone, address }] of all.entries()) {
    const admin = `127.0.0.1:${9901 + index + offset}`;
    const node = { id, cluster, ...(zone === undefined ? {} : { zone }) };
    const xds = [`127.0.0.1:${18_000 + offset}`];
    const options = { ...bootstrapDefaults, node, xds, variant: 'delta', admin } as const;
    const envoy = startEnvoy({ name: id, bootstrap: bootstrap(options) });
    envoys.push(envoy);
    await envoy.ready(AbortSignal.any([stop.signal, AbortSignal.timeout(60_000)]));
    const at = placesOf(policy, id, localAddress(address))
      .map(each => ` at ${each}`)
      .join(',');
    say(`Envoy        ${id.padEnd(12)}${at}, process ${envoy.pid}, admin http://${admin}`);
  }
}

/** Where an Envoy is called: its gateways, or by the application beside it. */
function placesOf({ gateways = {}, fleets = {} }: PolicyInput, id: string, place: string): readonly string[] {
  const ports = Object.values(gateways).flatMap(({ listeners }) =>
    listeners.filter(each => each.address === place).map(({ port }) => port),
  );
  const sidecars = Object.values(fleets).flatMap(({ match, sidecar }) => (match.id === id && sidecar ? [sidecar] : []));
  return [...ports, ...sidecars.map(each => each.outbound?.port)].map(port => `${place}:${port}`);
}

async function main(): Promise<number> {
  const asked = wanted();
  if (asked === undefined) {
    say(usage);
    return 1;
  }
  const { name, offset } = asked;
  const policy = onOneMachine(await examplePolicy(name), machines[name], port => port + offset);
  await startApplications(policy);
  await startControlPlane(policy, offset);
  await startProxies(machines[name], policy, offset);
  say(`\nSee examples/${name}/README.md. Ctrl-C ends everything.`);
  const idle = setInterval(() => {}, 60_000);
  await new Promise(resolve => stop.signal.addEventListener('abort', resolve));
  clearInterval(idle);
  return 0;
}

for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(signal, () => stop.abort());
try {
  process.exitCode = await main();
} catch (error) {
  if (!stop.signal.aborted) say(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
} finally {
  await Promise.all(envoys.map(each => each.stop()));
  await Promise.all(actors.map(each => each.stop()));
}
process.exit();

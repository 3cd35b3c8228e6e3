import { mkdtempSync, rmSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { type RunningEnvoy, startEnvoy } from '../../envoy/process.ts';
import { readToken } from '../../src/admin/auth.ts';
import type { PolicyInput } from '../../src/policy/kinds.ts';
import { bootstrap, bootstrapDefaults } from '../../src/translate/bootstrap.ts';
import { startBackend } from '../../test/support/backend.ts';
import { freePort } from '../../test/support/ports.ts';
import { until } from '../../test/support/until.ts';
import { inUse } from '../../test/support/world.ts';
import { ms } from '../xds/context.ts';
import { save } from '../xds/large-policy.ts';
import { Led } from '../xds/process.ts';
import type { Row } from '../xds/results.ts';

/** All traffic of a rule goes to another service: by a save of the file, and by a call of the API. */

const sides = ['one', 'two'] as const;
type Side = (typeof sides)[number];
const variants = ['delta', 'sotw'] as const;

/** Nanoseconds of the machine's clock. */
const now = (): number => Number(process.hrtime.bigint());

/** Where the requests of one connection come to, which goes through one of the Envoys. */
class Caller {
  readonly #port: number;
  readonly #agent = new Agent({ keepAlive: true, maxSockets: 1 });
  #ended = false;
  #going: Promise<void> | undefined;
  /** Who answered last, and since when. */
  #by = '';
  #since = 0;

  constructor(port: number) {
    this.#port = port;
  }

  /** Asks again and again, without a pause. */
  go(): void {
    this.#going = this.#goOn();
  }

  /** When it was first answered by a side; undefined: not yet. */
  since(side: Side): number | undefined {
    return this.#by === side ? this.#since : undefined;
  }

  async end(): Promise<void> {
    this.#ended = true;
    await this.#going;
    this.#agent.destroy();
  }

  async ask(): Promise<string> {
    return await new Promise((resolve, reject) => {
      const call = request({ host: '127.0.0.1', port: this.#port, agent: this.#agent }, answer => {
        const by = answer.headers['x-backend'];
        answer
          .on('error', reject)
          .on('end', () => resolve(typeof by === 'string' ? by : ''))
          .resume();
      });
      call.on('error', reject).end();
    });
  }

  async #goOn(): Promise<void> {
    while (!this.#ended) {
      const by = await this.ask();
      if (by !== this.#by) [this.#by, this.#since] = [by, now()];
      await new Promise(resolve => setTimeout(resolve, 1));
    }
  }
}

interface Status {
  readonly published: number;
  readonly publications: number;
  readonly acked: number;
  readonly admin: number;
}

/** Quantiles of a figure over all repetitions. */
function quantiles(name: string, values: readonly number[]): Row['figures'] {
  const sorted = values.toSorted((a, b) => a - b);
  const at = (share: number): number =>
    sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
  const alone = (value: number) => ({ median: value, least: value, most: value });
  return { [`${name}, p50 ms`]: alone(at(0.5)), [`${name}, p99 ms`]: alone(at(0.99)) };
}

/** @param times of each way. */
export async function shift(times: number, progress: (text: string) => void): Promise<readonly Row[]> {
  const folder = mkdtempSync(join(import.meta.dirname, '../../.tools/bench/shift-'));
  await using stack = new AsyncDisposableStack();
  stack.defer(() => rmSync(folder, { recursive: true, force: true }));
  const backends = await Promise.all(sides.map(async name => stack.use(await startBackend({ name }))));
  const [port, xdsPort] = [await freePort(), await freePort()];
  const policyFolder = join(folder, 'policy');
  const data = join(folder, 'data');
  const write = (side: Side) =>
    save(policyFolder, { file: 'shop.json', format: 'json', text: JSON.stringify(policyOf(port, backends, side)) });
  write('one');
  const command = [process.execPath, join(import.meta.dirname, 'server.ts'), '--policy', policyFolder];
  const server = new Led('server', [...command, '--data', data, '--xds', String(xdsPort)], undefined);
  stack.defer(() => server.stop());
  await server.ask('');
  const status = async (): Promise<Status> =>
    JSON.parse((await server.ask('status')).slice('status '.length)) as Status;
  const envoys = await Promise.all(
    variants.map(async variant => {
      const envoy = startEnvoy({ name: variant, bootstrap: await bootstrapOf(variant, xdsPort) });
      stack.defer(() => envoy.stop());
      await inUse(envoy);
      return envoy;
    }),
  );
  const callers = await callersOf(port, envoys);
  stack.defer(async () => void (await Promise.all(callers.map(each => each.end()))));
  for (const each of callers) each.go();
  const { admin } = await status();
  const put = async (side: Side): Promise<void> => {
    const answer = await fetch(`http://127.0.0.1:${admin}/api/v1/routes/shop/rules/all/weights`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${readToken(data)}`, 'content-type': 'application/json' },
      body: JSON.stringify(weights(side)),
    });
    if (!answer.ok) throw new Error(`the shift was answered ${answer.status}: ${await answer.text()}`);
    await answer.text();
  };
  const rows: Row[] = [];
  for (const [variant, act] of [
    ['file', write],
    ['API', put],
  ] as const) {
    progress(`  ${times} shifts by ${variant}`);
    const done: Stages[] = [];
    for (let time = 0; time < times + 3; time++) {
      done.push(await once(time % 2 === 0 ? 'two' : 'one', act, status, callers));
    }
    rows.push({ scenario: 'shift', variant, peer: 'ours', figures: figuresOf(done.slice(3)), notes: [] });
    // The last was to the side that the file says, which is where the next way begins.
    if ((times + 3) % 2 === 1) await once('one', act, status, callers);
  }
  return rows;
}

/** Nanoseconds since the save or the call began. */
interface Stages {
  readonly done: number;
  readonly published: number;
  readonly acked: number;
  readonly first: number;
  readonly all: number;
}

async function once(
  side: Side,
  act: (side: Side) => void | Promise<void>,
  status: () => Promise<Status>,
  callers: readonly Caller[],
): Promise<Stages> {
  const { publications } = await status();
  const began = now();
  await act(side);
  const done = now();
  await until(`all traffic goes to ${side}`, () => callers.every(each => each.since(side) !== undefined), 20_000);
  let after = await status();
  await until('all Envoys have acknowledged it', async () => {
    after = await status();
    return after.publications > publications && after.acked > after.published;
  });
  const effects = callers.map(each => (each.since(side) ?? Number.NaN) - began);
  return {
    done: done - began,
    published: after.published - began,
    acked: after.acked - began,
    first: Math.min(...effects),
    all: Math.max(...effects),
  };
}

function figuresOf(done: readonly Stages[]): Row['figures'] {
  const of = (name: string, stage: keyof Stages) =>
    quantiles(
      name,
      done.map(each => ms(each[stage])),
    );
  return {
    ...of('saved or answered', 'done'),
    ...of('published', 'published'),
    ...of('acked by both', 'acked'),
    ...of('first request', 'first'),
    ...of('first at the other', 'all'),
  };
}

const weights = (side: Side) => Object.fromEntries(sides.map(each => [each, each === side ? 100 : 0]));

function policyOf(port: number, backends: readonly { readonly address: string }[], side: Side): PolicyInput {
  const to = sides.map(service => ({ service, weight: weights(side)[service] ?? 0 }));
  return {
    services: Object.fromEntries(
      sides.map((name, at) => [name, { endpoints: [{ address: backends[at]?.address ?? '' }] }]),
    ),
    // Both Envoys are on this machine, and take their part of the connections to one port.
    gateways: { edge: { listeners: [{ port, address: '127.0.0.1', protocol: 'http', reusePort: true }] } },
    routes: { shop: { gateways: ['edge'], rules: [{ name: 'all', to }] } },
    fleets: { edge: { match: { cluster: 'edge' }, gateways: ['edge'] } },
  };
}

async function bootstrapOf(variant: (typeof variants)[number], xdsPort: number): Promise<object> {
  return bootstrap({
    node: { id: variant, cluster: 'edge' },
    xds: [`127.0.0.1:${xdsPort}`],
    variant,
    admin: `127.0.0.1:${await freePort()}`,
    ...bootstrapDefaults,
  });
}

/** One for each Envoy: connections are made until each has one. */
async function callersOf(port: number, envoys: readonly RunningEnvoy[]): Promise<readonly Caller[]> {
  const found = new Map<RunningEnvoy, Caller>();
  const counts = () => Promise.all(envoys.map(async each => (await each.stat('cluster.one.upstream_rq_total')) ?? 0));
  for (let tries = 0; found.size < envoys.length; tries++) {
    if (tries > 100) throw new Error('the connections all went to one Envoy');
    const caller = new Caller(port);
    const before = await counts();
    await caller.ask();
    const after = await counts();
    const envoy = envoys.find((_, at) => (after[at] ?? 0) > (before[at] ?? 0));
    if (envoy && !found.has(envoy)) found.set(envoy, caller);
    else await caller.end();
  }
  return [...found.values()];
}

import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { readToken } from '../../src/admin/auth.ts';
import { megabytes, ms, spreads } from '../xds/context.ts';
import { nameOf } from '../xds/fixtures.ts';
import {
  addressOf,
  changing,
  changingFile,
  type LargePolicy,
  type PolicyText,
  save,
  servicesText,
  texts,
} from '../xds/large-policy.ts';
import type { Peer } from '../xds/peers.ts';
import { peakOf } from '../xds/process.ts';
import type { Row } from '../xds/results.ts';
import { Session } from '../xds/session.ts';
import type { Ready } from '../xds/setup.ts';

/** A policy of many services: a cold start, one change, and a restart with what the store has. */

export interface Size {
  readonly policy: LargePolicy;
  /** Starts of each kind. */
  readonly starts: number;
  /** Changes of each kind, in all; some more are made before, so that code is compiled. */
  readonly changes: number;
}

type Figures = Readonly<Record<string, number>>;

/** Status of `server.ts`. */
interface Status {
  readonly listening: number;
  readonly inForce: number;
  readonly published: number;
  readonly cpuPublished: number;
  readonly publications: number;
  readonly cpu: number;
  readonly admin: number;
}

const server = join(import.meta.dirname, 'server.ts');

/** A server of a policy, with one proxy that has all of it. */
class Large {
  readonly folder: string;
  readonly #ready: Ready;
  readonly policyFolder: string;
  readonly #data: string;
  #session: Session | undefined;

  constructor(ready: Ready) {
    this.#ready = ready;
    this.folder = mkdtempSync(join(ready.folder, 'whole-'));
    this.policyFolder = join(this.folder, 'policy');
    this.#data = join(this.folder, 'data');
  }

  /** Starts it, with what its files and its store hold, until a proxy has everything. */
  async start(): Promise<Figures> {
    const began = Number(process.hrtime.bigint());
    const session = await Session.open(this.#peer(), this.#ready, {
      variant: 'delta',
      streams: 1,
      size: { clusters: 1, endpoints: 1 },
    });
    if (!session) throw new Error('the server cannot be had');
    this.#session = session;
    const { lastReady, wire } = await session.report(began);
    const { listening, inForce, cpuPublished } = await this.status();
    return {
      'listening ms': listening,
      'policy in force ms': inForce,
      ...(cpuPublished > 0 ? { 'CPU ms until then': cpuPublished / 1000 } : {}),
      'first proxy has all ms': ms(lastReady - began),
      'MB to it': megabytes(wire),
      'peak MB': megabytes(peakOf(session.server.pid)),
      'resting MB': megabytes(await session.restingBytes()),
    };
  }

  async status(): Promise<Status> {
    return (await this.session.status()) as unknown as Status;
  }

  get session(): Session {
    if (!this.#session) throw new Error('it was not started');
    return this.#session;
  }

  /** As after a kill: nothing is told to it before. */
  async stop(): Promise<void> {
    await this.#session?.close();
    this.#session = undefined;
  }

  async close(): Promise<void> {
    await this.stop();
    rmSync(this.folder, { recursive: true, force: true });
  }

  async api(method: string, path: string, body: unknown): Promise<void> {
    const { admin } = await this.status();
    const response = await fetch(`http://127.0.0.1:${admin}${path}`, {
      method,
      headers: { authorization: `Bearer ${readToken(this.#data)}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${path} was answered ${response.status}: ${text}`);
  }

  /** What a change costs until it is published, and when the proxy has it. */
  async change(act: () => void | Promise<void>): Promise<Figures> {
    const { session } = this;
    await session.settle();
    await session.client.ask('arm eds');
    const { cpu, publications } = await this.status();
    const began = Number(process.hrtime.bigint());
    await act();
    const done = Number(process.hrtime.bigint());
    const { reached } = await session.wait('acked 1', 60_000);
    const after = await this.status();
    if (!reached || after.publications === publications) throw new Error('the change did not come to the proxy');
    const report = await session.report(began);
    return {
      'saved or answered ms': ms(done - began),
      'published ms': ms(after.published - began),
      'CPU ms until published': (after.cpuPublished - cpu) / 1000,
      'received ms': ms(report.receipt?.max ?? Number.NaN),
      'acked ms': ms(report.lastAck - began),
    };
  }

  #peer(): Peer {
    const profile = this.#ready.profiles;
    const profiling = profile === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', profile];
    return {
      name: 'ours',
      about: 'the whole server',
      route: 'gateway/edge',
      command: () => [
        ...[process.execPath, '--expose-gc', ...profiling, server],
        ...['--policy', this.policyFolder, '--data', this.#data],
      ],
    };
  }
}

const named = ({ services, endpoints }: LargePolicy) => `${services.toLocaleString('en-US')} × ${endpoints}`;

/** Files on the disk, nothing in the store. */
export async function coldStart(
  ready: Ready,
  { policy, starts }: Size,
  progress: (text: string) => void,
): Promise<readonly Row[]> {
  const rows: Row[] = [];
  for (const format of ['json', 'yaml'] as const) {
    const rounds: Figures[] = [];
    for (let round = 0; round < starts; round++) {
      progress(`  ${named(policy)} in ${format}, start ${round + 1}`);
      rounds.push(await withLarge(ready, policy, format, large => large.start()));
    }
    rows.push({
      scenario: 'cold',
      variant: `${named(policy)}, ${format}`,
      peer: 'ours',
      figures: spreads(rounds),
      notes: [],
    });
  }
  return rows;
}

/** Nothing has changed since the server ended. */
export async function restart(
  ready: Ready,
  { policy, starts }: Size,
  progress: (text: string) => void,
): Promise<readonly Row[]> {
  return await withLarge(ready, policy, 'json', async large => {
    await large.start();
    const rounds: Figures[] = [];
    for (let round = 0; round < starts; round++) {
      progress(`  ${named(policy)}, restart ${round + 1}`);
      await large.stop();
      rounds.push(await large.start());
    }
    return [{ scenario: 'restart', variant: named(policy), peer: 'ours', figures: spreads(rounds), notes: [] }];
  });
}

/** One endpoint of one service gets another weight: by its file, and by the API. */
export async function oneChange(
  ready: Ready,
  { policy, changes }: Size,
  progress: (text: string) => void,
): Promise<readonly Row[]> {
  return await withLarge(ready, policy, 'json', async large => {
    await large.start();
    progress(`  ${named(policy)}: ${changes} changes by file, and as many by API`);
    let weight = 1;
    const next = (): number => (weight = (weight % 900) + 1);
    const file = () => save(large.policyFolder, servicesText(policy, changingFile(policy), next()));
    const path = `/api/v1/services/${nameOf(changing)}/endpoints/${encodeURIComponent(addressOf(changing, 1))}`;
    const override = () => large.api('PATCH', path, { weight: next() });
    const rows: Row[] = [];
    for (const [variant, act] of [
      ['file', file],
      ['API', override],
    ] as const) {
      const rounds: Figures[] = [];
      for (let round = 0; round < changes + 5; round++) rounds.push(await large.change(act));
      rows.push({
        scenario: 'change',
        variant: `${named(policy)}, ${variant}`,
        peer: 'ours',
        figures: spreads(rounds.slice(5)),
        notes: [],
      });
    }
    return rows;
  });
}

async function withLarge<T>(
  ready: Ready,
  policy: LargePolicy,
  format: PolicyText['format'],
  act: (large: Large) => Promise<T>,
): Promise<T> {
  const large = new Large(ready);
  try {
    for (const each of texts(policy, 1, format)) save(large.policyFolder, each);
    return await act(large);
  } finally {
    await large.close();
  }
}

import type { Size } from './fixtures.ts';
import { type Peer, peers } from './peers.ts';
import { type Curve, type Row, type Spread, spread } from './results.ts';
import { type Push, Session, type SessionOptions } from './session.ts';
import type { Ready } from './setup.ts';

/** What a scenario is measured with, and where it puts what comes out. */
export class Context {
  readonly ready: Ready;
  readonly quick: boolean;
  readonly rounds: number;
  readonly unpinned: boolean;
  readonly #only: readonly string[] | undefined;
  readonly #scale: number | undefined;
  readonly rows: Row[] = [];
  readonly curves: Curve[] = [];

  /** @param flags `peers` names those to measure, `streams` how many proxies, `rounds` how often. */
  constructor(ready: Ready, quick: boolean, flags: Readonly<Record<string, string>>) {
    this.ready = ready;
    this.quick = quick;
    this.unpinned = 'unpinned' in flags;
    this.rounds = number(flags, 'rounds') ?? (quick ? 3 : 5);
    this.#scale = number(flags, 'streams');
    this.#only = flags.peers === undefined ? undefined : known(flags.peers.split(','));
  }

  /** How many proxies: a fifth of what the scenario has, when it is to be quick. */
  streams(full: number): number {
    return this.#scale === undefined
      ? this.quick
        ? Math.ceil(full / 5)
        : full
      : Math.ceil((this.#scale * full) / 1000);
  }

  size(clusters = 1000): Size {
    return { clusters: this.quick ? Math.ceil(clusters / 5) : clusters, endpoints: 10 };
  }

  /** Those of the given ones that are to be measured. With `quick`, one of each kind. */
  peers(...names: readonly (keyof typeof peers)[]): readonly Peer[] {
    const rare: readonly string[] = ['g1w', 'g2', 'g2o', 'g3w'];
    return names
      .filter(name => (this.#only ? this.#only.includes(peers[name].name) : !(this.quick && rare.includes(name))))
      .map(name => peers[name]);
  }

  progress(text: string): void {
    process.stderr.write(`${new Date().toISOString().slice(11, 19)} ${text}\n`);
  }

  async open(peer: Peer, options: SessionOptions): Promise<Session | undefined> {
    this.progress(`  ${peer.name}: ${options.streams} proxies, ${options.size.clusters} clusters, ${options.variant}`);
    return await Session.open(peer, this.ready, { ...options, unpinned: this.unpinned });
  }

  async start(peer: Peer, options: SessionOptions): Promise<Session | undefined> {
    return await Session.start(peer, this.ready, { ...options, unpinned: this.unpinned });
  }

  row(row: Row): void {
    this.rows.push(row);
  }
}

function known(names: readonly string[]): readonly string[] {
  const all = Object.values(peers).map(each => each.name);
  const unknown = names.filter(name => !all.includes(name));
  if (unknown.length > 0) throw new Error(`there is no server ${unknown.join(', ')}: there are ${all.join(', ')}`);
  return names;
}

function number(flags: Readonly<Record<string, string>>, name: string): number | undefined {
  const text = flags[name];
  if (text === undefined) return undefined;
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`--${name} must be a whole number from 1, not "${text}"`);
  return value;
}

/** Named figures of several rounds, as spreads. */
export function spreads(rounds: readonly Readonly<Record<string, number>>[]): Readonly<Record<string, Spread>> {
  const names = [...new Set(rounds.flatMap(each => Object.keys(each)))];
  return Object.fromEntries(names.map(name => [name, spread(rounds.map(each => each[name] ?? Number.NaN))]));
}

export const ms = (ns: number): number => ns / 1e6;
export const us = (ns: number): number => ns / 1e3;
export const megabytes = (bytes: number): number => bytes / 2 ** 20;

export function sum(values: readonly number[]): number {
  return values.reduce((total, each) => total + each, 0);
}

/** Above this share of its core the client may have been what was waited for. */
const clientLimit = 0.6;

export const voided = `the client used more than ${100 * clientLimit} % of its core: times say nothing, and are left out`;

/** Figures of pushes that were made one after the other; what is wrong is noted. */
export function pushFigures(
  pushes: readonly Push[],
  streams: number,
): { readonly figures: Readonly<Record<string, number>>; readonly notes: readonly string[] } {
  const average = (of: (push: Push) => number): number => sum(pushes.map(of)) / pushes.length;
  const busy = average(push => push.clientShare) > clientLimit;
  const failed = pushes.filter(push => !push.complete).length;
  return {
    figures: {
      'CPU µs/stream': us(average(push => push.cpu)) / streams,
      ...(busy
        ? {}
        : {
            'p50 ms': ms(average(push => push.report.receipt?.p50 ?? Number.NaN)),
            'p99 ms': ms(average(push => push.report.receipt?.p99 ?? Number.NaN)),
            'max ms': ms(Math.max(...pushes.map(push => push.report.receipt?.max ?? Number.NaN))),
            'all acked ms': ms(average(push => push.wall)),
          }),
      'bytes/stream': average(push => push.report.wire) / streams,
      'responses/stream': average(push => sum(push.report.messages)) / streams,
    },
    notes: [
      ...(busy ? [voided] : []),
      ...(failed > 0 ? ['not every proxy received and acknowledged every change'] : []),
    ],
  };
}

import { rmSync } from 'node:fs';
import { freePort } from '../../test/support/ports.ts';
import { temporaryDirectory } from '../../test/support/temporary.ts';
import { clearStock, startBystanders, stock, Victim } from './backends.ts';
import { play, shared, type Trial } from './episode.ts';
import type { Fault } from './faults.ts';
import { figuresOf, type Repetition } from './figures.ts';
import { lateMs } from './load.ts';
import { longestStall, now, type Stall, watchStalls } from './stalls.ts';
import type { Service, System } from './system.ts';

export interface Plan {
  readonly systems: readonly System[];
  readonly faults: readonly Fault[];
  readonly loads: readonly ('idle' | 'load')[];
  /** Of each fault, idle and under load, on each system. */
  readonly repetitions: number;
  /** Of each of them that happen at once, each to a service of its own. */
  readonly parallel: number;
  /** A repetition during which what measures stood still for longer is void, and is done once more. */
  readonly starvedMs: number;
  readonly workers: number;
  readonly say: (line: string) => void;
  /** Called with what there is after every round. */
  readonly keep: (measured: Measured) => void;
}

export interface Measured {
  readonly repetitions: readonly Repetition[];
  readonly versions: Readonly<Record<string, string>>;
  /** Repetitions that came to nothing, as a proxy did not get to serve all three servers. */
  readonly broken: number;
}

const [clearlyUnderMs, mostRounds] = [50, 2];

/**
 * Measures in rounds: in each, every system in turn meets every fault, idle and under load, so that what else the machine
 * does meets them all alike. Only one system runs at a time. Void repetitions are made up for, in up to twice the rounds.
 */
export async function measure(plan: Plan): Promise<Measured> {
  const kinds = kindsOf(plan);
  const stalls: Stall[] = [];
  watchStalls(stall => stalls.push(stall));
  await using stage = await raise(kinds.length * plan.parallel, stall => stalls.push(stall));
  const repetitions: Repetition[] = [];
  const versions: Record<string, string> = {};
  let broken = 0;
  const rounds = Math.ceil(plan.repetitions / plan.parallel);
  const began = now();
  for (let round = 0; round < rounds * mostRounds; round++) {
    const order = plan.systems.map((_, index) => plan.systems[(index + round) % plan.systems.length]);
    const due = order
      .filter(each => each !== undefined)
      .map(system => [system, trialsDue(plan, kinds, repetitions, system)] as const);
    if (due.every(([, trials]) => trials.length === 0)) break;
    for (const [system, trials] of due.filter(([, each]) => each.length > 0)) {
      plan.say(
        `round ${round + 1} of ${rounds}${round >= rounds ? ' (for void ones)' : ''}: ${system.name}, ${trials.length} trials`,
      );
      const played = await playAll(plan, system, trials, stage.services, stalls);
      versions[system.name] = played.version;
      repetitions.push(...played.repetitions);
      broken += trials.length - played.repetitions.length;
      stalls.length = 0;
    }
    plan.keep({ repetitions, versions, broken });
    const left = (Math.max(0, rounds - round - 1) * (now() - began)) / (round + 1);
    plan.say(`${voided(plan, repetitions)} repetitions void so far; about ${Math.ceil(left / 60_000)} minutes left`);
  }
  return { repetitions, versions, broken };
}

const voided = ({ starvedMs }: Plan, all: readonly Repetition[]) => all.filter(({ stall }) => stall > starvedMs).length;

function kindsOf({ faults, loads }: Plan): readonly Trial[] {
  const trials = loads.flatMap(load => faults.map(fault => ({ fault, load })));
  return [...trials, { fault: undefined, load: 'load' }];
}

/** What a system still has to go through, as much of each kind as fits into a round. */
function trialsDue(plan: Plan, kinds: readonly Trial[], done: readonly Repetition[], system: System): readonly Trial[] {
  return kinds.flatMap(kind => {
    const good = done.filter(
      each =>
        each.system === system.name &&
        each.fault === nameOf(kind) &&
        each.load === kind.load &&
        each.stall <= plan.starvedMs,
    ).length;
    const count = Math.max(0, Math.min(plan.parallel, plan.repetitions - good));
    return Array.from({ length: count }, () => kind);
  });
}

const nameOf = ({ fault }: Trial) => fault?.name ?? 'none';

/** One system goes through some trials at once. */
async function playAll(
  plan: Plan,
  system: System,
  trials: readonly Trial[],
  services: readonly Service[],
  stalls: readonly Stall[],
) {
  const folder = temporaryDirectory();
  const port = await freePort();
  const { workers, say } = plan;
  await stock(trials.reduce((sum, { fault }) => sum + (fault?.starts ?? 0), 0));
  const running = await system.start(services, { folder, port, workers, say });
  const inUse = running.inUse && shared(running.inUse);
  try {
    const all = trials.map(async (trial, index): Promise<readonly Repetition[]> => {
      const service = services[index];
      if (service === undefined) throw new Error('there are fewer services than trials');
      try {
        const episode = await play({ port, inUse }, service, trial);
        // All requests that count were under way then, unless they were late before.
        const stall = longestStall(stalls, episode.began - lateMs, episode.ended);
        const named = { system: system.name, fault: nameOf(trial), load: trial.load };
        return [figuresOf(episode, { ...named, stall: stall < clearlyUnderMs ? 0 : Math.round(stall) })];
      } catch (error) {
        say(`  ${nameOf(trial)} came to nothing: ${error instanceof Error ? error.message : String(error)}`);
        await service.victim.mend();
        return [];
      }
    });
    return { version: running.version, repetitions: (await Promise.all(all)).flat() };
  } finally {
    await running.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** So many services, with all their servers. */
async function raise(count: number, onStall: (stall: Stall) => void) {
  const services: Service[] = [];
  const bystanders: Record<string, number> = {};
  for (let index = 0; index < count; index++) {
    const name = `s${index}`;
    const others = [await freePort(), await freePort()];
    others.forEach((port, other) => {
      bystanders[`${name}-other${other}`] = port;
    });
    services.push({ name, victim: new Victim(`${name}-victim`, await freePort()), others });
  }
  const standing = await startBystanders(bystanders, onStall);
  for (const { victim } of services) await victim.start();
  return {
    services,
    [Symbol.asyncDispose]: async () => {
      await clearStock();
      await Promise.all(services.map(({ victim }) => victim[Symbol.asyncDispose]()));
      await standing[Symbol.asyncDispose]();
    },
  };
}

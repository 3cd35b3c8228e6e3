import { setTimeout as pause } from 'node:timers/promises';
import { until } from '../../test/support/until.ts';
import type { Fault } from './faults.ts';
import { Client, methods, type Outcome } from './load.ts';
import { now } from './stalls.ts';
import type { Service } from './system.ts';

/** What is tried with a service; without a fault it shows what the machine does to requests by itself. */
export interface Trial {
  readonly fault: Fault | undefined;
  readonly load: 'idle' | 'load';
}

/** What came of it. Times are those of {@link now}. */
export interface Episode {
  /** When the fault began, or would have. */
  readonly began: number;
  /** When the victim was well again. */
  readonly well: number;
  readonly ended: number;
  /** Requests that began after the fault, or were under way then. */
  readonly outcomes: readonly Outcome[];
  /** When the proxy had the victim out of use, and in use again, by its own view; absent where that was not seen. */
  readonly known: number | undefined;
  readonly back: number | undefined;
}

export interface Stage {
  readonly port: number;
  /** By the proxy's own view; undefined where it has none. */
  readonly inUse: (() => Promise<ReadonlySet<string>>) | undefined;
}

/** Requests a second of a service under load. */
export const perSecond = 50;
/** A service waits for its fault for this, and up to twice as much again, so that faults fall anywhere between checks. */
const calmMs = 1000;
/** How long the victim has to get traffic again, in milliseconds. */
const patienceForReturnMs = 20_000;
/** Requests at a time of the first callers of an idle service, half of each method. */
const firstCallers = 12;
/** How long a control is watched, in milliseconds. */
const controlMs = 15_000;
/** Answers of the victim that show it to be back. */
const answersOfReturn = 3;

/** Plays one repetition on a service whose servers are all well, and leaves it so. */
export async function play(stage: Stage, service: Service, { fault, load }: Trial): Promise<Episode> {
  const client = new Client(stage.port, `/${service.name}/`);
  try {
    await warm(client, stage, service);
    const trial = { stage, service, client, fault };
    return load === 'idle' && fault !== undefined ? await idle({ ...trial, fault }) : await underLoad(trial);
  } finally {
    client.close();
  }
}

/** Asks until all three have answered, and the proxy has all in use. */
async function warm(client: Client, { inUse }: Stage, service: Service): Promise<void> {
  const seen = new Set<string | undefined>();
  await until(
    `all servers of ${service.name} answer`,
    async () => {
      for (const method of methods) seen.add((await client.ask(method)).by);
      const known = (await inUse?.())?.has(service.name) ?? true;
      return known && seen.has(service.victim.name) && seen.size >= service.others.length + 1;
    },
    30_000,
  );
}

interface Setting {
  readonly stage: Stage;
  readonly service: Service;
  readonly client: Client;
}

async function underLoad({
  service,
  client,
  fault,
}: Setting & { readonly fault: Fault | undefined }): Promise<Episode> {
  const load = client.load(perSecond);
  try {
    await pause(calmMs * (1 + 2 * Math.random()));
    const began = (await fault?.begin(service.victim)) ?? now();
    await pause(fault?.lasts ?? controlMs);
    const well = await service.victim.mend();
    const returned = () =>
      load.outcomes.filter(({ by, began }) => by === service.victim.name && began >= well).slice(0, answersOfReturn);
    await until('the victim is back', () => returned().length === answersOfReturn, patienceForReturnMs).catch(() => {});
    await load.end();
    // What was under way counts as well, but for a slow start: its service was without the victim before.
    const outcomes = load.outcomes.filter(each => (fault?.noticed === false ? each.began : each.ended) >= began);
    return { began, well, ended: now(), outcomes, known: undefined, back: returned()[0]?.began };
  } finally {
    await load.end();
  }
}

async function idle({ stage, service, client, fault }: Setting & { readonly fault: Fault }): Promise<Episode> {
  await pause(calmMs * (1 + 2 * Math.random()));
  const began = await fault.begin(service.victim);
  const stop = new AbortController();
  const known = fault.noticed ? seen(stage, service.name, false, stop.signal) : Promise.resolve(undefined);
  await pause(fault.firstCallers);
  const outcomes = Promise.all(
    Array.from({ length: firstCallers }, (_, index) => client.ask(index % 2 ? 'GET' : 'POST')),
  );
  await pause(fault.lasts - fault.firstCallers);
  stop.abort();
  const well = await service.victim.mend();
  const back = await seen(stage, service.name, true, AbortSignal.timeout(patienceForReturnMs));
  return { began, well, ended: now(), outcomes: await outcomes, known: await known, back };
}

const lookMs = 20;

/** When the proxy had the victim in use, or out of it; undefined when that did not come before the signal. */
async function seen({ inUse }: Stage, name: string, wanted: boolean, signal: AbortSignal): Promise<number | undefined> {
  while (inUse !== undefined && !signal.aborted) {
    if ((await inUse()).has(name) === wanted) return now();
    await pause(lookMs);
  }
  return undefined;
}

/** One look at a proxy's view for all who ask meanwhile, so that looking does not load it. */
export function shared<T>(look: () => Promise<T>): () => Promise<T> {
  let under: Promise<T> | undefined;
  return () => {
    under ??= look().finally(() => {
      under = undefined;
    });
    return under;
  };
}

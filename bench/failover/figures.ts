import type { Episode } from './episode.ts';
import { type Method, methods, type Outcome } from './load.ts';

/** One repetition, told in figures. Milliseconds are after the fault, or, of `back`, after the victim was well. */
export interface Repetition {
  readonly system: string;
  /** `none` for a control. */
  readonly fault: string;
  readonly load: 'idle' | 'load';
  /** The longest time in which what measures did not get to run, in milliseconds. */
  readonly stall: number;
  /** When the last request began that failed or was late while the fault lasted; 0 where none did. */
  readonly lastBad: number;
  /** When the proxy knew; null where that was not seen. */
  readonly known: number | null;
  readonly back: number | null;
  readonly requests: Readonly<Record<Method, number>>;
  /** Requests by how they went wrong: `late`, `silent`, `cut`, `unsent` or a status. */
  readonly bad: Readonly<Record<Method, Readonly<Record<string, number>>>>;
}

/** What an episode comes to. */
export function figuresOf(
  episode: Episode,
  named: Pick<Repetition, 'system' | 'fault' | 'load' | 'stall'>,
): Repetition {
  const { began, well, outcomes, known, back } = episode;
  const bad = outcomes.filter(({ kind }) => kind !== 'ok');
  const during = bad.filter(each => each.began < well).map(each => each.began - began);
  return {
    ...named,
    lastBad: Math.round(Math.max(0, ...during)),
    known: known === undefined ? null : Math.round(known - began),
    back: back === undefined ? null : Math.round(Math.max(0, back - well)),
    requests: byMethod(method => outcomes.filter(each => each.method === method).length),
    bad: byMethod(method => counted(bad.filter(each => each.method === method))),
  };
}

function byMethod<T>(of: (method: Method) => T): Readonly<Record<Method, T>> {
  return Object.fromEntries(methods.map(method => [method, of(method)])) as Record<Method, T>;
}

function counted(outcomes: readonly Outcome[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const { kind } of outcomes) counts[kind] = (counts[kind] ?? 0) + 1;
  return counts;
}

/** The spread of some values in milliseconds; `missing` were not seen at all, and are worse than any value. */
export interface Spread {
  readonly p50: number | null;
  readonly p99: number | null;
  readonly max: number | null;
  readonly missing: number;
}

/** Failed or late requests of one method over all repetitions of a kind. */
export interface Badness {
  readonly requests: number;
  readonly failed: number;
  readonly late: number;
  /** Repetitions in which at least one failed. */
  readonly hit: number;
  readonly byKind: Readonly<Record<string, number>>;
}

/** All repetitions of one fault on one system, idle or under load. */
export interface Summary {
  readonly system: string;
  readonly fault: string;
  readonly load: 'idle' | 'load';
  readonly repetitions: number;
  readonly voided: number;
  readonly lastBad: Spread;
  readonly known: Spread;
  readonly back: Spread;
  readonly bad: Readonly<Record<Method, Badness>>;
}

/** Sums up the repetitions of one kind. Those in which what measures stood still longer than `starvedMs` are void. */
export function summarise(
  kind: Pick<Summary, 'system' | 'fault' | 'load'>,
  all: readonly Repetition[],
  starvedMs: number,
) {
  const of = all.filter(each => each.system === kind.system && each.fault === kind.fault && each.load === kind.load);
  const good = of.filter(({ stall }) => stall <= starvedMs);
  const summary: Summary = {
    ...kind,
    repetitions: good.length,
    voided: of.length - good.length,
    lastBad: spread(good.map(({ lastBad }) => lastBad)),
    known: spread(good.map(({ known }) => known)),
    back: spread(good.map(({ back }) => back)),
    bad: byMethod(method => badness(good, method)),
  };
  return summary;
}

/** Percentiles by nearest rank, so that each is a value that was measured. */
export function spread(values: readonly (number | null)[]): Spread {
  const sorted = values.map(value => value ?? Number.POSITIVE_INFINITY).toSorted((a, b) => a - b);
  const at = (share: number) => {
    const value = sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)];
    return value === undefined || value === Number.POSITIVE_INFINITY ? null : value;
  };
  return { p50: at(0.5), p99: at(0.99), max: at(1), missing: values.filter(value => value === null).length };
}

function badness(repetitions: readonly Repetition[], method: Method): Badness {
  const byKind: Record<string, number> = {};
  for (const { bad } of repetitions) {
    for (const [kind, count] of Object.entries(bad[method])) byKind[kind] = (byKind[kind] ?? 0) + count;
  }
  const total = Object.values(byKind).reduce((sum, count) => sum + count, 0);
  const late = byKind['late'] ?? 0;
  return {
    requests: repetitions.reduce((sum, { requests }) => sum + requests[method], 0),
    failed: total - late,
    late,
    hit: repetitions.filter(({ bad }) => Object.keys(bad[method]).some(kind => kind !== 'late')).length,
    byKind,
  };
}

import { perSecond } from './episode.ts';
import type { Spread, Summary } from './figures.ts';
import { lateMs, patienceMs } from './load.ts';

/** What a run comes to, as it is kept in `results.json`; everything that is shown is made from it. */
export interface Results {
  readonly date: string;
  readonly machine: string;
  readonly repetitions: number;
  readonly parallel: number;
  readonly starvedMs: number;
  readonly workers: number;
  readonly broken: number;
  readonly systems: readonly { readonly name: string; readonly version: string; readonly about: string }[];
  readonly faults: readonly { readonly name: string; readonly about: string }[];
  readonly summaries: readonly Summary[];
}

const ours = 'switchyard';

/** The tables with how to read them, in Markdown. */
export function tables(results: Results): string {
  return [
    `Measured on ${results.date.slice(0, 10)} on ${results.machine}: repetitions of each fault on each system: ${results.repetitions}.`,
    'Bold is the best of the systems. Times are in seconds: median / 99th percentile / longest.',
    '',
    '**Under load**',
    '',
    ...loadTable(results),
    '',
    '**Idle**',
    '',
    ...idleTable(results),
    '',
    '**What was set as a goal**',
    '',
    ...bars(results),
  ].join('\n');
}

/** The whole page of results. */
export function page(results: Results): string {
  return `${[
    '# How fast a fault is noticed, and what it costs',
    '',
    'Made by `npm run bench -- failover` (`--help` says more); not to be edited.',
    '',
    tables(results),
    '',
    '## What is compared',
    '',
    '| system | version | configuration |',
    '| --- | --- | --- |',
    ...results.systems.map(({ name, version, about }) => `| ${name} | ${version} | ${about} |`),
    '',
    '| fault | what happens to one server of three |',
    '| --- | --- |',
    ...results.faults.map(({ name, about }) => `| ${name} | ${about} |`),
    '',
    ...kindsOfFailure(results),
    '',
    ...howToRead(results),
  ].join('\n')}\n`;
}

function kindsOfFailure({ summaries, faults }: Results): readonly string[] {
  const told = (byKind: Readonly<Record<string, number>>) =>
    Object.entries(byKind)
      .toSorted(([, a], [, b]) => b - a)
      .map(([kind, count]) => `${count} ${kind}`)
      .join(', ') || '-';
  const shown = faults.flatMap(({ name }) =>
    summaries.filter(({ fault, repetitions }) => fault === name && repetitions > 0),
  );
  return [
    '## What went wrong, by kind',
    '',
    'Requests of all valid repetitions that were not answered 200 within a second: by status, or `late`, `cut` (the',
    'connection ended), `silent` (no answer while the client waited), `unsent` (too many were under way).',
    '',
    '| fault | | system | repetitions | GET | POST |',
    '| --- | --- | --- | --: | --- | --- |',
    ...shown.map(({ fault, load, system, repetitions, bad }) =>
      row([fault, load, system, repetitions, told(bad.GET.byKind), told(bad.POST.byKind)]),
    ),
  ];
}

function howToRead({ starvedMs, workers, parallel, broken, summaries }: Results): readonly string[] {
  const voided = summaries.reduce((sum, each) => sum + each.voided, 0);
  const control = summaries.filter(({ fault }) => fault === 'none');
  return [
    '## How to read it',
    '',
    `- Every service has three servers; one of them gets the fault, at a random time between two checks. Under load means ${perSecond} requests a second, GET and POST in turns, whatever the answers take; idle means none.`,
    `- **last bad** is the time from the fault until the last request began that failed or took longer than ${lateMs / 1000} s; requests that begin later go well. A client waits for ${patienceMs / 1000} s. For slow-start it counts from when the port is open.`,
    '- **knows** is the time from the fault until the proxy has the server out of use by its own view: the gauge of healthy members in Envoy, the server’s status in HAProxy. The open-source nginx has no such view before a request has failed: it never knows while idle.',
    '- **failed** are requests that were answered with an error, cut or not answered, on average over the repetitions, and in how many of these there was one. Under load requests under way at the time of the fault count. Idle, they are those of the first twelve callers, at once, 3 s after the fault (1.5 s after a slow start began).',
    '- **late** are answers after more than a second, by repetition. **back** is the time from the server being well again until it gets a request, or, idle, until the proxy has it in use.',
    '- Faults last 15 s, a slow start 3 s. A value near that means: not before the fault was over.',
    `- Each system runs alone, with ${workers} workers, and the systems take turns. ${parallel} of each kind of fault happen at a time, each to a service of its own; so one proxy has to deal with many. Clients and servers share its machine: ratios say more than seconds.`,
    `- Repetitions in which what measures stood still for more than ${starvedMs} ms are void: ${voided} were, and ${broken} came to nothing.`,
    '- A control, a service under the same load without a fault at the same time, shows the noise:',
    '',
    '| system | repetitions | failed | late | requests |',
    '| --- | --: | --: | --: | --: |',
    ...control.map(({ system, repetitions, bad: { GET, POST } }) =>
      row([system, repetitions, GET.failed + POST.failed, GET.late + POST.late, GET.requests + POST.requests]),
    ),
  ];
}

interface Cell {
  readonly text: string;
  /** Less is better. */
  readonly value: number;
}
type Cells = Readonly<Record<string, Cell>>;

function loadTable(results: Results): readonly string[] {
  return table(results, 'load', ({ lastBad, bad: { GET, POST }, back, repetitions }) => ({
    'last bad': time(lastBad),
    'failed GET': failed(GET.failed, GET.hit, repetitions),
    'failed POST': failed(POST.failed, POST.hit, repetitions),
    late: mean(GET.late + POST.late, repetitions),
    back: time(back),
  }));
}

function idleTable(results: Results): readonly string[] {
  return table(results, 'idle', ({ fault, known, bad: { GET, POST }, back, repetitions }) => ({
    knows: fault === 'slow-start' ? { text: 'knew before', value: 0 } : time(known, 'never'),
    'failed GET': failed(GET.failed, GET.hit, repetitions),
    'failed POST': failed(POST.failed, POST.hit, repetitions),
    late: mean(GET.late + POST.late, repetitions),
    back: time(back, 'with a request'),
  }));
}

function table(
  { faults, systems, summaries }: Results,
  load: Summary['load'],
  cells: (summary: Summary) => Cells,
): readonly string[] {
  const rows = faults.flatMap(({ name }) => {
    const group = systems.flatMap(system =>
      summaries.filter(each => each.fault === name && each.system === system.name && each.load === load),
    );
    const shown = group.map(each => ({ ...each, cells: cells(each) }));
    const valid = shown.filter(({ repetitions }) => repetitions > 0);
    return shown.map(({ fault, system, repetitions, cells: own }) => {
      const texts = Object.entries(own).map(([column, cell]) => {
        const values = valid.map(each => each.cells[column]?.value ?? Number.NaN);
        return repetitions === 0 ? 'none valid' : marked(cell, values);
      });
      return { columns: Object.keys(own), line: row([fault, system, ...texts]) };
    });
  });
  const columns = rows[0]?.columns ?? [];
  return [
    row(['fault', 'system', ...columns]),
    row(['---', '---', ...columns.map(() => '--:')]),
    ...rows.map(({ line }) => line),
  ];
}

/** In bold where none is better and some are worse. */
function marked({ text, value }: Cell, values: readonly number[]): string {
  const best = values.every(each => value <= each) && values.some(each => value < each);
  return best ? `**${text}**` : text;
}

const row = (cells: readonly (string | number)[]) => `| ${cells.join(' | ')} |`;
const seconds = (value: number) => (value / 1000).toFixed(2);

function time({ p50, p99, max }: Spread, missing = 'not seen') {
  if (p50 === null && p99 === null) return { text: missing, value: Number.POSITIVE_INFINITY };
  const text = [p50, p99, max].map(value => (value === null ? missing : seconds(value))).join(' / ');
  return { text, value: p99 ?? Number.POSITIVE_INFINITY };
}

function failed(count: number, hit: number, repetitions: number) {
  const value = count / repetitions;
  if (count === 0) return { text: '0', value };
  return { text: `${value.toFixed(2)} (in ${((100 * hit) / repetitions).toFixed(0)}%)`, value };
}

function mean(count: number, repetitions: number) {
  const value = count / repetitions;
  return { text: count === 0 ? '0' : value.toFixed(2), value };
}

/** Whether the goals were met. */
function bars({ summaries }: Results): readonly string[] {
  const mine = summaries.filter(
    ({ system, fault, repetitions }) => system === ours && fault !== 'none' && repetitions > 0,
  );
  const noticed = ({ load, fault, lastBad, known }: Summary) =>
    load === 'idle' && fault !== 'slow-start' ? known.p99 : lastBad.p99;
  const soon = mine.filter(({ load, fault }) => load === 'load' && ['crash', 'refusal', '5xx'].includes(fault));
  const crash = mine.filter(({ fault }) => fault === 'crash');
  return [
    '| goal | measured | met |',
    '| --- | --- | --- |',
    bar('any single fault is over within 2.5 s (p99)', mine, each => noticed(each), 2500),
    bar('crash, refusal and 5xx under load: within 1 s (p99)', soon, ({ lastBad }) => lastBad.p99, 1000),
    ...(crash.length === 0
      ? []
      : [
          goal(
            'no idempotent request fails by a crash',
            crash.reduce((sum, { bad }) => sum + bad.GET.failed, 0),
          ),
        ]),
  ];
}

function goal(text: string, failures: number): string {
  return row([text, `${failures} failed`, failures === 0 ? 'yes' : '**no**']);
}

function bar(text: string, of: readonly Summary[], value: (each: Summary) => number | null, limit: number): string {
  const over = of.filter(each => (value(each) ?? Number.POSITIVE_INFINITY) > limit);
  const told = (each: Summary) => {
    const each99 = value(each);
    return `${each.fault} ${each.load === 'idle' ? 'idle' : 'under load'} ${each99 === null ? 'not seen' : `${seconds(each99)} s`}`;
  };
  const worst = of.toSorted(
    (a, b) => (value(b) ?? Number.POSITIVE_INFINITY) - (value(a) ?? Number.POSITIVE_INFINITY),
  )[0];
  if (worst === undefined) return row([text, 'nothing', '-']);
  const measured = over.length > 0 ? over.map(told).join(', ') : `at most ${told(worst)}`;
  return row([text, measured, over.length === 0 ? 'yes' : '**no**']);
}

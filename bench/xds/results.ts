/** What came out of a run, and how it is told. */

/** A figure over the rounds. */
export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

export interface Row {
  readonly scenario: string;
  readonly variant: string;
  readonly peer: string;
  /** By what it is and its unit, such as `CPU µs/stream`. */
  readonly figures: Readonly<Record<string, Spread>>;
  /** What is wrong with it, or must be known to read it. */
  readonly notes: readonly string[];
}

export interface Run {
  readonly quick: boolean;
  readonly rounds: number;
  readonly machine: string;
  readonly versions: Readonly<Record<string, string>>;
  readonly missing: readonly string[];
  readonly titles: Readonly<Record<string, string>>;
  readonly rows: readonly Row[];
  readonly curves: readonly Curve[];
}

/** How a cost grows: by the size on one side, the figure on the other. */
export interface Curve {
  readonly name: string;
  readonly peer: string;
  readonly points: readonly (readonly [size: number, value: number])[];
}

export const cpuFigure = 'CPU µs/stream';

export function spread(values: readonly number[]): Spread {
  const sorted = values.filter(Number.isFinite).toSorted((a, b) => a - b);
  const at = (index: number): number => sorted[index] ?? Number.NaN;
  const middle = sorted.length >> 1;
  const median = sorted.length % 2 === 1 ? at(middle) : (at(middle - 1) + at(middle)) / 2;
  return { median, least: at(0), most: at(sorted.length - 1) };
}

/** The power of the size with which the value grows: the slope of a line through the logarithms. */
export function exponent(points: Curve['points']): number {
  const logs = points.map(([size, value]) => [Math.log(size), Math.log(Math.max(value, 1e-9))] as const);
  const mean = (of: (point: readonly [number, number]) => number): number =>
    logs.reduce((sum, point) => sum + of(point), 0) / logs.length;
  const [x, y] = [mean(point => point[0]), mean(point => point[1])];
  const over = logs.reduce((sum, point) => sum + (point[0] - x) * (point[1] - y), 0);
  return over / logs.reduce((sum, point) => sum + (point[0] - x) ** 2, 0);
}

/** Three digits are as many as a shared machine gives. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return '–';
  const magnitude = Math.abs(value);
  if (magnitude >= 100) return Math.round(value).toLocaleString('en-US');
  return value.toFixed(magnitude >= 10 ? 1 : 2);
}

function spreadText({ median, least, most }: Spread): string {
  return least === most ? short(median) : `${short(median)} (${short(least)}–${short(most)})`;
}

const groupOf = ({ scenario, variant }: Row): string => `${scenario} ${variant}`;

function groups(rows: readonly Row[]): ReadonlyMap<string, readonly Row[]> {
  return Map.groupBy(rows, groupOf);
}

/** Ours over the other, of the medians of a figure. */
export function ratio(rows: readonly Row[], figure: string, ours: string, other: string): number {
  const of = (peer: string) => rows.find(each => each.peer === peer)?.figures[figure]?.median ?? Number.NaN;
  return of(ours) / of(other);
}

function table(rows: readonly Row[]): readonly string[] {
  const figures = [...new Set(rows.flatMap(row => Object.keys(row.figures)))];
  const withRatio = figures.includes(cpuFigure) && rows.some(row => row.peer === 'ours');
  const head = ['', ...figures, ...(withRatio ? ['ours ÷ it, CPU'] : [])];
  const lines = rows.map(row => {
    const quotient = ratio(rows, cpuFigure, 'ours', row.peer);
    const mark = row.notes.length > 0 ? ` ${row.notes.map(() => '†').join('')}` : '';
    return [
      row.peer + mark,
      ...figures.map(figure => (row.figures[figure] ? spreadText(row.figures[figure]) : '–')),
      ...(withRatio ? [row.peer === 'ours' ? '1' : short(quotient)] : []),
    ];
  });
  const notes = rows.flatMap(row => row.notes.map(note => `† ${row.peer}: ${note}`));
  return [
    `| ${head.join(' | ')} |`,
    `| ${head.map((_, index) => (index === 0 ? '---' : '---:')).join(' | ')} |`,
    ...lines.map(cells => `| ${cells.join(' | ')} |`),
    ...(notes.length > 0 ? ['', ...new Set(notes)] : []),
  ];
}

function curveTable(curves: readonly Curve[]): readonly string[] {
  return [...Map.groupBy(curves, curve => curve.name)].flatMap(([name, list]) => {
    const sizes = [...new Set(list.flatMap(curve => curve.points.map(([size]) => size)))].toSorted((a, b) => a - b);
    const cells = (curve: Curve) =>
      sizes.map(size => short(curve.points.find(([each]) => each === size)?.[1] ?? Number.NaN));
    return [
      '',
      `### ${name}`,
      '',
      `| | ${sizes.join(' | ')} | exponent |`,
      `| --- |${' ---: |'.repeat(sizes.length + 1)}`,
      ...list.map(curve => `| ${curve.peer} | ${cells(curve).join(' | ')} | ${exponent(curve.points).toFixed(2)} |`),
    ];
  });
}

/** The run as a section of `results.md`. */
export function markdown(run: Run): string {
  const versions = Object.entries(run.versions).map(([name, version]) => `${name} ${version}`);
  const parts = [...groups(run.rows)].flatMap(([group, rows]) => [
    '',
    `### ${group}: ${run.titles[rows[0]?.scenario ?? ''] ?? ''}`,
    '',
    ...table(rows),
  ]);
  return [
    `${run.machine}. ${versions.join(', ')}. Medians of ${run.rounds} rounds, in brackets the least and the most.`,
    ...run.missing.map(each => `Without ${each}.`),
    ...parts,
    ...curveTable(run.curves),
    '',
  ].join('\n');
}

/** Lines that compare the ratios of a run with those of an earlier one of the same kind. */
export function compared(run: Run, before: Run | undefined): readonly string[] {
  if (!before) return ['There are no committed results of this kind to compare with.'];
  const old = groups(before.rows);
  return [...groups(run.rows)].flatMap(([group, rows]) =>
    ['ours', 'ours-http2'].flatMap(ours =>
      rows.flatMap(({ peer }) => {
        const now = ratio(rows, cpuFigure, ours, peer);
        const then = ratio(old.get(group) ?? [], cpuFigure, ours, peer);
        if (peer.startsWith('ours') || !Number.isFinite(now)) return [];
        const change = Number.isFinite(then) ? `, was ${short(then)} (${short(now / then)}×)` : ', not measured before';
        return [`${group.padEnd(14)} ${ours.padEnd(10)} ÷ ${peer.padEnd(10)} ${short(now)}${change}`];
      }),
    ),
  );
}

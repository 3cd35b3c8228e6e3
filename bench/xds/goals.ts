import { cpuFigure, exponent, type Row, type Run, ratio, short } from './results.ts';

/** A server of ours, by the transport that it runs on. */
type Ours = 'ours' | 'ours-http2';

/** What is to be reached, as ratios within one run. */
interface Goal {
  readonly scenario: string;
  readonly variant: string;
  readonly other: string;
  readonly most: number;
  readonly figure?: string;
  readonly ours?: Ours;
}

const bare: readonly string[] = ['grpc-js', 'node:http2'];

/**
 * What the bare transport takes that each runs on. It sends all the same nonce, reads of an acknowledgement only that it is
 * one, and asks nobody who connects what it wants: `more` says where that matters, and how much it may be.
 */
const ownTransport = (ours: Ours, other: string, more: Readonly<Record<string, number>>): readonly Goal[] =>
  ['S1 delta', 'S1 sotw', 'S2 sotw', 'S2 delta', 'S3 delta', 'S5 delta'].map(group => {
    const [scenario = '', variant = ''] = group.split(' ');
    return { scenario, variant, ours, other, most: more[group] ?? 1.3 };
  });

const goals: readonly Goal[] = [
  { scenario: 'S1', variant: 'delta', other: 'G1', most: 0.07 },
  { scenario: 'S1', variant: 'delta', other: 'G3', most: 0.06 },
  // The bare transport by itself takes 0.011 and 0.056.
  { scenario: 'S1', variant: 'sotw', other: 'G1', most: 0.02 },
  { scenario: 'S1', variant: 'sotw', other: 'G3', most: 0.09 },
  { scenario: 'S2', variant: 'sotw', other: 'G1', most: 0.08 },
  { scenario: 'S2', variant: 'sotw', other: 'G3', most: 0.8 },
  // Bare grpc-js, which copies, takes 0.11.
  { scenario: 'S3', variant: 'delta', other: 'G1', most: 0.1 },
  { scenario: 'S3', variant: 'delta', other: 'G3', most: 0.5 },
  { scenario: 'S9', variant: 'delta', other: 'G3', most: 1.5 },
  { scenario: 'S11', variant: 'sotw', other: 'G1', most: 0.3 },
  ...ownTransport('ours', 'grpc-js', { 'S1 delta': 1.6, 'S1 sotw': 1.6, 'S5 delta': 1.4 }),
  // The bare transport by itself takes 0.036.
  { scenario: 'S1', variant: 'delta', ours: 'ours-http2', other: 'G1', most: 0.05 },
  { scenario: 'S1', variant: 'delta', ours: 'ours-http2', other: 'G3', most: 0.04 },
  { scenario: 'S1', variant: 'sotw', ours: 'ours-http2', other: 'G1', most: 0.01 },
  { scenario: 'S1', variant: 'sotw', ours: 'ours-http2', other: 'G3', most: 0.06 },
  { scenario: 'S2', variant: 'sotw', ours: 'ours-http2', other: 'G1', most: 0.04 },
  { scenario: 'S2', variant: 'sotw', ours: 'ours-http2', other: 'G3', most: 0.2 },
  { scenario: 'S2', variant: 'sotw', ours: 'ours-http2', other: 'floor', most: 3.5 },
  // The bare transport by itself takes 0.05 and, below, 0.2.
  { scenario: 'S3', variant: 'delta', ours: 'ours-http2', other: 'G1', most: 0.08 },
  { scenario: 'S3', variant: 'delta', ours: 'ours-http2', other: 'G3', most: 0.35 },
  ...ownTransport('ours-http2', 'node:http2', {
    'S1 delta': 1.6,
    'S2 sotw': 1.8,
    'S2 delta': 1.8,
    'S3 delta': 1.6,
    'S5 delta': 1.6,
  }),
];

/** Bounds on a figure by itself. */
const bounds: readonly (Omit<Goal, 'other' | 'figure'> & { readonly figure: string })[] = [
  { scenario: 'S2', variant: 'sotw', figure: 'peak MB over rest', most: 64 },
  { scenario: 'S5', variant: 'delta', figure: 'all acked ms', most: 100 },
  { scenario: 'S6', variant: 'delta', figure: 'KB/further stream', most: 80 },
  { scenario: 'S7', variant: 'delta', figure: 'staleness p99 ms', most: 150 },
  { scenario: 'S2', variant: 'sotw', ours: 'ours-http2', figure: 'peak MB over rest', most: 64 },
  { scenario: 'S5', variant: 'delta', ours: 'ours-http2', figure: 'all acked ms', most: 100 },
  // The bare transport takes 29 to 37.
  { scenario: 'S6', variant: 'delta', ours: 'ours-http2', figure: 'KB/further stream', most: 60 },
  { scenario: 'S7', variant: 'delta', ours: 'ours-http2', figure: 'staleness p99 ms', most: 110 },
];

/** What reading a long ACK may take beyond what the transport takes to bring it: µs. */
const longAck = 12;

const growth: Readonly<Record<string, number>> = {
  'CPU µs/stream of one change, by clusters': 0.1,
  'CPU ms of one change, by streams': 1.05,
  'resting MB, by streams': 1.02,
};

/** Which of the goals that this run can judge are met: with few proxies and clusters, those beside bare transports. */
export function judged({ quick, rows, curves }: Pick<Run, 'quick' | 'rows' | 'curves'>): readonly string[] {
  const of = ({ scenario, variant }: Pick<Goal, 'scenario' | 'variant'>): readonly Row[] =>
    rows.filter(row => row.scenario === scenario && row.variant === variant);
  const verdict = (what: string, value: number, most: number): readonly string[] =>
    Number.isFinite(value) ? [`${value <= most ? 'met   ' : 'MISSED'} ${what}: ${short(value)}, goal ≤ ${most}`] : [];
  return [
    ...goals.flatMap(goal => {
      if (quick && !bare.includes(goal.other)) return [];
      const { scenario, variant, ours = 'ours', other, most } = goal;
      const { figure = scenario === 'S11' ? 'CPU µs/ACK' : cpuFigure } = goal;
      return verdict(`${scenario} ${variant}: ${ours} ÷ ${other}, CPU`, ratio(of(goal), figure, ours, other), most);
    }),
    ...bounds.flatMap(bound => {
      const { scenario, variant, ours = 'ours', figure, most } = bound;
      const value = of(bound).find(row => row.peer === ours)?.figures[figure]?.median ?? Number.NaN;
      return verdict(`${scenario} ${variant}: ${figure}${ours === 'ours' ? '' : ` of ${ours}`}`, value, most);
    }),
    ...verdict('S11 sotw: CPU µs/ACK beyond bare grpc-js', beyond(of({ scenario: 'S11', variant: 'sotw' })), longAck),
    ...curves.flatMap(({ name, peer, points }) => {
      const most = growth[name];
      return peer === 'ours' && most !== undefined ? verdict(`exponent of ${name}`, exponent(points), most) : [];
    }),
  ];
}

function beyond(rows: readonly Row[]): number {
  const median = (peer: string): number =>
    rows.find(row => row.peer === peer)?.figures['CPU µs/ACK']?.median ?? Number.NaN;
  return median('ours') - median('grpc-js');
}

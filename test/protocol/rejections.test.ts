import { loopback, pure } from './peers.ts';
import { type Line, runTranscripts, type Transcript } from './transcript.ts';

const cluster = (...names: readonly string[]) =>
  `Error adding/updating cluster(s) ${names.map(name => `${name}: cluster manager: bad`).join(', ')}`;

const abc = { a: '1', b: '1', c: '1' };
const ask = { sotw: { names: ['a', 'b', 'c', 'd'] }, delta: { subscribe: ['a', 'b', 'c', 'd'] } };
const variants = ['sotw', 'delta'] as const;

/** The same for both variants, as far as `lines` makes no difference. */
function both(name: string, lines: (variant: 'sotw' | 'delta') => readonly Line[]): readonly Transcript[] {
  return variants.map(variant => ({ name, variant, lines: lines(variant) }));
}

const fleet = { CDS: { old: '1' }, EDS: { old: '1' }, LDS: { l: '1' }, RDS: { r: 'to-old' } };

/** An Envoy that has all of `fleet`. */
const running = (variant: 'sotw' | 'delta'): readonly Line[] => [
  { publish: fleet },
  { send: { type: 'CDS' } },
  { expect: [{ type: 'CDS', resources: ['old=1'] }] },
  { send: { type: 'EDS', ...(variant === 'sotw' ? { names: ['old'] } : { subscribe: ['old'] }) } },
  { expect: [{ type: 'EDS', resources: ['old=1'] }] },
  { ack: 'EDS' },
  { ack: 'CDS' },
  { send: { type: 'LDS' } },
  { expect: [{ type: 'LDS', resources: ['l=1'] }] },
  { ack: 'LDS' },
  { send: { type: 'RDS', ...(variant === 'sotw' ? { names: ['r'] } : { subscribe: ['r'] }) } },
  { expect: [{ type: 'RDS', resources: ['r=to-old'] }] },
  { ack: 'RDS' },
];

const transcripts: readonly Transcript[] = [
  ...both('R42: who is named is left out, and the rest comes at once', () => [
    { publish: { CDS: abc } },
    { send: { type: 'CDS' } },
    { expect: [{ type: 'CDS', resources: ['a=1', 'b=1', 'c=1'] }] },
    { nack: 'CDS', error: cluster('b') },
    { expect: [{ type: 'CDS', resources: ['a=1', 'c=1'] }] },
    { ack: 'CDS' },
    { expect: [] },
  ]),
  ...both('R42: gRPC clients name by the place in the response, which holds what they had before as well', variant => [
    { publish: { CDS: { a: '1', b: '1' } } },
    { send: { type: 'CDS' } },
    { expect: [{ type: 'CDS', resources: ['a=1', 'b=1'] }] },
    { ack: 'CDS' },
    { publish: { CDS: { a: '1', b: '2', c: '1' } } },
    { expect: [{ type: 'CDS', resources: variant === 'sotw' ? ['a=1', 'b=2', 'c=1'] : ['b=2', 'c=1'] }] },
    {
      nack: 'CDS',
      error: `xDS response validation errors: [resource index ${variant === 'sotw' ? 1 : 0}: b: bad]`,
    },
    { expect: [{ type: 'CDS', resources: variant === 'sotw' ? ['a=1', 'b=1', 'c=1'] : ['c=1'] }] },
    { ack: 'CDS' },
  ]),
  ...both(
    'R10, R42: what was rejected alone is met with silence, and sent again once when it is to be tried again',
    variant => [
      { publish: { RDS: { r: '1' } } },
      { send: { type: 'RDS', ...(variant === 'sotw' ? { names: ['r'] } : { subscribe: ['r'] }) } },
      { expect: [{ type: 'RDS', resources: ['r=1'] }] },
      { ack: 'RDS' },
      { publish: { RDS: { r: '2' } } },
      { expect: [{ type: 'RDS', resources: ['r=2'] }] },
      { nack: 'RDS', error: 'bad' },
      { expect: [] },
      { retry: true },
      { expect: [{ type: 'RDS', resources: ['r=2'] }] },
      { nack: 'RDS', error: 'bad' },
      { expect: [] },
      { retry: true },
      { expect: [{ type: 'RDS', resources: ['r=2'] }] },
      { ack: 'RDS' },
      { retry: true },
      { expect: [] },
    ],
  ),
  ...both('R42: new content of the culprit is sent, and so is another change, without the culprit', () => [
    { publish: { CDS: abc } },
    { send: { type: 'CDS' } },
    { expect: [{ type: 'CDS', resources: ['a=1', 'b=1', 'c=1'] }] },
    { nack: 'CDS', error: cluster('b') },
    { expect: [{ type: 'CDS', resources: ['a=1', 'c=1'] }] },
    { ack: 'CDS' },
    { publish: { CDS: { ...abc, a: '2', c: '2' } } },
    { expect: [{ type: 'CDS', resources: ['a=2', 'c=2'] }] },
    { ack: 'CDS' },
    { publish: { CDS: { a: '3', b: '2', c: '3' } } },
    { expect: [{ type: 'CDS', resources: ['a=3', 'b=2', 'c=3'] }] },
    { ack: 'CDS' },
  ]),
  ...both(
    'R10, R42: the last good content stays through one bad one after another, and is said again when it is back',
    variant => [
      { publish: { CDS: { a: '1', b: '1' } } },
      { send: { type: 'CDS' } },
      { expect: [{ type: 'CDS', resources: ['a=1', 'b=1'] }] },
      { ack: 'CDS' },
      ...['2', '3'].flatMap((bad): readonly Line[] => [
        { publish: { CDS: { a: '1', b: bad } } },
        { expect: [{ type: 'CDS', resources: variant === 'sotw' ? ['a=1', `b=${bad}`] : [`b=${bad}`] }] },
        { nack: 'CDS', error: cluster('b') },
        { expect: [] },
      ]),
      { publish: { CDS: { a: '2', b: '3' } } },
      { expect: [{ type: 'CDS', resources: variant === 'sotw' ? ['a=2', 'b=1'] : ['a=2'] }] },
      { ack: 'CDS' },
      { publish: { CDS: { a: '2', b: '1' } } },
      // SotW has said it already, with the rest.
      { expect: variant === 'sotw' ? [] : [{ type: 'CDS', resources: ['b=1'] }] },
    ],
  ),
  ...both('R42: a new cluster that is rejected leaves routes as they were', variant => [
    ...running(variant),
    {
      publish: {
        CDS: { new: '1', old: '1', other: '1' },
        EDS: { new: '1', old: '1', other: '1' },
        LDS: { l: '1' },
        RDS: { r: 'to-new' },
      },
    },
    { expect: [{ type: 'CDS', resources: variant === 'sotw' ? ['new=1', 'old=1', 'other=1'] : ['new=1', 'other=1'] }] },
    { nack: 'CDS', error: cluster('new') },
    { expect: [{ type: 'CDS', resources: variant === 'sotw' ? ['old=1', 'other=1'] : ['other=1'] }] },
    { ack: 'CDS' },
    { timers: true },
    { expect: [] },
  ]),
  ...both('R37, R42: routes that are rejected keep the cluster that the old ones lead to', variant => [
    ...running(variant),
    { publish: { CDS: { new: '1' }, EDS: { new: '1' }, LDS: { l: '1' }, RDS: { r: 'to-new' } } },
    { expect: [{ type: 'CDS', resources: variant === 'sotw' ? ['new=1', 'old=1'] : ['new=1'] }] },
    {
      send: {
        type: 'EDS',
        nonce: 'last',
        ...(variant === 'sotw' ? { names: ['new', 'old'] } : { subscribe: ['new'] }),
      },
    },
    { expect: [{ type: 'EDS', resources: ['new=1'] }] },
    { ack: 'EDS' },
    { ack: 'CDS' },
    { expect: [{ type: 'RDS', resources: ['r=to-new'] }] },
    { nack: 'RDS', error: 'bad' },
    { timers: true },
    { timers: true },
    { expect: [] },
    { publish: { CDS: { new: '1' }, EDS: { new: '1' }, LDS: { l: '1' }, RDS: { r: 'to-new 2' } } },
    { expect: [{ type: 'RDS', resources: ['r=to-new 2'] }] },
    { ack: 'RDS' },
    { timers: true },
    { expect: [{ type: 'CDS', ...(variant === 'sotw' ? { resources: ['new=1'] } : { removed: ['old'] }) }] },
    { ack: 'CDS' },
    { expect: variant === 'sotw' ? [] : [{ type: 'EDS', removed: ['old'] }] },
  ]),
  ...both(
    'R39, R42: endpoints that are rejected while their cluster warms anew leave it with those it had',
    variant => [
      ...running(variant),
      { publish: { ...fleet, CDS: { old: '2' } } },
      {
        expect: [
          { type: 'CDS', resources: ['old=2'] },
          { type: 'EDS', resources: ['old=1'] },
        ],
      },
      { publish: { ...fleet, CDS: { old: '3' }, EDS: { old: 'bad' } } },
      { ack: 'CDS' },
      { expect: [{ type: 'CDS', resources: ['old=3'] }] },
      { ack: 'EDS' },
      { expect: [{ type: 'EDS', resources: ['old=bad'] }] },
      { nack: 'EDS', error: 'bad' },
      { expect: [{ type: 'EDS', resources: ['old=1'] }] },
      { ack: 'EDS' },
      { ack: 'CDS' },
    ],
  ),
  {
    name: 'R26, R42: of a client that came back nobody knows what it has, so it is left alone where absence deletes',
    variant: 'sotw',
    lines: [
      { publish: { CDS: abc } },
      { send: { type: 'CDS', version: 'of-old' } },
      { expect: [{ type: 'CDS', resources: ['a=1', 'b=1', 'c=1'] }] },
      { nack: 'CDS', error: cluster('b') },
      { expect: [] },
      { publish: { CDS: { ...abc, b: '2' } } },
      { expect: [{ type: 'CDS', resources: ['a=1', 'b=2', 'c=1'] }] },
      { ack: 'CDS' },
    ],
  },
  {
    name: 'R18, R42: what a client brought stays when it rejects what is to follow',
    variant: 'delta',
    lines: [
      { publish: { CDS: abc } },
      { send: { type: 'CDS', has: { a: '1', b: '0' } } },
      { expect: [{ type: 'CDS', resources: ['b=1', 'c=1'] }] },
      { nack: 'CDS', error: cluster('b') },
      { expect: [{ type: 'CDS', resources: ['c=1'] }] },
      { ack: 'CDS' },
      { publish: { CDS: { b: '1', c: '2' } } },
      { expect: [{ type: 'CDS', resources: ['c=2'], removed: ['a'] }] },
      { ack: 'CDS' },
      { publish: { CDS: { c: '2' } } },
      { expect: [{ type: 'CDS', removed: ['b'] }] },
      { ack: 'CDS' },
    ],
  },
];

/** What takes pauses, which only a stream without a clock can be told to be over. */
const halving: readonly Transcript[] = [
  ...both('R10, R42: where nobody is named, halves are tried with a pause before each', variant => [
    { publish: { EDS: { ...abc, d: '1' } } },
    { send: { type: 'EDS', ...ask[variant] } },
    { expect: [{ type: 'EDS', resources: ['a=1', 'b=1', 'c=1', 'd=1'] }] },
    { nack: 'EDS', error: 'bad' },
    { expect: [] },
    { pauses: true },
    { expect: [{ type: 'EDS', resources: ['a=1', 'b=1'] }] },
    { nack: 'EDS', error: 'bad' },
    { expect: [] },
    { pauses: true },
    { expect: [{ type: 'EDS', resources: ['a=1'] }] },
    { ack: 'EDS' },
    { expect: [] },
    // That leaves b, which need not be tried.
    { pauses: true },
    { expect: [{ type: 'EDS', resources: ['c=1', 'd=1'] }] },
    { ack: 'EDS' },
    { pauses: true },
    { expect: [] },
    { publish: { EDS: { ...abc, a: '2', d: '1' } } },
    { expect: [{ type: 'EDS', resources: ['a=2'] }] },
    { ack: 'EDS' },
  ]),
  ...both('R42: one suspect that changes clears the others', variant => [
    { publish: { EDS: { ...abc, d: '1' } } },
    { send: { type: 'EDS', ...ask[variant] } },
    { expect: [{ type: 'EDS', resources: ['a=1', 'b=1', 'c=1', 'd=1'] }] },
    { nack: 'EDS', error: 'bad' },
    { publish: { EDS: { ...abc, d: '2' } } },
    { expect: [{ type: 'EDS', resources: ['a=1', 'b=1', 'c=1', 'd=2'] }] },
    { ack: 'EDS' },
    { pauses: true },
    { expect: [] },
  ]),
  {
    name: 'R42: a suspect that is asked for no more holds up nobody',
    variant: 'delta',
    lines: [
      { publish: { EDS: { a: '1', b: '1' } } },
      { send: { type: 'EDS', subscribe: ['a', 'b'] } },
      { expect: [{ type: 'EDS', resources: ['a=1', 'b=1'] }] },
      { nack: 'EDS', error: 'bad' },
      { send: { type: 'EDS', unsubscribe: ['a'] } },
      { pauses: true },
      { pauses: true },
      { expect: [{ type: 'EDS', resources: ['b=1'] }] },
      { ack: 'EDS' },
    ],
  },
  ...both('R42: load assignments that are rejected leave their clusters alone', variant => [
    ...running(variant),
    { publish: { ...fleet, CDS: { old: '1', x: '1', y: '1' }, EDS: { old: '1', x: '1', y: 'bad' } } },
    { expect: [{ type: 'CDS', resources: variant === 'sotw' ? ['old=1', 'x=1', 'y=1'] : ['x=1', 'y=1'] }] },
    {
      send: {
        type: 'EDS',
        nonce: 'last',
        ...(variant === 'sotw' ? { names: ['old', 'x', 'y'] } : { subscribe: ['x', 'y'] }),
      },
    },
    { expect: [{ type: 'EDS', resources: ['x=1', 'y=bad'] }] },
    { nack: 'EDS', error: 'bad' },
    { ack: 'CDS' },
    { expect: [] },
    { pauses: true },
    { expect: [{ type: 'EDS', resources: ['x=1'] }] },
    { ack: 'EDS' },
    { pauses: true },
    { expect: [] },
  ]),
];

runTranscripts('pure', pure, [...transcripts, ...halving]);
runTranscripts('loopback', loopback, transcripts);

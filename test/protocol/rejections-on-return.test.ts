import { loopback, pure } from './peers.ts';
import { conversation } from './several-streams.ts';
import { type Line, runTranscripts, type Transcript } from './transcript.ts';

/** What is published while clients are away that have a route to a cluster `old`, which is no more. */
const published = { CDS: { new: '1' }, EDS: { new: '1' }, LDS: { l: '1' }, RDS: { r: 'to-new' } };

/** An Envoy that comes back with that. */
const back: readonly Line[] = [
  { publish: published },
  { send: { type: 'CDS', has: { old: '1' } } },
  { send: { type: 'EDS', subscribe: ['old'], has: { old: '1' } } },
  { send: { type: 'LDS', has: { l: '1' } } },
  { send: { type: 'RDS', subscribe: ['r'], has: { r: 'to-old' } } },
  { expect: [{ type: 'CDS', resources: ['new=1'] }] },
];

/** And takes the new cluster. */
const served: readonly Line[] = [
  { send: { type: 'EDS', subscribe: ['new'] } },
  { expect: [{ type: 'EDS', resources: ['new=1'] }] },
  { ack: 'EDS' },
  { ack: 'CDS' },
  { expect: [{ type: 'RDS', resources: ['r=to-new'] }] },
];

const gone: readonly Line[] = [
  { timers: true },
  {
    expect: [
      { type: 'CDS', removed: ['old'] },
      { type: 'EDS', removed: ['old'] },
    ],
  },
];

const transcripts: readonly Transcript[] = [
  {
    name: 'R17, R26, R42: who comes back with the current version keeps what it has of what it rejects later',
    variant: 'sotw',
    lines: [
      { publish: { CDS: { a: '1', b: '1' } } },
      { send: { type: 'CDS', version: 'current' } },
      { publish: { CDS: { a: '1', b: '2' } } },
      { expect: [{ type: 'CDS', resources: ['a=1', 'b=2'] }] },
      { nack: 'CDS', error: 'Error adding/updating cluster(s) b: bad' },
      { expect: [] },
      { publish: { CDS: { a: '2', b: '2' } } },
      { expect: [{ type: 'CDS', resources: ['a=2', 'b=1'] }] },
      { ack: 'CDS' },
    ],
  },
  {
    name: 'R18, R40, R42: routes that a client brought stay while it rejects the cluster that the new ones lead to',
    variant: 'delta',
    lines: [
      ...back,
      { nack: 'CDS', error: 'Error adding/updating cluster(s) new: bad' },
      { expect: [] },
      { timers: true },
      { timers: true },
      { timers: true },
      { expect: [] },
      { publish: { ...published, CDS: { new: '2' } } },
      { expect: [{ type: 'CDS', resources: ['new=2'] }] },
      ...served,
      { ack: 'RDS' },
      ...gone,
    ],
  },
  {
    name: 'R18, R37, R42: routes that a client brought keep their cluster, however long it rejects the new ones',
    variant: 'delta',
    lines: [
      ...back,
      ...served,
      { nack: 'RDS', error: 'bad' },
      { timers: true },
      { timers: true },
      { timers: true },
      { expect: [] },
      { publish: { ...published, RDS: { r: 'to-new too' } } },
      { expect: [{ type: 'RDS', resources: ['r=to-new too'] }] },
      { ack: 'RDS' },
      ...gone,
    ],
  },
];

conversation(
  'R16, R29, R42: who asks on another stream for what is withheld is told that it is not there',
  ['delta'],
  () => [
    { publish: { EDS: { a: '1' } } },
    { ask: 'one', type: 'EDS', names: ['a'] },
    { expect: ['one: a=1'] },
    { nack: 'one' },
    { ask: 'two', type: 'EDS', names: ['a'] },
    { expect: ['two: ~a'] },
    { ack: 'two' },
    { publish: { EDS: { a: '2' } } },
    { expect: ['one: a=2', 'two: a=2'] },
  ],
);

conversation(
  'R16, R28, R42: what is withheld, and was accepted on another stream, is taken from there when it is gone',
  ['delta'],
  () => [
    { publish: { EDS: { a: '1' } } },
    { ask: 'one', type: 'EDS', names: ['a'] },
    { expect: ['one: a=1'] },
    { ask: 'two', type: 'EDS', names: ['a'] },
    { expect: ['two: a=1'] },
    { nack: 'one' },
    { ack: 'two' },
    { publish: {} },
    { expect: ['one: ~a', 'two: ~a'] },
  ],
);

runTranscripts('pure', pure, transcripts);
runTranscripts('loopback', loopback, transcripts);

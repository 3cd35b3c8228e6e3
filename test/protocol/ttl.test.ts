import { loopback, pure } from './peers.ts';
import { runTranscripts, type Transcript } from './transcript.ts';

/** Milliseconds; a sign of life is due three times as often. */
const ttl = 'ttl=240';
const knowing = ['xds.config.resource-in-sotw', 'xds.config.supports-resource-ttl'];
const knowingAsWritten = ['xds.config.supports-resource-in-sotw', 'xds.config.supports-resource-ttl'];
const sets = { EDS: { a: `1 ${ttl}`, b: '1' } };
const both = [`a=1 ${ttl}~`, 'b=1'];

const sotw: readonly Omit<Transcript, 'variant'>[] = [
  ...[knowing, knowingAsWritten].map(features => ({
    name: `R33, R34: what has a time to live is wrapped and kept alive, by its content once more (${features[0]})`,
    lines: [
      { publish: sets },
      { send: { type: 'EDS' as const, names: ['a', 'b'], features } },
      { expect: [{ type: 'EDS' as const, resources: both }] },
      { ack: 'EDS' as const },
      { timers: true as const },
      { expect: [{ type: 'EDS' as const, resources: [`a=1 ${ttl}~`] }] },
    ],
  })),
  {
    name: 'R34: where absence deletes, everything is sent once more',
    lines: [
      { publish: { LDS: { a: `1 ${ttl}`, b: '1' } } },
      { send: { type: 'LDS', features: knowing } },
      { expect: [{ type: 'LDS', resources: both }] },
      { ack: 'LDS' },
      { timers: true },
      { expect: [{ type: 'LDS', resources: both }] },
    ],
  },
  {
    name: 'R33: who does not know the wrapper never sees one',
    lines: [
      { publish: sets },
      { send: { type: 'EDS', names: ['a', 'b'], features: ['xds.config.supports-resource-ttl'] } },
      { expect: [{ type: 'EDS', resources: [`a=1 ${ttl}`, 'b=1'] }] },
      { ack: 'EDS' },
      { timers: true },
      { expect: [] },
    ],
  },
];

const delta: readonly Omit<Transcript, 'variant'>[] = [
  {
    name: 'R34: what has a time to live is kept alive, as long as it has one',
    lines: [
      { publish: sets },
      { send: { type: 'EDS', subscribe: ['a', 'b'], features: knowing } },
      { expect: [{ type: 'EDS', resources: both }] },
      { ack: 'EDS' },
      { timers: true },
      { expect: [{ type: 'EDS', resources: ['a=~'] }] },
      { publish: { EDS: { a: '1', b: '1' } } },
      { ack: 'EDS' },
      { expect: [{ type: 'EDS', resources: ['a=1'] }] },
      { ack: 'EDS' },
      { timers: true },
      { expect: [] },
    ],
  },
  {
    name: 'R33: who does not know of times to live is told of none',
    lines: [
      { publish: sets },
      { send: { type: 'EDS', subscribe: ['a', 'b'] } },
      { expect: [{ type: 'EDS', resources: [`a=1 ${ttl}`, 'b=1'] }] },
      { ack: 'EDS' },
      { timers: true },
      { expect: [] },
    ],
  },
  {
    name: 'R34: a virtual host has no time to live',
    lines: [
      { publish: { VHDS: { a: `1 ${ttl}` } } },
      { send: { type: 'VHDS', features: knowing } },
      { expect: [{ type: 'VHDS', resources: [`a=1 ${ttl}`] }] },
      { ack: 'VHDS' },
      { timers: true },
      { expect: [] },
    ],
  },
];

for (const [how, connect] of [
  ['pure', pure],
  ['loopback', loopback],
] as const) {
  runTranscripts(how, connect, [
    ...sotw.map(each => ({ ...each, variant: 'sotw' as const })),
    ...delta.map(each => ({ ...each, variant: 'delta' as const })),
  ]);
}

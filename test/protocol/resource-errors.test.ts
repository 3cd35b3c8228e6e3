import { loopback, pure } from './peers.ts';
import { runTranscripts, type Transcript } from './transcript.ts';

const features = ['xds.config.supports-resource-errors'];
const [NOT_FOUND, PERMISSION_DENIED, UNAVAILABLE] = [5, 7, 14];
const missing = (name: string) => `${name}=${NOT_FOUND}`;

const sotw: readonly Omit<Transcript, 'variant'>[] = [
  {
    name: 'R35: a name that does not exist is told once, and sent when it comes to be',
    lines: [
      { publish: { EDS: { a: '1' } } },
      { send: { type: 'EDS', names: ['ghost'], features } },
      { expect: [{ type: 'EDS', errors: [missing('ghost')] }] },
      { ack: 'EDS' },
      { publish: { EDS: { a: '2' } } },
      { expect: [] },
      { send: { type: 'EDS', names: ['a', 'ghost'], nonce: 'last' } },
      { expect: [{ type: 'EDS', resources: ['a=2'] }] },
      { ack: 'EDS' },
      { publish: { EDS: { a: '2', ghost: '1' } } },
      { expect: [{ type: 'EDS', resources: ['ghost=1'] }] },
    ],
  },
  {
    name: 'R35: a name that is subscribed again is told again',
    lines: [
      { publish: { EDS: { a: '1' } } },
      { send: { type: 'EDS', names: ['a', 'ghost'], features } },
      { expect: [{ type: 'EDS', resources: ['a=1'], errors: [missing('ghost')] }] },
      { ack: 'EDS' },
      { send: { type: 'EDS', names: ['a'], nonce: 'last' } },
      { send: { type: 'EDS', names: ['a', 'ghost'], nonce: 'last' } },
      { expect: [{ type: 'EDS', errors: [missing('ghost')] }] },
    ],
  },
  {
    name: 'R26, R35: where absence deletes, an error comes with all that there is, and only once',
    lines: [
      { publish: { CDS: { a: '1', b: '1' } } },
      { send: { type: 'CDS', names: ['a', 'b'], features } },
      { expect: [{ type: 'CDS', resources: ['a=1', 'b=1'] }] },
      { ack: 'CDS' },
      { publish: { CDS: { a: '1' } } },
      { expect: [{ type: 'CDS', resources: ['a=1'], errors: [missing('b')] }] },
      { ack: 'CDS' },
      { send: { type: 'CDS', names: ['a', 'b', 'ghost'], nonce: 'last' } },
      { expect: [{ type: 'CDS', resources: ['a=1'], errors: [missing('ghost')] }] },
      { ack: 'CDS' },
      { publish: { CDS: { a: '2' } } },
      { expect: [{ type: 'CDS', resources: ['a=2'] }] },
    ],
  },
  {
    name: 'R35, R37: what lingers is not told as missing before it goes',
    lines: [
      { publish: { CDS: { a: '1', b: '1' }, LDS: { l: '1' } } },
      { send: { type: 'CDS', names: ['a', 'b', 'c'], features } },
      { expect: [{ type: 'CDS', resources: ['a=1', 'b=1'], errors: [missing('c')] }] },
      { ack: 'CDS' },
      { send: { type: 'LDS' } },
      { expect: [{ type: 'LDS', resources: ['l=1'] }] },
      { ack: 'LDS' },
      { publish: { CDS: { b: '2', c: 'error=PERMISSION_DENIED no' }, LDS: { l: '2' } } },
      { expect: [{ type: 'CDS', resources: ['a=1', 'b=2'], errors: [`c=${PERMISSION_DENIED}`] }] },
      { ack: 'CDS' },
      { expect: [{ type: 'LDS', resources: ['l=2'] }] },
      { ack: 'LDS' },
      { timers: true },
      { expect: [{ type: 'CDS', resources: ['b=2'], errors: [missing('a')] }] },
    ],
  },
  {
    name: 'R35: nothing is told of a wildcard, nor of a type that nobody knows',
    lines: [
      { publish: { LDS: { l: '1' } } },
      { send: { type: 'LDS', features } },
      { expect: [{ type: 'LDS', resources: ['l=1'] }] },
      { ack: 'LDS' },
      { publish: { LDS: {} } },
      { expect: [{ type: 'LDS' }] },
      { send: { type: 'OTHER', names: ['ghost'] } },
      { expect: [] },
    ],
  },
  {
    name: 'R35: what is told of names beside a rejected resource is told again without it',
    lines: [
      { publish: { EDS: { a: '1' } } },
      { send: { type: 'EDS', names: ['a', 'ghost'], features } },
      { expect: [{ type: 'EDS', resources: ['a=1'], errors: [missing('ghost')] }] },
      { nack: 'EDS', error: 'bad' },
      { expect: [{ type: 'EDS', errors: [missing('ghost')] }] },
      { ack: 'EDS' },
      { publish: { EDS: { a: '2' } } },
      { expect: [{ type: 'EDS', resources: ['a=2'] }] },
    ],
  },
  {
    name: 'R29, R35: who does not say that it knows of errors is told of none',
    lines: [
      { publish: { EDS: { a: '1', b: 'error=PERMISSION_DENIED no' } } },
      { send: { type: 'EDS', names: ['b', 'ghost'], features: ['xds.config.resource-in-sotw'] } },
      { expect: [] },
      { publish: { EDS: { b: '1' } } },
      { expect: [{ type: 'EDS', resources: ['b=1'] }] },
    ],
  },
];

const delta: readonly Omit<Transcript, 'variant'>[] = [
  {
    name: 'R28, R35: what is told with a reason is not told as removed too',
    lines: [
      { publish: { EDS: { a: '1' } } },
      { send: { type: 'EDS', subscribe: ['a', 'ghost'], features } },
      { expect: [{ type: 'EDS', resources: ['a=1'], errors: [missing('ghost')] }] },
      { ack: 'EDS' },
      { publish: { EDS: {} } },
      { expect: [{ type: 'EDS', errors: [missing('a')] }] },
      { ack: 'EDS' },
      { send: { type: 'EDS', subscribe: ['a'] } },
      { expect: [{ type: 'EDS', errors: [missing('a')] }] },
      { ack: 'EDS' },
      { publish: { EDS: { a: '2' } } },
      { expect: [{ type: 'EDS', resources: ['a=2'] }] },
    ],
  },
  {
    name: 'R35: what the wildcard alone brought is removed without a reason',
    lines: [
      { publish: { CDS: { a: '1', b: '1', c: '1' } } },
      { send: { type: 'CDS', subscribe: ['*', 'b'], features } },
      { expect: [{ type: 'CDS', resources: ['a=1', 'b=1', 'c=1'] }] },
      { ack: 'CDS' },
      { publish: { CDS: { c: '1' } } },
      { expect: [{ type: 'CDS', removed: ['a'], errors: [missing('b')] }] },
    ],
  },
  {
    name: 'R18, R35: who comes back with what is no more, and asks for it by name, is told why',
    lines: [
      { publish: { EDS: { a: '1' } } },
      { send: { type: 'EDS', subscribe: ['a', 'b', 'c'], has: { a: '1', b: '1' }, features } },
      { expect: [{ type: 'EDS', errors: [missing('c')] }] },
      { ack: 'EDS' },
      { timers: true },
      { timers: true },
      { expect: [{ type: 'EDS', errors: [missing('b')] }] },
    ],
  },
  {
    name: 'R44, R35: a glob without members is told by its own name',
    lines: [
      { publish: { CDS: {} } },
      { send: { type: 'CDS', subscribe: ['xdstp://x/C/p/*'], features } },
      { expect: [{ type: 'CDS', errors: [missing('xdstp://x/C/p/*')] }] },
    ],
  },
  {
    name: 'R46, R35: an unknown virtual host is a resource without a body, and no error',
    lines: [
      { publish: { VHDS: {} } },
      { send: { type: 'VHDS', subscribe: ['r/ghost'], features } },
      { expect: [{ type: 'VHDS', resources: ['r/ghost='] }] },
    ],
  },
  {
    name: 'R29, R35: who does not say that it knows of errors is told what is removed',
    lines: [
      { publish: { EDS: { b: 'error=UNAVAILABLE later' } } },
      { send: { type: 'EDS', subscribe: ['b', 'ghost'] } },
      { expect: [{ type: 'EDS', removed: ['b', 'ghost'] }] },
      { ack: 'EDS' },
      { publish: { EDS: { b: 'error=PERMISSION_DENIED no' } } },
      { expect: [] },
    ],
  },
];

/** The same for both variants, with names as each subscribes to them. */
const both = [{ names: ['a', 'b'] }, { subscribe: ['a', 'b'] }].map(
  (ask): Omit<Transcript, 'variant'> => ({
    name: 'R35: a snapshot says why there is no resource, and says so again when the reason changes',
    lines: [
      { publish: { EDS: { a: '1', b: 'error=UNAVAILABLE later' } } },
      { send: { type: 'EDS', ...ask, features } },
      { expect: [{ type: 'EDS', resources: ['a=1'], errors: [`b=${UNAVAILABLE}`] }] },
      { ack: 'EDS' },
      { publish: { EDS: { a: '1', b: 'error=UNAVAILABLE later' } } },
      { expect: [] },
      { publish: { EDS: { a: '1', b: 'error=PERMISSION_DENIED not for you' } } },
      { expect: [{ type: 'EDS', errors: [`b=${PERMISSION_DENIED}`] }] },
      { ack: 'EDS' },
      { publish: { EDS: { a: '1' } } },
      { expect: [{ type: 'EDS', errors: [missing('b')] }] },
      { ack: 'EDS' },
      { publish: { EDS: { a: '1', b: '1' } } },
      { expect: [{ type: 'EDS', resources: ['b=1'] }] },
    ],
  }),
);

for (const [how, connect] of [
  ['pure', pure],
  ['loopback', loopback],
] as const) {
  runTranscripts(how, connect, [
    ...[...sotw, both[0]!].map(each => ({ ...each, variant: 'sotw' as const })),
    ...[...delta, both[1]!].map(each => ({ ...each, variant: 'delta' as const })),
  ]);
}

import type { TypeName } from '../support/xds-fixtures.ts';
import { loopback, pure } from './peers.ts';
import { runTranscripts, type Transcript } from './transcript.ts';

const abc = { a: '1', b: '1', c: '1' };
const all = ['a=1', 'b=1', 'c=1'];

type Lines = Omit<Transcript, 'variant'>;

const named: readonly TypeName[] = ['EDS', 'RDS', 'SDS', 'RTDS', 'ECDS'];
const listed: readonly TypeName[] = ['CDS', 'LDS', 'SRDS'];

const sotw: readonly Lines[] = [
  ...named.flatMap((type): readonly Lines[] => [
    {
      name: `R1, R27: ${type} by name, of which only what changed is sent`,
      lines: [
        { publish: { [type]: abc } },
        { send: { type, names: ['a', 'b'] } },
        { expect: [{ type, resources: ['a=1', 'b=1'] }] },
        { ack: type },
        { publish: { [type]: { ...abc, b: '2', c: '2' } } },
        { expect: [{ type, resources: ['b=2'] }] },
      ],
    },
    {
      name: `R21: ${type} without names is nothing`,
      lines: [{ publish: { [type]: abc } }, { send: { type } }, { expect: [] }],
    },
    {
      name: `R29: ${type} of a name that does not exist is silent until it does`,
      lines: [
        { publish: {} },
        { send: { type, names: ['late'] } },
        { expect: [] },
        { publish: { [type]: { late: '1' } } },
        { expect: [{ type, resources: ['late=1'] }] },
      ],
    },
  ]),
  ...listed.flatMap((type): readonly Lines[] => [
    {
      name: `R1, R26: ${type} without names is everything, and each response holds all of it`,
      lines: [
        { publish: { [type]: abc } },
        { send: { type } },
        { expect: [{ type, resources: all }] },
        { ack: type },
        { publish: { [type]: { ...abc, b: '2' } } },
        { expect: [{ type, resources: ['a=1', 'b=2', 'c=1'] }] },
        { ack: type },
        { publish: {} },
        { expect: [{ type }] },
      ],
    },
    {
      name: `R25: ${type} of a fleet that has none is answered`,
      lines: [{ publish: {} }, { send: { type } }, { expect: [{ type }] }],
    },
  ]),
  {
    name: 'R24: the wildcard leaves out what is on demand, which its name brings',
    lines: [
      { publish: { CDS: { a: '1', odd: '1 onDemand', even: '1 onDemand' } } },
      { send: { type: 'CDS' } },
      { expect: [{ type: 'CDS', resources: ['a=1'] }] },
      { ack: 'CDS' },
      { send: { type: 'CDS', names: ['*', 'odd'], nonce: 'last' } },
      { expect: [{ type: 'CDS', resources: ['a=1', 'odd=1 onDemand'] }] },
      { ack: 'CDS' },
      { publish: { CDS: { a: '1', odd: '1 onDemand', even: '2 onDemand' } } },
      { expect: [] },
    ],
  },
  {
    name: 'R43: parameters in another order are the same name',
    lines: [
      { publish: { EDS: { 'xdstp://x/T/a?k=1&z=2': '1' } } },
      { send: { type: 'EDS', names: ['xdstp://x/T/a?z=2&k=1'] } },
      { expect: [{ type: 'EDS', resources: ['xdstp://x/T/a?k=1&z=2=1'] }] },
    ],
  },
  {
    name: 'R44: a glob brings its members',
    lines: [
      { publish: { EDS: { 'xdstp://x/T/p/a': '1', 'xdstp://x/T/p/q/a': '1', 'xdstp://y/T/p/a': '1' } } },
      { send: { type: 'EDS', names: ['xdstp://x/T/p/*'] } },
      { expect: [{ type: 'EDS', resources: ['xdstp://x/T/p/a=1'] }] },
      { ack: 'EDS' },
      { publish: { EDS: { 'xdstp://x/T/p/a': '1', 'xdstp://x/T/p/b': '1' } } },
      { expect: [{ type: 'EDS', resources: ['xdstp://x/T/p/b=1'] }] },
    ],
  },
];

const member = 'xdstp://x/T/p/a';
const other = 'xdstp://x/T/p/b';
const glob = 'xdstp://x/T/p/*';

const delta: readonly Lines[] = [
  ...[...named, 'LEDS' as const].flatMap((type): readonly Lines[] => [
    {
      name: `R1: ${type} by name`,
      lines: [
        { publish: { [type]: abc } },
        { send: { type, subscribe: ['a', 'b'] } },
        { expect: [{ type, resources: ['a=1', 'b=1'] }] },
        { ack: type },
        { publish: { [type]: { ...abc, b: '2', c: '2' } } },
        { expect: [{ type, resources: ['b=2'] }] },
      ],
    },
    {
      name: `R21: ${type} without names is nothing`,
      lines: [{ publish: { [type]: abc } }, { send: { type } }, { expect: [] }],
    },
    {
      name: `R29: ${type} of a name that does not exist is answered, even in a fleet that has none`,
      lines: [
        { publish: {} },
        { send: { type, subscribe: ['late'] } },
        { expect: [{ type, removed: ['late'] }] },
        { ack: type },
        { publish: { [type]: { late: '1' } } },
        { expect: [{ type, resources: ['late=1'] }] },
      ],
    },
  ]),
  ...[...listed, 'VHDS' as const].flatMap((type): readonly Lines[] => [
    {
      name: `R1, R21: ${type} without names is everything`,
      lines: [
        { publish: { [type]: abc } },
        { send: { type } },
        { expect: [{ type, resources: all }] },
        { ack: type },
        { publish: { [type]: { ...abc, b: '2' } } },
        { expect: [{ type, resources: ['b=2'] }] },
      ],
    },
    {
      name: `R25: ${type} of a fleet that has none is answered`,
      lines: [{ publish: {} }, { send: { type } }, { expect: [{ type }] }],
    },
  ]),
  ...(['SDS', 'RTDS', 'LEDS'] as const).map(
    (type): Lines => ({
      name: `R30: what is gone of ${type} is removed at once`,
      lines: [
        { publish: { [type]: abc } },
        { send: { type, subscribe: ['a', 'b'] } },
        { expect: [{ type, resources: ['a=1', 'b=1'] }] },
        { ack: type },
        { publish: { [type]: { a: '1' } } },
        { expect: [{ type, removed: ['b'] }] },
      ],
    }),
  ),
  {
    name: 'R24, R45: clusters on demand beside the wildcard: known, unknown, late',
    lines: [
      { publish: { CDS: { a: '1', odd: '1 onDemand' } } },
      { send: { type: 'CDS' } },
      { expect: [{ type: 'CDS', resources: ['a=1'] }] },
      { ack: 'CDS' },
      { send: { type: 'CDS', subscribe: ['odd', 'late'] } },
      { expect: [{ type: 'CDS', resources: ['odd=1 onDemand'], removed: ['late'] }] },
      { ack: 'CDS' },
      { publish: { CDS: { a: '1', odd: '2 onDemand', late: '1 onDemand', unasked: '1 onDemand' } } },
      { expect: [{ type: 'CDS', resources: ['late=1 onDemand', 'odd=2 onDemand'] }] },
      { ack: 'CDS' },
      { send: { type: 'CDS', unsubscribe: ['odd'] } },
      { expect: [{ type: 'CDS', removed: ['odd'] }] },
    ],
  },
  {
    name: 'R24: what becomes on demand is taken from the wildcard',
    lines: [
      { publish: { LDS: { a: '1', b: '1' } } },
      { send: { type: 'LDS' } },
      { expect: [{ type: 'LDS', resources: ['a=1', 'b=1'] }] },
      { ack: 'LDS' },
      { publish: { LDS: { a: '1', b: '1 onDemand' } } },
      { expect: [{ type: 'LDS', removed: ['b'] }] },
    ],
  },
  {
    name: 'R43: parameters in another order and other escapes are the same name',
    lines: [
      { publish: { EDS: { 'xdstp://x/T/a%2Fb?k=1&z=2': '1' } } },
      { send: { type: 'EDS', subscribe: ['xdstp://x/T/a%2fb?z=2&k=%31'] } },
      { expect: [{ type: 'EDS', resources: ['xdstp://x/T/a%2Fb?k=1&z=2=1'] }] },
      { ack: 'EDS' },
      { send: { type: 'EDS', unsubscribe: ['xdstp://x/T/a%2Fb?z=2&k=1'] } },
      { publish: { EDS: { 'xdstp://x/T/a%2Fb?k=1&z=2': '2' } } },
      { expect: [] },
    ],
  },
  {
    name: 'R43: who comes back may spell names in another way',
    lines: [
      { publish: { EDS: { 'xdstp://x/T/a?k=1&z=2': '1' } } },
      {
        send: {
          type: 'EDS',
          subscribe: ['xdstp://x/T/a?z=2&k=1'],
          has: { 'xdstp://x/T/a?z=2&k=1': '1' },
        },
      },
      { expect: [] },
    ],
  },
  {
    name: 'R44: members of a glob come and go by their names',
    lines: [
      { publish: { EDS: { [member]: '1', plain: '1', 'xdstp://x/T/p/a?k=1': '1' } } },
      { send: { type: 'EDS', subscribe: [glob] } },
      { expect: [{ type: 'EDS', resources: [`${member}=1`] }] },
      { ack: 'EDS' },
      { publish: { EDS: { [member]: '1', [other]: '1' } } },
      { expect: [{ type: 'EDS', resources: [`${other}=1`] }] },
      { ack: 'EDS' },
      { publish: { EDS: { [other]: '2' } } },
      { expect: [{ type: 'EDS', resources: [`${other}=2`], removed: [member] }] },
    ],
  },
  {
    name: 'R44: a glob without members is answered by its own name',
    lines: [
      { publish: {} },
      { send: { type: 'LEDS', subscribe: [glob] } },
      { expect: [{ type: 'LEDS', removed: [glob] }] },
      { ack: 'LEDS' },
      { publish: { LEDS: { [member]: '1' } } },
      { expect: [{ type: 'LEDS', resources: [`${member}=1`] }] },
      { ack: 'LEDS' },
      { publish: {} },
      { expect: [{ type: 'LEDS', removed: [member] }] },
    ],
  },
  {
    name: 'R22, R44: a name that a glob still holds is answered when it is unsubscribed',
    lines: [
      { publish: { LEDS: { [member]: '1' } } },
      { send: { type: 'LEDS', subscribe: [glob, member] } },
      { expect: [{ type: 'LEDS', resources: [`${member}=1`] }] },
      { ack: 'LEDS' },
      { send: { type: 'LEDS', unsubscribe: [member] } },
      { expect: [{ type: 'LEDS', resources: [`${member}=1`] }] },
    ],
  },
  {
    name: 'R46: a virtual host answers to its aliases',
    lines: [
      { publish: { VHDS: { 'rc/shop': '1 onDemand aliases=rc/a.example,rc/b.example' } } },
      { send: { type: 'VHDS' } },
      { expect: [{ type: 'VHDS', removed: ['rc/shop'] }] },
      { ack: 'VHDS' },
      { send: { type: 'VHDS', subscribe: ['rc/a.example'] } },
      { expect: [{ type: 'VHDS', resources: ['rc/shop=1 onDemand aliases=rc/a.example,rc/b.example'] }] },
      { ack: 'VHDS' },
      { publish: { VHDS: { 'rc/shop': '2 onDemand aliases=rc/a.example' } } },
      { expect: [{ type: 'VHDS', resources: ['rc/shop=2 onDemand aliases=rc/a.example'] }] },
    ],
  },
  {
    name: 'R25, R46: of a table whose hosts are all on demand, the first answer says that one is not there',
    lines: [
      {
        publish: {
          VHDS: { 'a/1': '1 onDemand', 'a/2': '1 onDemand', 'b/1': '1 onDemand', 'b/2': '1', 'c/1': '1 onDemand' },
        },
      },
      { send: { type: 'VHDS' } },
      { expect: [{ type: 'VHDS', resources: ['b/2=1'], removed: ['a/1', 'c/1'] }] },
      { ack: 'VHDS' },
      { send: { type: 'VHDS', subscribe: ['a/1'] } },
      { expect: [{ type: 'VHDS', resources: ['a/1=1 onDemand'] }] },
      { ack: 'VHDS' },
      { send: { type: 'VHDS', subscribe: ['*'] } },
      { expect: [] },
    ],
  },
  {
    name: 'R23, R46: an alias is given up in silence',
    lines: [
      { publish: { VHDS: { 'rc/shop': '1 onDemand aliases=rc/a.example' } } },
      { send: { type: 'VHDS', subscribe: ['rc/a.example'] } },
      { expect: [{ type: 'VHDS', resources: ['rc/shop=1 onDemand aliases=rc/a.example'] }] },
      { ack: 'VHDS' },
      { send: { type: 'VHDS', unsubscribe: ['rc/a.example'] } },
      { publish: { VHDS: { 'rc/shop': '2 onDemand aliases=rc/a.example' } } },
      { expect: [] },
    ],
  },
  {
    name: 'R46: an unknown host is a resource without a body, until it is known',
    lines: [
      { publish: {} },
      { send: { type: 'VHDS', subscribe: ['rc/new.example'] } },
      { expect: [{ type: 'VHDS', resources: ['rc/new.example='] }] },
      { ack: 'VHDS' },
      { publish: { VHDS: { 'rc/new': '1 aliases=rc/new.example' } } },
      { expect: [{ type: 'VHDS', resources: ['rc/new=1 aliases=rc/new.example'] }] },
      { ack: 'VHDS' },
      { publish: { VHDS: {} } },
      { expect: [{ type: 'VHDS', removed: ['rc/new'] }] },
    ],
  },
  {
    name: 'R10, R46: what was rejected under an alias is not sent again until it changes',
    lines: [
      { publish: { VHDS: { 'rc/shop': '1 aliases=rc/a.example', other: '1' } } },
      { send: { type: 'VHDS', subscribe: ['rc/a.example', 'other'] } },
      { expect: [{ type: 'VHDS', resources: ['other=1', 'rc/shop=1 aliases=rc/a.example'] }] },
      { nack: 'VHDS', error: 'bad' },
      { expect: [] },
      { publish: { VHDS: { 'rc/shop': '1 aliases=rc/a.example', other: '2' } } },
      { expect: [{ type: 'VHDS', resources: ['other=2', 'rc/shop=1 aliases=rc/a.example'] }] },
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

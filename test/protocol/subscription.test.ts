import { loopback, pure } from './peers.ts';
import { runTranscripts, type Transcript } from './transcript.ts';

const abc = { a: '1', b: '1', c: '1' };
const all = ['a=1', 'b=1', 'c=1'];

const sotw: readonly Omit<Transcript, 'variant'>[] = [
  {
    name: 'R15: a publication without changes is not sent',
    lines: [
      { publish: { CDS: abc } },
      { send: { type: 'CDS' } },
      { expect: [{ type: 'CDS', resources: all }] },
      { ack: 'CDS' },
      { publish: { CDS: abc } },
      { expect: [] },
    ],
  },
  {
    name: 'R14: a change of one type leaves the version of another',
    lines: [
      { publish: { CDS: abc, LDS: { l: '1' } } },
      { send: { type: 'CDS' } },
      { send: { type: 'LDS' } },
      {
        expect: [
          { type: 'CDS', resources: all },
          { type: 'LDS', resources: ['l=1'] },
        ],
      },
      { ack: 'CDS' },
      { ack: 'LDS' },
      { publish: { CDS: { ...abc, a: '2' }, LDS: { l: '1' } } },
      { expect: [{ type: 'CDS', resources: ['a=2', 'b=1', 'c=1'] }] },
    ],
  },
  {
    name: 'R16: a name that is subscribed again is sent again',
    lines: [
      { publish: { EDS: abc } },
      { send: { type: 'EDS', names: ['a', 'b'] } },
      { expect: [{ type: 'EDS', resources: ['a=1', 'b=1'] }] },
      { ack: 'EDS' },
      { send: { type: 'EDS', names: ['b'], nonce: 'last' } },
      { expect: [] },
      { send: { type: 'EDS', names: ['a', 'b'], nonce: 'last' } },
      { expect: [{ type: 'EDS', resources: ['a=1'] }] },
    ],
  },
  {
    name: 'R17: who comes back with the current version of everything is sent nothing',
    lines: [
      { publish: { CDS: abc } },
      { send: { type: 'CDS', version: 'current' } },
      { expect: [] },
      { publish: { CDS: { ...abc, c: '2' } } },
      { expect: [{ type: 'CDS', resources: ['a=1', 'b=1', 'c=2'] }] },
    ],
  },
  {
    name: 'R17: who comes back with the current version before there is anything is sent nothing either',
    lines: [
      { publish: {} },
      { send: { type: 'OTHER', names: ['x'] } },
      { publish: { CDS: abc } },
      { send: { type: 'CDS', version: 'current' } },
      { expect: [] },
    ],
  },
  {
    name: 'R17: who comes back with names and the current version is sent them',
    lines: [
      { publish: { EDS: abc } },
      { send: { type: 'EDS', names: ['a', 'b'], version: 'current' } },
      { expect: [{ type: 'EDS', resources: ['a=1', 'b=1'] }] },
    ],
  },
  {
    name: 'R17: who comes back with an old version is sent everything',
    lines: [
      { publish: { CDS: abc } },
      { send: { type: 'CDS', version: 'of-old' } },
      { expect: [{ type: 'CDS', resources: all }] },
    ],
  },
  {
    name: 'R19: a name left out is unsubscribed, and its change is silent',
    lines: [
      { publish: { EDS: abc } },
      { send: { type: 'EDS', names: ['a', 'b'] } },
      { expect: [{ type: 'EDS', resources: ['a=1', 'b=1'] }] },
      { send: { type: 'EDS', names: ['a'], nonce: 'last' } },
      { publish: { EDS: { ...abc, b: '2' } } },
      { expect: [] },
      { publish: { EDS: { ...abc, b: '2', a: '2' } } },
      { expect: [{ type: 'EDS', resources: ['a=2'] }] },
    ],
  },
  {
    name: 'R20: no names at first mean everything, and spelling the wildcard out changes nothing',
    lines: [
      { publish: { CDS: abc } },
      { send: { type: 'CDS' } },
      { expect: [{ type: 'CDS', resources: all }] },
      { ack: 'CDS' },
      { send: { type: 'CDS', names: ['*'], nonce: 'last' } },
      { expect: [] },
      { publish: { CDS: { ...abc, a: '2' } } },
      { expect: [{ type: 'CDS', resources: ['a=2', 'b=1', 'c=1'] }] },
    ],
  },
  {
    name: 'R20: no names after some mean nothing',
    lines: [
      { publish: { CDS: abc } },
      { send: { type: 'CDS', names: ['a'] } },
      { expect: [{ type: 'CDS', resources: ['a=1'] }] },
      { ack: 'CDS' },
      { send: { type: 'CDS', names: [], nonce: 'last' } },
      { expect: [] },
      { publish: { CDS: { ...abc, a: '2' } } },
      { expect: [] },
    ],
  },
  {
    name: 'R20: an empty name is a name like another, of nothing',
    lines: [{ publish: { CDS: abc } }, { send: { type: 'CDS', names: [''] } }, { expect: [] }],
  },
  {
    name: 'R20: the wildcard and a name together',
    lines: [
      { publish: { CDS: abc } },
      { send: { type: 'CDS', names: ['*', 'a'] } },
      { expect: [{ type: 'CDS', resources: all }] },
      { ack: 'CDS' },
      { send: { type: 'CDS', names: ['a'], nonce: 'last' } },
      { publish: { CDS: { ...abc, b: '2' } } },
      { expect: [] },
      { publish: { CDS: { ...abc, a: '2', b: '2' } } },
      { expect: [{ type: 'CDS', resources: ['a=2'] }] },
    ],
  },
  {
    name: 'R21: a first request of endpoints or routes without names asks for nothing',
    lines: [
      { publish: { EDS: abc, RDS: abc } },
      { send: { type: 'EDS' } },
      { send: { type: 'RDS' } },
      { expect: [] },
      { send: { type: 'EDS', names: ['a'] } },
      { expect: [{ type: 'EDS', resources: ['a=1'] }] },
    ],
  },
  {
    name: 'R25: the first request for everything is answered even when there is nothing',
    lines: [
      { publish: {} },
      { send: { type: 'CDS' } },
      { send: { type: 'LDS' } },
      { expect: [{ type: 'CDS' }, { type: 'LDS' }] },
    ],
  },
  {
    name: 'R26: every response of clusters holds all of them, and one without any deletes all',
    lines: [
      { publish: { CDS: abc } },
      { send: { type: 'CDS' } },
      { expect: [{ type: 'CDS', resources: all }] },
      { ack: 'CDS' },
      { publish: { CDS: { ...abc, b: '2' } } },
      { expect: [{ type: 'CDS', resources: ['a=1', 'b=2', 'c=1'] }] },
      { ack: 'CDS' },
      { publish: {} },
      { expect: [{ type: 'CDS' }] },
    ],
  },
  {
    name: 'R26: listeners go at once',
    lines: [
      { publish: { LDS: abc } },
      { send: { type: 'LDS' } },
      { expect: [{ type: 'LDS', resources: all }] },
      { ack: 'LDS' },
      { publish: { LDS: { a: '1' } } },
      { expect: [{ type: 'LDS', resources: ['a=1'] }] },
    ],
  },
  {
    name: 'R27: of routes only what changed is sent, and a deletion is not',
    lines: [
      { publish: { RDS: abc } },
      { send: { type: 'RDS', names: ['a', 'b', 'c'] } },
      { expect: [{ type: 'RDS', resources: all }] },
      { ack: 'RDS' },
      { publish: { RDS: { ...abc, b: '2' } } },
      { expect: [{ type: 'RDS', resources: ['b=2'] }] },
      { ack: 'RDS' },
      { publish: { RDS: { a: '1', b: '2' } } },
      { expect: [] },
    ],
  },
  {
    name: 'R29: a missing name is met with silence and sent when it comes to be',
    lines: [
      { publish: { EDS: { a: '1' } } },
      { send: { type: 'EDS', names: ['late'] } },
      { expect: [] },
      { publish: { EDS: { a: '1', late: '1' } } },
      { expect: [{ type: 'EDS', resources: ['late=1'] }] },
      { ack: 'EDS' },
      { publish: { EDS: { a: '1' } } },
      { timers: true },
      { publish: { EDS: { a: '1', late: '1' } } },
      { expect: [{ type: 'EDS', resources: ['late=1'] }] },
    ],
  },
  {
    name: 'R31: a type or name that was not asked for is never sent',
    lines: [
      { publish: { CDS: abc, EDS: abc, LDS: abc, RDS: abc } },
      { send: { type: 'EDS', names: ['b'] } },
      { expect: [{ type: 'EDS', resources: ['b=1'] }] },
      { ack: 'EDS' },
      { publish: { CDS: { a: '2' }, EDS: { a: '2', b: '2', c: '2' }, LDS: { a: '2' }, RDS: { a: '2' } } },
      { expect: [{ type: 'EDS', resources: ['b=2'] }] },
    ],
  },
  {
    name: 'P19: before the first publication nothing is sent, then what was asked for',
    lines: [
      { send: { type: 'CDS' } },
      { expect: [] },
      { publish: { CDS: abc } },
      { expect: [{ type: 'CDS', resources: all }] },
    ],
  },
  {
    name: 'A node that no fleet matches is sent nothing, not an empty set',
    lines: [
      { publish: { CDS: abc } },
      { send: { type: 'CDS', node: 'stranger' } },
      { expect: [] },
      { publish: { CDS: { a: '2' } } },
      { expect: [] },
    ],
  },
  {
    name: 'R3: a later request may leave the node out, or change it',
    lines: [
      { publish: { CDS: abc, EDS: { a: '1' } } },
      { send: { type: 'CDS', node: 'stranger' } },
      { expect: [] },
      { send: { type: 'EDS', names: ['a'] } },
      { expect: [] },
      { send: { type: 'EDS', names: ['a'], node: 'known' } },
      {
        expect: [
          { type: 'CDS', resources: all },
          { type: 'EDS', resources: ['a=1'] },
        ],
      },
      { ack: 'CDS' },
      { ack: 'EDS' },
      { send: { type: 'CDS', node: 'stranger', nonce: 'last' } },
      { publish: { CDS: {}, EDS: { a: '2' } } },
      { expect: [] },
    ],
  },
  {
    name: 'An unknown type is tolerated',
    lines: [
      { publish: { CDS: abc } },
      { send: { type: 'OTHER', names: ['x'] } },
      { expect: [] },
      { publish: { CDS: abc, OTHER: { x: '1' } } },
      { expect: [{ type: 'OTHER', resources: ['x=1'] }] },
    ],
  },
];

const delta: readonly Omit<Transcript, 'variant'>[] = [
  {
    name: 'R15: a publication without changes is not sent',
    lines: [
      { publish: { CDS: abc } },
      { send: { type: 'CDS' } },
      { expect: [{ type: 'CDS', resources: all }] },
      { ack: 'CDS' },
      { publish: { CDS: abc } },
      { expect: [] },
    ],
  },
  {
    name: 'R16: every subscribed name is answered, again and again',
    lines: [
      { publish: { EDS: abc } },
      { send: { type: 'EDS', subscribe: ['a'] } },
      { expect: [{ type: 'EDS', resources: ['a=1'] }] },
      { ack: 'EDS' },
      { send: { type: 'EDS', subscribe: ['a'] } },
      { expect: [{ type: 'EDS', resources: ['a=1'] }] },
      { ack: 'EDS' },
      { send: { type: 'EDS', unsubscribe: ['a'] } },
      { expect: [] },
      { send: { type: 'EDS', subscribe: ['a'] } },
      { expect: [{ type: 'EDS', resources: ['a=1'] }] },
    ],
  },
  {
    name: 'R18: who comes back is sent what differs, and told what is gone',
    lines: [
      { publish: { CDS: { same: '1', old: '2', fresh: '1' } } },
      { send: { type: 'CDS', has: { same: '1', old: '1', gone: '1' } } },
      { expect: [{ type: 'CDS', resources: ['fresh=1', 'old=2'] }] },
      { ack: 'CDS' },
      { timers: true },
      { expect: [{ type: 'CDS', removed: ['gone'] }] },
    ],
  },
  {
    name: 'R18: a listener that is gone meanwhile is removed at once',
    lines: [
      { publish: { LDS: { same: '1', old: '2' } } },
      { send: { type: 'LDS', has: { same: '1', old: '1', gone: '1' } } },
      { expect: [{ type: 'LDS', resources: ['old=2'], removed: ['gone'] }] },
    ],
  },
  {
    name: 'R18: who comes back with everything is sent nothing',
    lines: [
      { publish: { CDS: abc, EDS: abc } },
      { send: { type: 'CDS', has: abc } },
      { send: { type: 'EDS', subscribe: ['a', 'b'], has: { a: '1', b: '1' } } },
      { expect: [] },
      { publish: { CDS: { ...abc, c: '2' }, EDS: { ...abc, b: '2', c: '2' } } },
      {
        expect: [
          { type: 'CDS', resources: ['c=2'] },
          { type: 'EDS', resources: ['b=2'] },
        ],
      },
    ],
  },
  {
    name: 'R18: who comes back before there is anything is compared when there is',
    lines: [
      { send: { type: 'CDS', has: { a: '1', b: '0' } } },
      { expect: [] },
      { publish: { CDS: abc } },
      { expect: [{ type: 'CDS', resources: ['b=1', 'c=1'] }] },
    ],
  },
  {
    name: 'R18: what a later request says to have does not count',
    lines: [
      { publish: { EDS: abc } },
      { send: { type: 'EDS', subscribe: ['a'] } },
      { expect: [{ type: 'EDS', resources: ['a=1'] }] },
      { ack: 'EDS' },
      { send: { type: 'EDS', subscribe: ['b'], has: { b: '1' } } },
      { expect: [{ type: 'EDS', resources: ['b=1'] }] },
    ],
  },
  {
    name: 'R20, R21: an empty first request is the wildcard of clusters and listeners only',
    lines: [
      { publish: { CDS: abc, EDS: abc } },
      { send: { type: 'EDS' } },
      { expect: [] },
      { send: { type: 'CDS' } },
      { expect: [{ type: 'CDS', resources: all }] },
    ],
  },
  {
    name: 'R22: a name beside the wildcard of an empty request keeps the wildcard',
    lines: [
      { publish: { CDS: abc } },
      { send: { type: 'CDS' } },
      { expect: [{ type: 'CDS', resources: all }] },
      { ack: 'CDS' },
      { send: { type: 'CDS', subscribe: ['a'] } },
      { expect: [{ type: 'CDS', resources: ['a=1'] }] },
      { ack: 'CDS' },
      { publish: { CDS: { ...abc, b: '2' } } },
      { expect: [{ type: 'CDS', resources: ['b=2'] }] },
    ],
  },
  {
    name: 'R22: without the wildcard only the names are left',
    lines: [
      { publish: { CDS: abc } },
      { send: { type: 'CDS', subscribe: ['*', 'a'] } },
      { expect: [{ type: 'CDS', resources: all }] },
      { ack: 'CDS' },
      { send: { type: 'CDS', unsubscribe: ['*'] } },
      { expect: [] },
      { publish: { CDS: { ...abc, b: '2' } } },
      { expect: [] },
      { publish: { CDS: { ...abc, a: '2', b: '2' } } },
      { expect: [{ type: 'CDS', resources: ['a=2'] }] },
    ],
  },
  {
    name: 'R22: a name that the wildcard still holds is answered when it is unsubscribed',
    lines: [
      { publish: { CDS: abc } },
      { send: { type: 'CDS', subscribe: ['*', 'a', 'none'] } },
      { expect: [{ type: 'CDS', resources: all, removed: ['none'] }] },
      { ack: 'CDS' },
      { send: { type: 'CDS', unsubscribe: ['a'] } },
      { expect: [{ type: 'CDS', resources: ['a=1'] }] },
      { ack: 'CDS' },
      { send: { type: 'CDS', unsubscribe: ['none'] } },
      { expect: [{ type: 'CDS', removed: ['none'] }] },
    ],
  },
  {
    name: 'R22: spelling out the wildcard of an empty request asks for nothing new',
    lines: [
      { publish: { CDS: abc } },
      { send: { type: 'CDS' } },
      { expect: [{ type: 'CDS', resources: all }] },
      { ack: 'CDS' },
      { send: { type: 'CDS', subscribe: ['*', 'x'] } },
      { expect: [{ type: 'CDS', removed: ['x'] }] },
      { ack: 'CDS' },
      { send: { type: 'CDS', unsubscribe: ['*'] } },
      { publish: { CDS: { ...abc, b: '2' } } },
      { expect: [] },
    ],
  },
  {
    name: 'R22: a wildcard that is taken back at once is told of what went meanwhile',
    lines: [
      { publish: { CDS: { d: '1' } } },
      { send: { type: 'CDS' } },
      { expect: [{ type: 'CDS', resources: ['d=1'] }] },
      { publish: { CDS: { a: '1' } } },
      { send: { type: 'CDS', subscribe: ['a'], unsubscribe: ['*'] } },
      { expect: [{ type: 'CDS', resources: ['a=1'] }] },
      { send: { type: 'CDS', subscribe: ['*'] } },
      { expect: [{ type: 'CDS', resources: ['a=1'], removed: ['d'] }] },
    ],
  },
  {
    name: 'R23: unsubscribing what was not subscribed is met with silence',
    lines: [
      { publish: { EDS: abc } },
      { send: { type: 'EDS', subscribe: ['a'] } },
      { expect: [{ type: 'EDS', resources: ['a=1'] }] },
      { ack: 'EDS' },
      { send: { type: 'EDS', unsubscribe: ['a', 'phantom'] } },
      { expect: [] },
    ],
  },
  {
    name: 'R25: the first request for everything is answered even when there is nothing',
    lines: [
      { publish: {} },
      { send: { type: 'CDS' } },
      { send: { type: 'LDS', subscribe: ['*'] } },
      { expect: [{ type: 'CDS' }, { type: 'LDS' }] },
    ],
  },
  {
    name: 'R28: what is gone is in removed_resources',
    lines: [
      { publish: { LDS: abc } },
      { send: { type: 'LDS' } },
      { expect: [{ type: 'LDS', resources: all }] },
      { ack: 'LDS' },
      { publish: { LDS: { a: '2', d: '1' } } },
      { expect: [{ type: 'LDS', resources: ['a=2', 'd=1'], removed: ['b', 'c'] }] },
    ],
  },
  {
    name: 'R29: a missing name is answered at once, and sent when it comes to be',
    lines: [
      { publish: { EDS: { a: '1' } } },
      { send: { type: 'EDS', subscribe: ['a', 'late'] } },
      { expect: [{ type: 'EDS', resources: ['a=1'], removed: ['late'] }] },
      { ack: 'EDS' },
      { publish: { EDS: { a: '1', late: '1' } } },
      { expect: [{ type: 'EDS', resources: ['late=1'] }] },
    ],
  },
  {
    name: 'R31: a type or name that was not asked for is never sent',
    lines: [
      { publish: { CDS: abc, EDS: abc, LDS: abc, RDS: abc } },
      { send: { type: 'EDS', subscribe: ['b'] } },
      { expect: [{ type: 'EDS', resources: ['b=1'] }] },
      { ack: 'EDS' },
      { publish: { CDS: { a: '2' }, EDS: { a: '2', c: '2', b: '2' }, LDS: { a: '2' }, RDS: { a: '2' } } },
      { expect: [{ type: 'EDS', resources: ['b=2'] }] },
    ],
  },
  {
    name: 'P19: before the first publication nothing is sent, then what was asked for',
    lines: [
      { send: { type: 'EDS', subscribe: ['a', 'none'] } },
      { expect: [] },
      { publish: { EDS: abc } },
      { expect: [{ type: 'EDS', resources: ['a=1'], removed: ['none'] }] },
    ],
  },
  {
    name: 'A node that no fleet matches is sent nothing, not even removals',
    lines: [
      { publish: { CDS: abc } },
      { send: { type: 'CDS', node: 'stranger', has: abc } },
      { expect: [] },
      { publish: { CDS: {} } },
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

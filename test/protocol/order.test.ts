import { loopback, pure } from './peers.ts';
import { type Line, runTranscripts, type Transcript } from './transcript.ts';

const before = { CDS: { old: '1' }, EDS: { old: '1' }, LDS: { l: '1' }, RDS: { r: 'to-old' } };
const after = { CDS: { new: '1' }, EDS: { new: '1' }, LDS: { l: '2' }, RDS: { r: 'to-new' } };

const sotwStart: readonly Line[] = [
  { publish: before },
  { send: { type: 'CDS' } },
  { expect: [{ type: 'CDS', resources: ['old=1'] }] },
  { send: { type: 'EDS', names: ['old'] } },
  { expect: [{ type: 'EDS', resources: ['old=1'] }] },
  { ack: 'EDS' },
  { ack: 'CDS' },
  { send: { type: 'LDS' } },
  { expect: [{ type: 'LDS', resources: ['l=1'] }] },
  { ack: 'LDS' },
  { send: { type: 'RDS', names: ['r'] } },
  { expect: [{ type: 'RDS', resources: ['r=to-old'] }] },
  { ack: 'RDS' },
];

const deltaStart: readonly Line[] = [
  { publish: before },
  { send: { type: 'CDS' } },
  { expect: [{ type: 'CDS', resources: ['old=1'] }] },
  { send: { type: 'EDS', subscribe: ['old'] } },
  { expect: [{ type: 'EDS', resources: ['old=1'] }] },
  { ack: 'EDS' },
  { ack: 'CDS' },
  { send: { type: 'LDS' } },
  { expect: [{ type: 'LDS', resources: ['l=1'] }] },
  { ack: 'LDS' },
  { send: { type: 'RDS', subscribe: ['r'] } },
  { expect: [{ type: 'RDS', resources: ['r=to-old'] }] },
  { ack: 'RDS' },
];

const transcripts: readonly Transcript[] = [
  {
    name: 'R37, R37a: a cluster is replaced: both, endpoints at once, routes after the ACK, the old one goes last',
    variant: 'sotw',
    lines: [
      ...sotwStart,
      { publish: after },
      { expect: [{ type: 'CDS', resources: ['new=1', 'old=1'] }] },
      { send: { type: 'EDS', names: ['new', 'old'], nonce: 'last' } },
      { expect: [{ type: 'EDS', resources: ['new=1'] }] },
      { ack: 'EDS' },
      { expect: [] },
      { ack: 'CDS' },
      {
        expect: [
          { type: 'LDS', resources: ['l=2'] },
          { type: 'RDS', resources: ['r=to-new'] },
        ],
      },
      { ack: 'LDS' },
      { ack: 'RDS' },
      { expect: [] },
      { timers: true },
      { expect: [{ type: 'CDS', resources: ['new=1'] }] },
    ],
  },
  {
    name: 'R37, R37a: a cluster is replaced: added, endpoints at once, routes after the ACK, removed last',
    variant: 'delta',
    lines: [
      ...deltaStart,
      { publish: after },
      { expect: [{ type: 'CDS', resources: ['new=1'] }] },
      { send: { type: 'EDS', subscribe: ['new'] } },
      { expect: [{ type: 'EDS', resources: ['new=1'] }] },
      { ack: 'EDS' },
      { expect: [] },
      { ack: 'CDS' },
      {
        expect: [
          { type: 'LDS', resources: ['l=2'] },
          { type: 'RDS', resources: ['r=to-new'] },
        ],
      },
      { ack: 'LDS' },
      { ack: 'RDS' },
      { expect: [] },
      { timers: true },
      { expect: [{ type: 'CDS', removed: ['old'] }] },
      { ack: 'CDS' },
      { expect: [{ type: 'EDS', removed: ['old'] }] },
    ],
  },
  {
    name: 'R12: a client that never acknowledges clusters still gets endpoints at once, and routes after the limit',
    variant: 'sotw',
    lines: [
      ...sotwStart,
      { publish: after },
      { expect: [{ type: 'CDS', resources: ['new=1', 'old=1'] }] },
      { send: { type: 'EDS', names: ['new', 'old'], nonce: 'last' } },
      { expect: [{ type: 'EDS', resources: ['new=1'] }] },
      { timers: true },
      {
        expect: [
          { type: 'LDS', resources: ['l=2'] },
          { type: 'RDS', resources: ['r=to-new'] },
        ],
      },
    ],
  },
  {
    name: 'R37: what is published faster than it is acknowledged: routes follow what was, and clusters go on',
    variant: 'sotw',
    lines: [
      ...sotwStart,
      { publish: after },
      { expect: [{ type: 'CDS', resources: ['new=1', 'old=1'] }] },
      { publish: { ...after, CDS: { third: '1' }, EDS: { third: '1' }, RDS: { r: 'to-third' } } },
      { expect: [] },
      { ack: 'CDS' },
      {
        expect: [
          { type: 'CDS', resources: ['new=1', 'old=1', 'third=1'] },
          { type: 'LDS', resources: ['l=2'] },
          { type: 'RDS', resources: ['r=to-new'] },
        ],
      },
      { ack: 'LDS' },
      { ack: 'RDS' },
      { ack: 'CDS' },
      { expect: [{ type: 'RDS', resources: ['r=to-third'] }] },
      { ack: 'RDS' },
      { timers: true },
      { expect: [{ type: 'CDS', resources: ['new=1', 'third=1'] }] },
      { ack: 'CDS' },
      { timers: true },
      { expect: [{ type: 'CDS', resources: ['third=1'] }] },
    ],
  },
  {
    name: 'R37, R12: when the time is over, routes follow the clusters that were sent, and only then the newest',
    variant: 'delta',
    lines: [
      ...deltaStart,
      { publish: after },
      { expect: [{ type: 'CDS', resources: ['new=1'] }] },
      { publish: { ...after, CDS: { third: '1' }, EDS: { third: '1' }, RDS: { r: 'to-third' } } },
      { timers: true },
      {
        expect: [
          { type: 'LDS', resources: ['l=2'] },
          { type: 'RDS', resources: ['r=to-new'] },
        ],
      },
      { ack: 'LDS' },
      { ack: 'RDS' },
      { timers: true },
      { expect: [{ type: 'RDS', resources: ['r=to-third'] }] },
    ],
  },
  {
    name: 'R38: clusters are acknowledged when they are warm; what is published meanwhile waits, but for endpoints',
    variant: 'sotw',
    lines: [
      ...sotwStart,
      { publish: { ...before, CDS: { old: '1', new: '1' } } },
      { expect: [{ type: 'CDS', resources: ['new=1', 'old=1'] }] },
      { send: { type: 'EDS', names: ['new', 'old'], nonce: 'last' } },
      { expect: [] },
      { publish: { ...before, CDS: { old: '1', new: '1', third: '1' }, EDS: { old: '1', third: '1' } } },
      { expect: [] },
      { publish: { ...before, CDS: { old: '1', new: '1', third: '1' }, EDS: { old: '1', new: '1', third: '1' } } },
      { expect: [{ type: 'EDS', resources: ['new=1'] }] },
      { ack: 'CDS' },
      { ack: 'EDS' },
      { expect: [{ type: 'CDS', resources: ['new=1', 'old=1', 'third=1'] }] },
      { send: { type: 'EDS', names: ['new', 'old', 'third'], nonce: 'last' } },
      { expect: [{ type: 'EDS', resources: ['third=1'] }] },
      { ack: 'CDS' },
      { ack: 'EDS' },
    ],
  },
  {
    name: 'R38: clusters are acknowledged when they are warm; what is published meanwhile waits, but for endpoints',
    variant: 'delta',
    lines: [
      ...deltaStart,
      { publish: { ...before, CDS: { old: '1', new: '1' } } },
      { expect: [{ type: 'CDS', resources: ['new=1'] }] },
      { send: { type: 'EDS', subscribe: ['new'] } },
      { expect: [{ type: 'EDS', removed: ['new'] }] },
      { ack: 'EDS' },
      { publish: { ...before, CDS: { old: '1', new: '1', third: '1' }, EDS: { old: '1', third: '1' } } },
      { expect: [] },
      { publish: { ...before, CDS: { old: '1', new: '1', third: '1' }, EDS: { old: '1', new: '1', third: '1' } } },
      { expect: [{ type: 'EDS', resources: ['new=1'] }] },
      { ack: 'CDS' },
      { ack: 'EDS' },
      { expect: [{ type: 'CDS', resources: ['third=1'] }] },
      { send: { type: 'EDS', subscribe: ['third'] } },
      { expect: [{ type: 'EDS', resources: ['third=1'] }] },
      { ack: 'CDS' },
      { ack: 'EDS' },
    ],
  },
  {
    name: 'R12: a new client is not made to wait at all',
    variant: 'sotw',
    lines: [
      { publish: before },
      { send: { type: 'CDS' } },
      { send: { type: 'EDS', names: ['old'] } },
      { send: { type: 'LDS' } },
      { send: { type: 'RDS', names: ['r'] } },
      {
        expect: [
          { type: 'CDS', resources: ['old=1'] },
          { type: 'EDS', resources: ['old=1'] },
          { type: 'LDS', resources: ['l=1'] },
          { type: 'RDS', resources: ['r=to-old'] },
        ],
      },
    ],
  },
  {
    name: 'R37: a cluster that was given up while it warms still gets its endpoints',
    variant: 'sotw',
    lines: [
      ...sotwStart,
      { publish: { ...before, CDS: { old: '1', new: '1' }, EDS: { old: '1', new: '1' } } },
      { expect: [{ type: 'CDS', resources: ['new=1', 'old=1'] }] },
      { publish: before },
      { timers: true },
      { send: { type: 'EDS', names: ['new', 'old'], nonce: 'last' } },
      { expect: [{ type: 'EDS', resources: ['new=1'] }] },
      { ack: 'EDS' },
      { ack: 'CDS' },
      { timers: true },
      { expect: [{ type: 'CDS', resources: ['old=1'] }] },
    ],
  },
  {
    name: 'R37: a client that comes back gets new routes after new clusters',
    variant: 'delta',
    lines: [
      { publish: after },
      { send: { type: 'CDS', has: { old: '1' } } },
      { send: { type: 'RDS', subscribe: ['r'], has: { r: 'to-old' } } },
      { expect: [{ type: 'CDS', resources: ['new=1'] }] },
      { ack: 'CDS' },
      { expect: [{ type: 'RDS', resources: ['r=to-new'] }] },
      { ack: 'RDS' },
      { expect: [] },
      { timers: true },
      { expect: [{ type: 'CDS', removed: ['old'] }] },
    ],
  },
  {
    name: 'R37: a client that did not ask for clusters does not wait for them',
    variant: 'delta',
    lines: [
      { publish: before },
      { send: { type: 'RDS', subscribe: ['r'] } },
      { expect: [{ type: 'RDS', resources: ['r=to-old'] }] },
      { ack: 'RDS' },
      { publish: after },
      { expect: [{ type: 'RDS', resources: ['r=to-new'] }] },
    ],
  },
  {
    name: 'R37: changes that touch no cluster wait for nothing',
    variant: 'sotw',
    lines: [
      ...sotwStart,
      { publish: { ...before, EDS: { old: '2' }, RDS: { r: 'weights' } } },
      {
        expect: [
          { type: 'EDS', resources: ['old=2'] },
          { type: 'RDS', resources: ['r=weights'] },
        ],
      },
    ],
  },
  {
    name: 'R37: a cluster that comes back before it has gone stays',
    variant: 'delta',
    lines: [
      ...deltaStart,
      { publish: after },
      { expect: [{ type: 'CDS', resources: ['new=1'] }] },
      { ack: 'CDS' },
      {
        expect: [
          { type: 'LDS', resources: ['l=2'] },
          { type: 'RDS', resources: ['r=to-new'] },
        ],
      },
      { publish: before },
      { expect: [] },
      { ack: 'LDS' },
      { ack: 'RDS' },
      {
        expect: [
          { type: 'LDS', resources: ['l=1'] },
          { type: 'RDS', resources: ['r=to-old'] },
        ],
      },
      { ack: 'LDS' },
      { ack: 'RDS' },
      { timers: true },
      { expect: [{ type: 'CDS', removed: ['new'] }] },
    ],
  },
  {
    name: 'P12: clusters of rejected routes stay, however long',
    variant: 'delta',
    lines: [
      ...deltaStart,
      { publish: after },
      { expect: [{ type: 'CDS', resources: ['new=1'] }] },
      { ack: 'CDS' },
      {
        expect: [
          { type: 'LDS', resources: ['l=2'] },
          { type: 'RDS', resources: ['r=to-new'] },
        ],
      },
      { ack: 'LDS' },
      { nack: 'RDS', error: 'bad' },
      { expect: [] },
      { timers: true },
      { expect: [] },
    ],
  },
  {
    name: 'R39: a changed cluster is sent its endpoints again, unchanged as they are',
    variant: 'sotw',
    lines: [
      ...sotwStart,
      { publish: { ...before, CDS: { old: '2' } } },
      {
        expect: [
          { type: 'CDS', resources: ['old=2'] },
          { type: 'EDS', resources: ['old=1'] },
        ],
      },
    ],
  },
  {
    name: 'R39: a changed cluster is sent its endpoints again, unchanged as they are',
    variant: 'delta',
    lines: [
      ...deltaStart,
      { publish: { ...before, CDS: { old: '2' } } },
      {
        expect: [
          { type: 'CDS', resources: ['old=2'] },
          { type: 'EDS', resources: ['old=1'] },
        ],
      },
    ],
  },
  {
    name: 'R39: a client that comes back gets the endpoints of clusters that changed meanwhile',
    variant: 'delta',
    lines: [
      { publish: { CDS: { same: '1', changed: '2' }, EDS: { same: '1', changed: '1' } } },
      { send: { type: 'CDS', has: { same: '1', changed: '1' } } },
      { send: { type: 'EDS', subscribe: ['same', 'changed'], has: { same: '1', changed: '1' } } },
      {
        expect: [
          { type: 'CDS', resources: ['changed=2'] },
          { type: 'EDS', resources: ['changed=1'] },
        ],
      },
    ],
  },
];

runTranscripts('pure', pure, transcripts);
runTranscripts('loopback', loopback, transcripts);

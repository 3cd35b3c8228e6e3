import { conversation, type Line, type Variant } from './several-streams.ts';

const before = { CDS: { old: '1' }, EDS: { old: '1' }, LDS: { l: '1' }, RDS: { r: 'to-old' } };
const after = { CDS: { new: '1' }, EDS: { new: '1' }, LDS: { l: '2' }, RDS: { r: 'to-new' } };
const both = ['sotw', 'delta'] as const;

/** A client that holds `before`: a stream for each type. */
const started: readonly Line[] = [
  { publish: before },
  { ask: 'cds', type: 'CDS' },
  { expect: ['cds: old=1'] },
  { ask: 'old', type: 'EDS', names: ['old'] },
  { ack: 'cds' },
  { expect: ['old: old=1'] },
  { ack: 'old' },
  { ask: 'lds', type: 'LDS' },
  { expect: ['lds: l=1'] },
  { ask: 'rds', type: 'RDS', names: ['r'] },
  { ack: 'lds' },
  { expect: ['rds: r=to-old'] },
  { ack: 'rds' },
];

const added = (variant: Variant) => (variant === 'sotw' ? 'cds: new=1 old=1' : 'cds: new=1');
const removed = (variant: Variant) => (variant === 'sotw' ? 'cds: new=1' : 'cds: ~old');

conversation('R41, R37a: routes wait for the endpoints that name the new cluster', both, variant => [
  ...started,
  { publish: after },
  { expect: [added(variant)] },
  { ask: 'new', type: 'EDS', names: ['new'] },
  { ack: 'cds' },
  { expect: ['new: new=1'] },
  { ack: 'new' },
  { expect: ['lds: l=2', 'rds: r=to-new'] },
]);

conversation('R41: an acknowledgement of other endpoints opens nothing', both, variant => [
  ...started,
  { publish: { ...after, CDS: { new: '1', old: '1' }, EDS: { old: '2', new: '1' } } },
  { expect: [added(variant), 'old: old=2'] },
  { ask: 'new', type: 'EDS', names: ['new'] },
  { ack: 'cds' },
  { ack: 'old' },
  { expect: ['new: new=1'] },
  { ack: 'new' },
  { expect: ['lds: l=2', 'rds: r=to-new'] },
]);

conversation(
  'R41: what is replaced lingers until routes are acknowledged, and beyond; its endpoints go last',
  both,
  variant => [
    ...started,
    { publish: after },
    { expect: [added(variant)] },
    { ask: 'new', type: 'EDS', names: ['new'] },
    { ack: 'cds' },
    { expect: ['new: new=1'] },
    { ack: 'new' },
    { expect: ['lds: l=2', 'rds: r=to-new'] },
    { ack: 'lds' },
    { expect: [] },
    { ack: 'rds' },
    { expect: [] },
    { timers: true },
    { expect: [removed(variant)] },
    { close: 'old' },
    { ack: 'cds' },
    { expect: [] },
  ],
);

conversation(
  'R41, R12: a client that never acknowledges endpoints gets its routes when the time is over',
  both,
  variant => [
    ...started,
    { publish: after },
    { expect: [added(variant)] },
    { ask: 'new', type: 'EDS', names: ['new'] },
    { ack: 'cds' },
    { expect: ['new: new=1'] },
    { timers: true },
    { expect: ['lds: l=2', 'rds: r=to-new'] },
  ],
);

conversation('R41: routes that are asked for late are those that the client can use', both, variant => [
  ...started.slice(0, 9),
  { ack: 'lds' },
  { publish: after },
  { expect: [added(variant)] },
  { ask: 'rds', type: 'RDS', names: ['r'] },
  { expect: ['rds: r=to-old'] },
  { ask: 'new', type: 'EDS', names: ['new'] },
  { ack: 'cds' },
  { ack: 'rds' },
  { expect: ['new: new=1'] },
  { ack: 'new' },
  { expect: ['lds: l=2', 'rds: r=to-new'] },
]);

conversation('R41: a delayed stream of routes keeps what they lead to', both, variant => [
  ...started.slice(0, -1),
  { publish: after },
  { expect: [added(variant)] },
  { ask: 'new', type: 'EDS', names: ['new'] },
  { ack: 'cds' },
  { expect: ['new: new=1'] },
  { ack: 'new' },
  { expect: ['lds: l=2'] },
  { ack: 'lds' },
  { expect: [] },
  { ack: 'rds' },
  { expect: ['rds: r=to-new'] },
  { ack: 'rds' },
  { timers: true },
  { expect: [removed(variant)] },
]);

conversation('R39: a changed cluster warms on a stream of its own, while the one before it lives', both, () => [
  ...started,
  { publish: { ...before, CDS: { old: '2' }, RDS: { r: 'weights' } } },
  { expect: ['cds: old=2'] },
  { ask: 'again', type: 'EDS', names: ['old'] },
  { ack: 'cds' },
  { expect: ['again: old=1', 'rds: r=weights'] },
  { publish: { ...before, CDS: { old: '2' }, EDS: { old: '2' }, RDS: { r: 'weights' } } },
  { expect: ['old: old=2'] },
  { ack: 'again' },
  { expect: ['again: old=2'] },
  { close: 'old' },
  { ack: 'again' },
  { ack: 'rds' },
]);

conversation(
  'R41, R39: a new cluster that changes before it can be used is waited for as it is then',
  both,
  variant => [
    ...started,
    { publish: after },
    { expect: [added(variant)] },
    { ask: 'new', type: 'EDS', names: ['new'] },
    { expect: ['new: new=1'] },
    { ack: 'new' },
    { publish: { ...after, CDS: { new: '2' } } },
    { ack: 'cds' },
    { expect: [variant === 'sotw' ? 'cds: new=2 old=1' : 'cds: new=2'] },
    { ack: 'cds' },
    { expect: [] },
    { ask: 'newer', type: 'EDS', names: ['new'] },
    { close: 'new' },
    { expect: ['newer: new=1'] },
    { ack: 'newer' },
    { expect: ['lds: l=2', 'rds: r=to-new'] },
  ],
);

conversation(
  'R41: a name that comes back is waited for anew, whatever its stream had acknowledged before',
  both,
  variant => [
    ...started,
    { publish: after },
    { expect: [added(variant)] },
    { ask: 'new', type: 'EDS', names: ['new'] },
    { ack: 'cds' },
    { expect: ['new: new=1'] },
    { ack: 'new' },
    { expect: ['lds: l=2', 'rds: r=to-new'] },
    { ack: 'lds' },
    { ack: 'rds' },
    { timers: true },
    { expect: [removed(variant)] },
    { ack: 'cds' },
    ...(variant === 'sotw' ? [] : [{ expect: ['old: ~old'] }, { ack: 'old' }]),
    { publish: { ...before, CDS: { old: '1', new: '1' }, EDS: { old: '1', new: '1' } } },
    { expect: [variant === 'sotw' ? 'cds: new=1 old=1' : 'cds: old=1', 'old: old=1'] },
    { ack: 'cds' },
    { ack: 'old' },
    { expect: [] },
    { ask: 'again', type: 'EDS', names: ['old'] },
    { close: 'old' },
    { expect: ['again: old=1'] },
    { ack: 'again' },
    { expect: ['lds: l=1', 'rds: r=to-old'] },
  ],
);

conversation('R41: a stream that ends leaves the others, and what they wait for', both, variant => [
  ...started,
  { publish: after },
  { expect: [added(variant)] },
  { close: 'lds' },
  { close: 'old' },
  { ask: 'new', type: 'EDS', names: ['new'] },
  { ack: 'cds' },
  { expect: ['new: new=1'] },
  { ack: 'new' },
  { expect: ['rds: r=to-new'] },
  { ask: 'lds again', type: 'LDS' },
  { expect: ['lds again: l=2'] },
]);

conversation(
  'R41: clusters and listeners over ADS, endpoints and routes on streams of their own, are one client',
  both,
  variant => [
    { publish: before },
    { ask: 'ads', type: 'CDS', ads: true },
    { expect: ['ads: old=1'] },
    { ask: 'old', type: 'EDS', names: ['old'] },
    { expect: ['old: old=1'] },
    { ack: 'old' },
    { ack: 'ads', type: 'CDS' },
    { ask: 'ads', type: 'LDS', ads: true },
    { expect: ['ads: l=1'] },
    { ack: 'ads', type: 'LDS' },
    { ask: 'rds', type: 'RDS', names: ['r'] },
    { expect: ['rds: r=to-old'] },
    { ack: 'rds' },
    { publish: after },
    { expect: [added(variant).replace('cds', 'ads')] },
    { ask: 'new', type: 'EDS', names: ['new'] },
    { expect: ['new: new=1'] },
    { ack: 'new' },
    // On ADS the acknowledgement of clusters comes when they can be used (R38).
    { expect: [] },
    { ack: 'ads', type: 'CDS' },
    { expect: ['ads: l=2', 'rds: r=to-new'] },
    { ack: 'ads', type: 'LDS' },
    { ack: 'rds' },
    { timers: true },
    { expect: [removed(variant).replace('cds', 'ads')] },
  ],
);

conversation(
  'R41: clusters and listeners on streams of their own, endpoints and routes over ADS, are one client',
  both,
  variant => [
    { publish: before },
    { ask: 'cds', type: 'CDS' },
    { expect: ['cds: old=1'] },
    { ask: 'ads', type: 'EDS', names: ['old'], ads: true },
    { ack: 'cds' },
    { expect: ['ads: old=1'] },
    { ack: 'ads', type: 'EDS' },
    { ask: 'lds', type: 'LDS' },
    { expect: ['lds: l=1'] },
    { ack: 'lds' },
    { ask: 'ads', type: 'RDS', names: ['r'], ads: true },
    { expect: ['ads: r=to-old'] },
    { ack: 'ads', type: 'RDS' },
    { publish: after },
    { expect: [added(variant)] },
    { ack: 'cds' },
    { expect: [] },
    { ask: 'ads', type: 'EDS', names: variant === 'sotw' ? ['new', 'old'] : ['new'], ads: true },
    { expect: ['ads: new=1'] },
    { ack: 'ads', type: 'EDS' },
    { expect: ['lds: l=2', 'ads: r=to-new'] },
    { ack: 'lds' },
    { ack: 'ads', type: 'RDS' },
    { timers: true },
    { expect: [removed(variant)] },
  ],
);

conversation('R39: a changed cluster is sent its endpoints again over ADS, whichever stream it came on', both, () => [
  { publish: before },
  { ask: 'cds', type: 'CDS' },
  { expect: ['cds: old=1'] },
  { ask: 'ads', type: 'EDS', names: ['old'], ads: true },
  { expect: ['ads: old=1'] },
  { ack: 'ads', type: 'EDS' },
  { ack: 'cds' },
  { publish: { ...before, CDS: { old: '2' } } },
  { expect: ['cds: old=2', 'ads: old=1'] },
]);

for (const apart of [{ connection: 'two' }, { node: 'another-node' }] as const) {
  conversation(
    `R41: streams of another ${Object.keys(apart)[0]} are another client`,
    both,
    variant => [
      ...started,
      { ask: 'cds 2', type: 'CDS', ...apart },
      { expect: ['cds 2: old=1'] },
      { ask: 'rds 2', type: 'RDS', names: ['r'], ...apart },
      { expect: ['rds 2: r=to-old'] },
      { ack: 'cds 2' },
      { ack: 'rds 2' },
      { publish: after },
      { expect: [added(variant), added(variant).replace('cds', 'cds 2')] },
      { ask: 'new 2', type: 'EDS', names: ['new'], ...apart },
      { ack: 'cds 2' },
      { ack: 'cds' },
      { expect: ['new 2: new=1'] },
      { ack: 'new 2' },
      { expect: ['rds 2: r=to-new'] },
      { ask: 'new', type: 'EDS', names: ['new'] },
      { expect: ['new: new=1'] },
      { ack: 'new' },
      { expect: ['lds: l=2', 'rds: r=to-new'] },
    ],
    ['loopback'],
  );
}

conversation(
  'R41: two ADS streams of a node on a connection are two clients',
  both,
  variant => [
    { publish: before },
    ...['first', 'second'].flatMap((name): Line[] => [
      { ask: name, type: 'CDS', ads: true },
      { expect: [`${name}: old=1`] },
      { ack: name, type: 'CDS' },
      { ask: name, type: 'RDS', names: ['r'], ads: true },
      { expect: [`${name}: r=to-old`] },
      { ack: name, type: 'RDS' },
    ]),
    { publish: after },
    { expect: ['first', 'second'].map(name => added(variant).replace('cds', name)) },
    { ack: 'second', type: 'CDS' },
    { expect: ['second: r=to-new'] },
    { ack: 'first', type: 'CDS' },
    { expect: ['first: r=to-new'] },
  ],
  ['loopback'],
);

/** An Envoy's streams after an outage: it has `before` of their types. */
const envoy = { userAgent: 'envoy' };
const back = {
  cds: { ask: 'cds', type: 'CDS', has: { old: '1' }, ...envoy },
  lds: { ask: 'lds', type: 'LDS', has: { l: '1' }, ...envoy },
  rds: { ask: 'rds', type: 'RDS', names: ['r'], has: { r: 'to-old' }, ...envoy },
  eds: { ask: 'old', type: 'EDS', names: ['old'], has: { old: '1' }, ...envoy },
} satisfies Record<string, Line>;

conversation('R41: after an outage, routes that come back first wait for clusters', ['delta'], () => [
  { publish: after },
  back.rds,
  back.eds,
  back.lds,
  { expect: [] },
  back.cds,
  { expect: ['cds: new=1'] },
  { ask: 'new', type: 'EDS', names: ['new'], ...envoy },
  { ack: 'cds' },
  { expect: ['new: new=1'] },
  { ack: 'new' },
  { expect: ['lds: l=2', 'rds: r=to-new'] },
  { ack: 'lds' },
  { ack: 'rds' },
  { timers: true },
  { expect: ['cds: ~old', 'old: ~old'] },
]);

conversation('R41, R12: and wait no longer than streams may take to come back', ['delta'], () => [
  { publish: after },
  back.rds,
  { expect: [] },
  { timers: true },
  { expect: ['rds: r=to-new'] },
]);

conversation('R41: after an outage, old clusters stay while routes may still be away', ['delta'], () => [
  { publish: after },
  back.cds,
  { expect: ['cds: new=1'] },
  { ask: 'new', type: 'EDS', names: ['new'], ...envoy },
  { ack: 'cds' },
  { expect: ['new: new=1'] },
  { ack: 'new' },
  back.lds,
  { expect: ['lds: l=2'] },
  { ack: 'lds' },
  back.rds,
  { expect: ['rds: r=to-new'] },
  { ack: 'rds' },
  { timers: true },
  { expect: ['cds: ~old'] },
]);

conversation('R41: endpoints that come back first are no sign that a client has nothing', ['delta'], () => [
  { publish: after },
  { ask: 'new', type: 'EDS', names: ['new'], ...envoy },
  { expect: ['new: new=1'] },
  { ack: 'new' },
  back.rds,
  { expect: [] },
  { ...back.cds, has: { old: '1', new: '1' } },
  { expect: ['rds: r=to-new'] },
]);

conversation(
  'R41: while the stream of clusters is away, routes go on leading to those that are there',
  both,
  variant => {
    const versions = variant === 'sotw' ? {} : { has: { old: '1' } };
    return [
      ...started.map(line => ('ask' in line ? { ...line, ...envoy } : line)),
      { close: 'cds' },
      { publish: after },
      { expect: [] },
      { ask: 'cds again', type: 'CDS', ...versions, ...envoy },
      { expect: [variant === 'sotw' ? 'cds again: new=1 old=1' : 'cds again: new=1'] },
      { ask: 'new', type: 'EDS', names: ['new'], ...envoy },
      { ack: 'cds again' },
      { expect: ['new: new=1'] },
      { ack: 'new' },
      { expect: ['lds: l=2', 'rds: r=to-new'] },
    ];
  },
);

conversation('R41: while the stream of routes is away, what they lead to stays', both, variant => {
  const versions = variant === 'sotw' ? {} : { has: { r: 'to-old' } };
  return [
    ...started.map(line => ('ask' in line ? { ...line, ...envoy } : line)),
    { close: 'rds' },
    { publish: after },
    { expect: [added(variant)] },
    { ask: 'new', type: 'EDS', names: ['new'], ...envoy },
    { ack: 'cds' },
    { expect: ['new: new=1'] },
    { ack: 'new' },
    { expect: ['lds: l=2'] },
    { ack: 'lds' },
    { expect: [] },
    { ask: 'rds again', type: 'RDS', names: ['r'], ...versions, ...envoy },
    { expect: ['rds again: r=to-new'] },
    { ack: 'rds again' },
    { timers: true },
    { expect: [removed(variant)] },
  ];
});

conversation('R41: who is no Envoy is not taken to have further streams', ['delta'], () => [
  { publish: after },
  { ...back.rds, userAgent: 'grpc-go' },
  { expect: ['rds: r=to-new'] },
]);

conversation('R41: clusters over ADS wait for routes on streams of their own', ['delta'], () => [
  { publish: { ...after, CDS: { new: 'apart' } } },
  { ...back.cds, ask: 'ads', ads: true },
  { expect: ['ads: new=apart'] },
  { ask: 'new', type: 'EDS', names: ['new'], ...envoy },
  { expect: ['new: new=1'] },
  { ack: 'new' },
  { ack: 'ads', type: 'CDS' },
  { ...back.lds, ask: 'ads', ads: true },
  { expect: ['ads: l=2'] },
  { ack: 'ads', type: 'LDS' },
  back.rds,
  { expect: ['rds: r=to-new'] },
  { ack: 'rds' },
  { timers: true },
  { expect: ['ads: ~old'] },
]);

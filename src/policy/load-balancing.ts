import { z } from 'zod';
import { cookieAttributes, cookieName, cookiePath } from './cookie.ts';
import { duration, field, orInShort, percentage, percentBetween } from './field.ts';
import { hashSources, oneHashSource } from './hash-source.ts';
import { loadReports } from './load-reports.ts';
import { hashedZones, reportedZones, zones } from './zones.ts';

/** What a request is hashed by; the first part that yields a value decides when it is `terminal`. */
export const HashPart = z
  .strictObject({
    ...hashSources,
    cookie: field(
      z
        .strictObject({
          name: field(cookieName, { doc: 'Name of the cookie.', example: 'lane' }),
          ttl: field(duration().optional(), {
            doc: 'When set, a caller without the cookie is given one that lives this long (`0s`: for the session).',
            why: 'absent: callers without the cookie are not given one',
            example: '1h',
          }),
          path: field(cookiePath.optional(), {
            doc: 'Path attribute of a cookie that we make.',
            why: 'absent: the cookie has no Path attribute',
            example: '/',
          }),
          attributes: field(cookieAttributes.default({}), {
            doc: 'Further attributes of a cookie that we make; those without a value have an empty text. `HttpOnly` is always there.',
            why: 'none: what browsers do without is right for a cookie that only chooses an endpoint',
            example: { SameSite: 'Lax', Secure: '' },
          }),
        })
        .optional(),
      { doc: 'The value of this cookie.', example: { name: 'user', ttl: '1h' } },
    ),
    terminal: field(z.boolean().default(false), {
      doc: 'Stop here when this part yields a value; otherwise all parts are combined.',
      why: 'false, as in Envoy',
      example: true,
    }),
  })
  .superRefine(oneHashSource);
export type HashPart = z.output<typeof HashPart>;

const hashBy = field(
  z
    .array(HashPart)
    .min(1)
    .default([{ sourceIp: true, terminal: false }]),
  {
    doc: 'What requests are hashed by, in order.',
    why: "the caller's IP address: the only thing every request has",
    example: [{ header: 'x-user' }],
  },
);

const maxLoad = field(percentBetween(101, 999).optional(), {
  doc: 'Most active requests of an endpoint, as a share of what all have on average (by weight), seen from one Envoy. What is above goes to other endpoints, and comes back as load falls.',
  unit: 'percent of the average',
  why: 'absent: no bound; callers move only when endpoints do',
  example: '125%',
});

/** Warms up an endpoint that just came (back): its share grows over `window`. */
export const SlowStart = z.strictObject({
  window: field(duration({ min: 1 }), { doc: 'How long the warm-up lasts.', example: '30s' }),
  aggression: field(z.number().min(0.01).max(100).default(1), {
    doc: 'Shape of the growth: 1 is linear, more starts faster.',
    why: '1: linear growth is what people expect',
    example: 1.5,
  }),
  minWeight: field(percentage.prefault('10%'), {
    doc: 'Share of its weight that the endpoint begins with.',
    why: '10%: enough for it to warm anything at all',
    example: '10%',
  }),
});
export type SlowStart = z.output<typeof SlowStart>;

const slowStart = field(orInShort(z.string(), SlowStart, window => ({ window })).optional(), {
  doc: 'Warm up endpoints that just came: a duration, or the full form.',
  why: 'absent: a new endpoint gets its full share at once',
  example: '30s',
});

const shared = {
  panicThreshold: field(percentage.prefault('1%'), {
    doc: 'When fewer endpoints than this share are healthy, health is ignored and all get traffic.',
    why: "1%: Envoy's own 50% sends two thirds of requests to dead servers when two of three are down",
    example: '0%',
  }),
};

function isPrime(value: number): boolean {
  for (let divisor = 2; divisor * divisor <= value; divisor += 1) if (value % divisor === 0) return false;
  return value >= 2;
}

/** How requests are spread over the endpoints of a service. */
export const LoadBalancing = z.discriminatedUnion('policy', [
  z.strictObject({
    policy: field(z.literal('roundRobin'), {
      doc: '`roundRobin`: one endpoint after the other.',
      example: 'roundRobin',
    }),
    slowStart,
    zones,
    ...shared,
  }),
  z.strictObject({
    policy: field(z.literal('leastRequest'), {
      doc: '`leastRequest`: of a few random endpoints the one with the fewest active requests.',
      example: 'leastRequest',
    }),
    choiceCount: field(z.union([z.literal('all'), z.int().min(2).max(100)]).default(2), {
      doc: 'How many random endpoints are compared, or `all`; the one with the fewest active requests wins. Counts with equal weights only.',
      unit: 'endpoints',
      why: '2: the power of two choices; more gains little',
      example: 2,
    }),
    activeRequestBias: field(z.number().min(0).max(10).default(1), {
      doc: 'With unequal weights: how strongly active requests lower the chance of an endpoint. 0 is plain weighted round robin.',
      why: "1, Envoy's",
      example: 1,
    }),
    slowStart,
    zones,
    ...shared,
  }),
  z.strictObject({
    policy: field(z.literal('random'), { doc: '`random`: any.', example: 'random' }),
    zones,
    ...shared,
  }),
  z
    .strictObject({
      policy: field(z.literal('ringHash'), {
        doc: '`ringHash`: the same endpoint for the same caller, on a ring of hashes.',
        example: 'ringHash',
      }),
      minimumRingSize: field(z.int().min(1).max(8388608).default(1024), {
        doc: 'Least number of points on the ring; more spread load more evenly.',
        why: "1024, Envoy's",
        example: 1024,
      }),
      maximumRingSize: field(z.int().min(1).max(8388608).default(8388608), {
        doc: 'Most points on the ring; bounds memory.',
        why: "8388608, Envoy's limit",
        example: 65536,
      }),
      hashBy,
      maxLoad,
      zones: hashedZones,
      ...shared,
    })
    .superRefine(({ minimumRingSize, maximumRingSize }, context) => {
      if (minimumRingSize <= maximumRingSize) return;
      const message = `must be at most maximumRingSize (${maximumRingSize}), is ${minimumRingSize}`;
      context.addIssue({ code: 'custom', path: ['minimumRingSize'], message });
    }),
  z.strictObject({
    policy: field(z.literal('maglev'), {
      doc: '`maglev`: as `ringHash`, with a table: faster, and more even.',
      example: 'maglev',
    }),
    tableSize: field(z.int().min(2).max(5000011).refine(isPrime, 'must be a prime number').default(65537), {
      doc: 'Size of the look-up table; must be a prime number.',
      why: "65537, Envoy's",
      example: 65537,
    }),
    hashBy,
    maxLoad,
    zones: hashedZones,
    ...shared,
  }),
  z.strictObject({
    policy: field(z.literal('clientSideWeightedRoundRobin'), {
      doc: '`clientSideWeightedRoundRobin`: by weights that each Envoy computes of the load that endpoints report (ORCA). Declared weights do not count.',
      example: 'clientSideWeightedRoundRobin',
    }),
    ...loadReports,
    slowStart,
    zones: reportedZones,
    ...shared,
  }),
]);
export type LoadBalancing = z.output<typeof LoadBalancing>;

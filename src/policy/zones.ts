import { z } from 'zod';
import { duration, field, formats, namePattern, orInShort, percentage, percentBetween } from './field.ts';
import { metricNames, outOfBand } from './load-reports.ts';

const part = namePattern.source.slice(1, -1);
const zonePattern = `^${part}(/${part})?$`;

/** A failure zone, `a`, or with its region, `eu/a`. */
export const zoneText = z
  .string()
  .register(formats, { name: 'zone', pattern: zonePattern })
  .regex(new RegExp(zonePattern), 'must be ZONE or REGION/ZONE, each 1 to 63 of a-z, 0-9 and -')
  .refine(text => text !== 'constructor', 'is reserved');

const mostOfZones = 256;

/** A whole number of each zone. */
const byZone = (most: number) =>
  z
    .record(zoneText, z.int().min(1).max(most))
    .refine(zones => Object.keys(zones).length > 0, 'needs at least one zone')
    .refine(zones => Object.keys(zones).length <= mostOfZones, `holds more than ${mostOfZones} zones`);

/** How many proxies of a fleet stand in each zone, or another number in the same proportions. */
export const ZoneCounts = byZone(1_000_000);

const Ignored = z.strictObject({
  mode: field(z.literal('ignored'), {
    doc: '`ignored`: the weights of endpoints hold across all zones.',
    example: 'ignored',
  }),
});

const OwnFirst = z.strictObject({
  mode: field(z.literal('ownFirst'), {
    doc: '`ownFirst`: requests stay in the zone of the proxy as far as the zone has its share of the endpoints; the rest goes where there is more than the share.',
    example: 'ownFirst',
  }),
  share: field(percentage.prefault('100%'), {
    doc: 'Share of the requests for which zones count; for the others the weights hold across all zones.',
    why: '100%: all that can stay in the zone does',
    example: '50%',
  }),
  minEndpoints: field(z.int().min(1).max(10_000).default(2), {
    doc: 'With fewer healthy endpoints in all zones together, zones do not count.',
    unit: 'endpoints',
    why: "2: there is nothing to choose below; Envoy's own 6 would leave it off for most services on plain machines",
    example: 6,
  }),
  forceOwnZone: field(z.int().min(1).max(10_000).optional(), {
    doc: 'Everything stays in the own zone while that many of its endpoints are healthy, even if they get more than their share.',
    unit: 'endpoints',
    why: 'absent: no zone is given more than its endpoints are worth',
    example: 2,
  }),
  failInPanic: field(z.boolean().default(false), {
    doc: 'When fewer endpoints than `panicThreshold` are healthy, answer 503 instead of sending to the unhealthy ones.',
    why: 'false: what is called unhealthy may still answer',
    example: true,
  }),
});

export type OwnFirst = z.output<typeof OwnFirst>;

const Weighted = z.strictObject({
  mode: field(z.literal('weighted'), {
    doc: '`weighted`: first a zone is chosen by the weights of the zones, then an endpoint in it.',
    example: 'weighted',
  }),
  weights: field(byZone(1000), {
    doc: 'Share of traffic of each zone, relative to the others of the same priority. A zone with many endpoints down gets less.',
    example: { a: 3, b: 1 },
  }),
});

const ByLoad = z.strictObject({
  mode: field(z.literal('byLoad'), {
    doc: '`byLoad`: requests stay in the zone of the proxy while its endpoints report about as little load as those elsewhere (ORCA), else they go to each zone by what it has left. Between zones endpoints are counted, whatever their weights.',
    example: 'byLoad',
  }),
  margin: field(percentage.prefault('10%'), {
    doc: 'How much more of its endpoints may be in use in the own zone than in the others on average, before requests leave it.',
    unit: 'points of utilisation',
    why: "10%, Envoy's: small differences are not worth the way",
    example: '20%',
  }),
  probe: field(percentBetween(0, 99).prefault('3%'), {
    doc: 'Least share of the requests that goes to other zones, so that they report. With `outOfBand` they report without, and 0% will do.',
    why: "3%, Envoy's: enough to know of a dozen endpoints, from a hundred requests a second",
    example: '1%',
  }),
  smoothing: field(duration({ min: 1 }).prefault('5s'), {
    doc: 'How slowly the load of a zone follows what is reported: after this long, by two thirds.',
    why: "5s, Envoy's: requests that follow every change at once swing from zone to zone",
    example: '10s',
  }),
  update: field(duration({ min: 100 }).prefault('1s'), {
    doc: 'How often zones are weighed anew.',
    why: "1s, Envoy's",
    example: '1s',
  }),
  expiration: field(duration({ min: 1 }).prefault('3m'), {
    doc: 'An endpoint that has not reported for so long does not count. Of a zone without any that do, the load is not known: its share is that of its endpoints.',
    why: "3m, Envoy's",
    example: '1m',
  }),
  utilizationMetrics: field(metricNames.optional(), {
    doc: 'Metrics whose maximum is the utilisation of an endpoint, such as `named_metrics.queue`; one that reports none of them goes by the default.',
    why: 'absent: as in the balancing within zones, if that goes by reports; else `application_utilization` is, and where that is not reported, `cpu_utilization`',
    example: ['named_metrics.queue'],
  }),
  outOfBand: outOfBand('absent: as in the balancing within zones, if that goes by reports; else they come in answers'),
});
export type ByLoad = z.output<typeof ByLoad>;

const zonesField = {
  doc: 'What the zones of endpoints are to balancing: a word, or the full form.',
  why: 'ignored: an endpoint gets what its weight says, in whatever zone it stands',
};

/** Of policies that choose freely. */
const Zones = z.discriminatedUnion('mode', [Ignored, OwnFirst, Weighted, ByLoad]);
export type Zones = z.output<typeof Zones>;
export const zones = field(
  orInShort(z.enum(['ignored', 'ownFirst', 'byLoad']), Zones, mode => ({ mode })).prefault('ignored'),
  { ...zonesField, example: 'ownFirst' },
);

/** Of policies that choose by a hash, for which the zone of the proxy cannot count. */
const HashedZones = z.discriminatedUnion('mode', [Ignored, Weighted]);
export const hashedZones = field(orInShort(z.enum(['ignored']), HashedZones, mode => ({ mode })).prefault('ignored'), {
  ...zonesField,
  example: { mode: 'weighted', weights: { a: 3, b: 1 } },
});

/** Of a policy that goes by reports of load, and by nothing that is declared. */
const ReportedZones = z.discriminatedUnion('mode', [Ignored, ByLoad]);
export const reportedZones = field(
  orInShort(z.enum(['ignored', 'byLoad']), ReportedZones, mode => ({ mode })).prefault('ignored'),
  { ...zonesField, example: 'byLoad' },
);

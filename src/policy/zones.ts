import { z } from 'zod';
import { field, formats, namePattern, percentage } from './field.ts';

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

const zonesField = { doc: 'What the zones of endpoints are to balancing: a word, or the full form.' };
const notCounting = 'ignored: an endpoint gets what its weight says, in whatever zone it stands';

/** Of policies that choose by a hash, for which the zone of the proxy cannot count. */
const HashedZones = z.discriminatedUnion('mode', [Ignored, Weighted]);
export const hashedZones = field(
  z
    .union([
      z
        .enum(['ignored'])
        .transform((mode): z.input<typeof HashedZones> => ({ mode }))
        .pipe(HashedZones),
      HashedZones,
    ])
    .prefault('ignored'),
  { ...zonesField, why: notCounting, example: { mode: 'weighted', weights: { a: 3, b: 1 } } },
);

/** Of policies that have no say in it. */
export const noZones = field(
  z
    .union([
      z
        .enum(['ignored'])
        .transform((mode): z.input<typeof Ignored> => ({ mode }))
        .pipe(Ignored),
      Ignored,
    ])
    .prefault('ignored'),
  { ...zonesField, why: notCounting, example: 'ignored' },
);

/** Of policies that choose freely. */
const Zones = z.discriminatedUnion('mode', [Ignored, OwnFirst, Weighted]);
export type Zones = z.output<typeof Zones>;
export type OwnFirst = z.output<typeof OwnFirst>;
export const zones = field(
  z
    .union([
      z
        .enum(['ignored', 'ownFirst'])
        .transform((mode): z.input<typeof Zones> => ({ mode }))
        .pipe(Zones),
      Zones,
    ])
    .prefault('ignored'),
  { ...zonesField, why: notCounting, example: 'ownFirst' },
);

import { z } from 'zod';
import { duration, field, orInShort, portNumber } from './field.ts';

/** Names of metrics in a load report. */
export const metricNames = z.array(z.string().regex(/^[A-Za-z0-9_.-]{1,128}$/, 'is not the name of a metric')).max(16);

const OutOfBandReports = z.strictObject({
  interval: field(duration({ min: 100 }).prefault('10s'), {
    doc: 'How often an endpoint is asked to report. After three intervals without a report it is connected to anew.',
    why: "10s, Envoy's; endpoints may have a least one of their own, often 30s",
    example: '1s',
  }),
  port: field(portNumber.optional(), {
    placeholder: 'number',
    doc: 'Port that reports are asked for at, at the IP address of each endpoint.',
    why: "absent: the endpoint's, as gRPC servers have it",
    example: 9001,
  }),
  authority: field(
    z
      .string()
      .regex(/^[!-~]{1,255}$/, 'must be 1 to 255 printable characters without spaces')
      .optional(),
    {
      doc: 'Host that they are asked for under.',
      why: "absent: the endpoint's address",
      example: 'orca.internal',
    },
  ),
});
export type OutOfBandReports = z.output<typeof OutOfBandReports>;

/** Reports over a stream of their own; a text is how often. */
const OutOfBand = orInShort(z.string(), OutOfBandReports, interval => ({ interval }));

const outOfBandDoc =
  'Endpoints report over a stream of their own (gRPC over HTTP/2, `xds.service.orca.v3.OpenRcaService`), which every Envoy opens to each of them, and not in their answers: how often, or the full form. For TCP as well.';

/** The same of balancing and of a choice among zones. */
export const outOfBand = (why: string) =>
  field(OutOfBand.optional(), { doc: outOfBandDoc, why, example: { interval: '10s', port: 9001 } });

/** Settings of a balancing that goes by what endpoints report of their load. */
export const loadReports = {
  blackout: field(duration().prefault('10s'), {
    doc: 'For so long an endpoint must have reported before it is given a weight of its own; until then it has the average.',
    why: "10s, Envoy's: an application that has just begun says little of itself",
    example: '10s',
  }),
  expiration: field(duration({ min: 1 }).prefault('3m'), {
    doc: 'An endpoint that has not reported for so long has the average again.',
    why: "3m, Envoy's",
    example: '1m',
  }),
  update: field(duration({ min: 100 }).prefault('1s'), {
    doc: 'How often weights are computed anew.',
    why: "1s, Envoy's",
    example: '1s',
  }),
  errorPenalty: field(z.number().min(0).max(1000).default(1), {
    doc: 'What errors count: this times the share of errors is added to the utilisation.',
    why: '1: an endpoint that only fails counts as fully used',
    example: 2,
  }),
  utilizationMetrics: field(metricNames.default([]), {
    doc: 'Metrics whose maximum is the utilisation, such as `named_metrics.queue`; an endpoint that reports none of them goes by the default.',
    why: 'none: `application_utilization` is, and where that is not reported, `cpu_utilization`',
    example: ['named_metrics.queue'],
  }),
  outOfBand: outOfBand('absent: reports come in answers, which needs HTTP and nothing else'),
};

import { z } from 'zod';
import { duration, field } from './field.ts';

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
  utilizationMetrics: field(
    z
      .array(z.string().regex(/^[A-Za-z0-9_.-]{1,128}$/, 'is not the name of a metric'))
      .max(16)
      .default([]),
    {
      doc: 'Metrics whose maximum is the utilisation where an endpoint reports no `application_utilization`, such as `named_metrics.queue`.',
      why: 'none: then `cpu_utilization` is',
      example: ['named_metrics.queue'],
    },
  ),
};

import { z } from 'zod';
import { duration, field, percentage } from './field.ts';

/** Requests are turned away by chance while a service fails: the more of them fail, the more. */
export const AdmissionControl = z.strictObject({
  successRate: field(
    percentage.prefault('95%').refine(share => share >= 1, 'must be at least 1%'),
    {
      doc: 'Share of answers without error (below 500; for gRPC, no status that tells of trouble of the server) under which requests begin to be turned away.',
      why: "95%, Envoy's",
      example: '90%',
    },
  ),
  window: field(duration({ min: 1000 }).prefault('30s'), {
    doc: 'Time over which answers are counted, in whole seconds.',
    why: "30s, Envoy's",
    example: '10s',
  }),
  minimumRate: field(z.int().min(0).max(1_000_000).default(5), {
    doc: 'Rate below which nothing is turned away.',
    unit: 'requests per second',
    why: '5: a single failure among a few requests says little',
    example: 20,
  }),
  maxRejected: field(percentage.prefault('80%'), {
    doc: 'Most of the requests that are turned away; the others find out whether the service is back.',
    why: "80%, Envoy's",
    example: '95%',
  }),
});
export type AdmissionControl = z.output<typeof AdmissionControl>;

const unseen = 'when and how much Envoy measures shows in no answer';

/** A limit on active requests that Envoy finds by itself: it falls while answers take longer than they must. */
export const AdaptiveConcurrency = z.strictObject({
  maxConcurrency: field(z.int().min(1).max(1_000_000).default(1000), {
    doc: 'Most active requests, whatever is measured.',
    unit: 'requests',
    why: "1000, Envoy's",
    example: 200,
  }),
  minConcurrency: field(z.int().min(1).max(1000).default(3), {
    doc: 'Active requests while it is measured how long an answer takes without load. Applications that need several at once to be quick need more.',
    unit: 'requests',
    why: "3, Envoy's",
    example: 10,
  }),
  measureEvery: field(duration({ min: 1000 }).prefault('60s'), {
    doc: 'How often that is measured, with a jitter of 10%. Meanwhile, for 50 requests, only `minConcurrency` are let in.',
    why: '60s: often enough for an application that is warm by then',
    example: '5m',
    unseen,
  }),
  headroom: field(percentage.prefault('25%'), {
    doc: 'How much longer than without load an answer may take before the limit falls.',
    why: "25%, Envoy's",
    example: '50%',
    unseen,
  }),
  status: field(z.literal([503, 429]).default(503), {
    doc: 'What requests that are turned away are answered. To the Envoys of callers 503 is a failure: retries on `gatewayError` take it to another endpoint, and outlier detection counts it, so that an endpoint that is only busy may be ejected. 429 is neither, unless `retries.statuses` names it. gRPC callers are told UNAVAILABLE in both cases.',
    why: '503: to callers, an endpoint without room is one to avoid',
    example: 429,
  }),
});
export type AdaptiveConcurrency = z.output<typeof AdaptiveConcurrency>;

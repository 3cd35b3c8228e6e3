import { z } from 'zod';
import { formatDuration } from '../base/units.ts';
import { duration, field, percentage } from './field.ts';

const count = (value: number) => z.int().min(1).max(4294967295).default(value);
const enforced = (value: string) => percentage.prefault(value);

/** Passive health: endpoints that answer badly are taken out for a while. Names say what Envoy's knobs do. */
export const OutlierDetection = z
  .strictObject({
    consecutiveGatewayErrors: field(count(3), {
      doc: 'Answers 502, 503, 504 or connection failures in a row until ejection.',
      unit: 'responses',
      why: '3: quick, yet not on one hiccup',
      example: 3,
    }),
    enforceConsecutiveGatewayErrors: field(enforced('100%'), {
      doc: 'Chance that such an ejection is carried out.',
      why: "100%: Envoy's own 0% never ejects",
      example: '100%',
    }),
    consecutiveServerErrors: field(count(5), {
      doc: 'Answers with a 5xx status in a row until ejection.',
      unit: 'responses',
      why: "5, Envoy's",
      example: 5,
    }),
    enforceConsecutiveServerErrors: field(enforced('0%'), {
      doc: 'Chance that such an ejection is carried out.',
      why: '0%: a 500 may be the fault of the request, not of the server',
      example: '100%',
    }),
    splitLocalErrors: field(z.boolean().default(false), {
      doc: 'Count failures to connect apart from bad answers. Timeouts then count as failures to connect, and every connection that opens ends their row: an endpoint that takes requests and never answers is no longer ejected, and only an active check finds it.',
      why: 'false: refused connections, timeouts and bad answers are one row, so that a hung endpoint is taken out too',
      example: true,
    }),
    consecutiveLocalErrors: field(count(2), {
      doc: 'Connections in a row that fail until ejection. Means nothing without `splitLocalErrors`.',
      unit: 'failures',
      why: '2: a server that refuses twice is down',
      example: 2,
    }),
    enforceConsecutiveLocalErrors: field(enforced('100%'), {
      doc: 'Chance that such an ejection is carried out.',
      why: '100%',
      example: '100%',
    }),
    interval: field(duration({ min: 1 }).prefault('1s'), {
      doc: 'Time between sweeps that end ejections and compute rates.',
      why: '1s: fits the short ejection',
      example: '1s',
    }),
    baseEjection: field(duration({ min: 1 }).prefault('5s'), {
      doc: 'First ejection time; multiplied by the number of ejections in a row.',
      why: '5s: a restarted server is soon back',
      example: '5s',
    }),
    maxEjection: field(duration({ min: 1 }).prefault('5m'), {
      doc: 'Longest ejection time.',
      why: "5m, Envoy's",
      example: '5m',
      unseen: 'needs many ejections in a row to show',
    }),
    ejectionJitter: field(duration().prefault('1s'), {
      doc: 'Random time added to each ejection.',
      why: '1s: servers should not all come back in step',
      example: '1s',
      unseen: 'random time; a request cannot tell it from the ejection itself',
    }),
    maxEjected: field(percentage.prefault('50%'), {
      doc: 'Most endpoints that may be out at once.',
      why: "50%: Envoy's own 10% leaves most of a failing zone in use",
      example: '50%',
    }),
    alwaysEjectOne: field(z.boolean().default(true), {
      doc: 'Allow one ejection even where it exceeds `maxEjected`.',
      why: 'true: of two servers one may go',
      example: true,
    }),
    activeCheckRestores: field(z.boolean().default(false), {
      doc: 'Let a passing active check end an ejection.',
      why: 'false: a shallow check must not undo what real requests have shown',
      example: false,
    }),
    detectDegraded: field(z.boolean().default(false), {
      doc: 'Let an endpoint whose answer bears the header `x-envoy-degraded` count as degraded for as long as an ejection lasts: the healthy ones get its traffic as far as they suffice, which with `failover: gradual` are 72% of all. It is not ejected, and `maxEjected` does not bound it.',
      why: 'false: whoever an endpoint passes answers on from could send it',
      example: true,
    }),
    successRate: field(
      z
        .strictObject({
          enforce: field(enforced('0%'), {
            doc: 'Chance that an ejection by success rate is carried out.',
            why: '0%: needs five endpoints and steady traffic to mean anything',
            example: '100%',
          }),
          enforceLocal: field(enforced('0%'), {
            doc: 'The same for connection failures alone.',
            why: '0%, as above',
            example: '100%',
          }),
          minimumEndpoints: field(count(5), {
            doc: 'Endpoints with enough requests before rates are compared.',
            unit: 'endpoints',
            why: '5: fewer have no meaningful spread',
            example: 5,
          }),
          requestVolume: field(count(100), {
            doc: 'Requests per interval before an endpoint counts.',
            unit: 'requests',
            why: "100, Envoy's",
            example: 100,
          }),
          deviationFactor: field(z.number().min(0.1).max(100).default(1.9), {
            doc: 'Standard deviations below the mean that mark an outlier.',
            why: "1.9, Envoy's",
            example: 1.9,
          }),
        })
        .prefault({}),
      {
        doc: 'Ejection of endpoints whose success rate lies far below the others.',
        why: 'off, by the zeros inside',
        example: { enforce: '100%' },
      },
    ),
    failurePercentage: field(
      z
        .strictObject({
          enforce: field(enforced('0%'), {
            doc: 'Chance that an ejection by failure percentage is carried out.',
            why: '0%: off until a threshold is chosen',
            example: '100%',
          }),
          enforceLocal: field(enforced('0%'), {
            doc: 'The same for connection failures alone.',
            why: '0%, as above',
            example: '100%',
          }),
          threshold: field(percentage.prefault('85%'), {
            doc: 'Failures that mark an outlier.',
            why: "85%, Envoy's",
            example: '50%',
          }),
          minimumEndpoints: field(count(5), {
            doc: 'Endpoints with enough requests before it applies.',
            unit: 'endpoints',
            why: "5, Envoy's",
            example: 2,
          }),
          requestVolume: field(count(50), {
            doc: 'Requests per interval before an endpoint counts.',
            unit: 'requests',
            why: "50, Envoy's",
            example: 50,
          }),
        })
        .prefault({}),
      {
        doc: 'Ejection of endpoints that fail more than a fixed share of requests.',
        why: 'off, by the zeros inside',
        example: { enforce: '100%', threshold: '50%' },
      },
    ),
  })
  .superRefine(({ baseEjection, maxEjection }, context) => {
    if (baseEjection <= maxEjection) return;
    const message = `must be at most maxEjection (${formatDuration(maxEjection)})`;
    context.addIssue({ code: 'custom', path: ['baseEjection'], message });
  });
export type OutlierDetection = z.output<typeof OutlierDetection>;

import { z } from 'zod';
import { formatDuration } from '../base/units.ts';
import { duration, field, percentage } from './field.ts';

/** What is worth another attempt. */
export const RetryOn = z.enum([
  'connectFailure',
  'refusedStream',
  'resetBeforeRequest',
  'reset',
  'gatewayError',
  'serverError',
  'retriable4xx',
  'grpcUnavailable',
  'grpcCancelled',
  'grpcDeadlineExceeded',
  'grpcResourceExhausted',
  'grpcInternal',
]);
export type RetryOn = z.output<typeof RetryOn>;

/** When and how often a failed request is tried again. */
export const Retries = z.strictObject({
  attempts: field(z.int().min(0).max(10).default(1), {
    doc: 'Attempts after the first; 0 turns retries off.',
    unit: 'attempts',
    why: '1: covers the death of one server without multiplying load',
    example: 2,
  }),
  on: field(z.array(RetryOn).min(1).default(['connectFailure', 'refusedStream', 'resetBeforeRequest']), {
    doc: 'Failures that are tried again.',
    why: 'only failures after which the request surely had no effect, so that a POST is never done twice',
    example: ['connectFailure', 'reset', 'gatewayError'],
  }),
  statuses: field(z.array(z.int().min(400).max(599)).default([]), {
    doc: 'Further response statuses that are tried again.',
    why: 'none',
    example: [503],
  }),
  otherHost: field(z.boolean().default(true), {
    doc: 'Prefer an endpoint that was not tried yet.',
    why: 'true: the one that failed is the worst choice',
    example: true,
  }),
  perTryTimeout: field(duration({ min: 1 }).optional(), {
    doc: 'How long one attempt may take. Another follows only where `on` holds `reset`, `gatewayError` or `serverError`.',
    why: 'absent: the timeout of the whole request',
    example: '500ms',
  }),
  backoff: field(
    z
      .strictObject({
        base: field(duration({ min: 1 }).prefault('25ms'), {
          doc: 'Pause before the first retry, drawn at random up to this.',
          why: "25ms, Envoy's",
          example: '25ms',
        }),
        max: field(duration({ min: 1 }).prefault('250ms'), {
          doc: 'Longest pause.',
          why: "250ms, Envoy's ten times the base",
          example: '250ms',
        }),
      })
      .superRefine(({ base, max }, context) => {
        if (base <= max) return;
        const message = `must be at most max (${formatDuration(max)})`;
        context.addIssue({ code: 'custom', path: ['base'], message });
      })
      .prefault({}),
    {
      doc: 'Pauses between attempts, growing exponentially.',
      why: '25ms growing to 250ms',
      example: { base: '25ms', max: '250ms' },
    },
  ),
});
export type Retries = z.output<typeof Retries>;

/** Limits retries to a share of the active requests; replaces the fixed `circuitBreakers.maxRetries`. */
export const RetryBudget = z.strictObject({
  percent: field(percentage.prefault('20%'), {
    doc: 'Retries as a share of active requests.',
    why: "20%, Envoy's",
    example: '20%',
  }),
  minConcurrency: field(z.int().min(0).max(1000).default(3), {
    doc: 'Retries that are always allowed.',
    unit: 'requests',
    why: "3, Envoy's",
    example: 3,
  }),
});
export type RetryBudget = z.output<typeof RetryBudget>;

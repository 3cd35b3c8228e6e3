import { z } from 'zod';
import { formatDuration } from '../base/units.ts';
import { duration, field, headerNameText, headerRecord, percentage } from './field.ts';
import { TextMatch } from './match.ts';

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

const RetriesFields = z.strictObject({
  attempts: field(z.int().min(0).max(10).default(1), {
    doc: 'Attempts after the first; 0 turns retries off.',
    unit: 'attempts',
    why: '1: covers the death of one server without multiplying load',
    example: 2,
  }),
  on: field(z.array(RetryOn).min(1).default(['connectFailure', 'refusedStream', 'resetBeforeRequest', 'reset']), {
    doc: 'Failures that are tried again; `reset`, `gatewayError` and `serverError` only for requests of `methods`, since they may come after the effect. A caller that has been sent the beginning of an answer gets no other.',
    why: 'the failures of connections: a process that dies costs no GET, and a POST is never done twice',
    example: ['connectFailure', 'reset', 'gatewayError'],
  }),
  methods: field(z.enum(['idempotent', 'all']).default('idempotent'), {
    doc: 'Requests that are tried again also where the failed attempt may have had its effect (`reset`, `gatewayError`, `serverError`, `statuses`, after `perTryTimeout`): `idempotent` are GET, HEAD, OPTIONS, PUT, DELETE and TRACE; `all`, if the application does nothing twice.',
    why: 'idempotent: a POST that is done twice is an order that is placed twice',
    example: 'all',
  }),
  statuses: field(z.array(z.int().min(400).max(599)).default([]), {
    doc: 'Further response statuses that are tried again, for requests of `methods`.',
    why: 'none',
    example: [503],
  }),
  headers: field(headerRecord(headerNameText, TextMatch).default({}), {
    doc: 'Response headers by which the application itself asks for another attempt, whatever the method; one of them must match.',
    why: 'none',
    example: { 'x-try-again': { present: true } },
  }),
  otherHost: field(z.boolean().default(true), {
    doc: 'Prefer an endpoint that was not tried yet.',
    why: 'true: the one that failed is the worst choice',
    example: true,
  }),
  perTryTimeout: field(duration({ min: 1 }).optional(), {
    doc: 'How long one attempt may take. Another follows only where `on` holds `reset`, `gatewayError` or `serverError`, for requests of `methods`; others have the whole time.',
    why: 'absent: the timeout of the whole request',
    example: '500ms',
  }),
  perTryIdleTimeout: field(duration({ min: 1 }).optional(), {
    doc: 'How long one attempt may be silent, also between the pieces of its answer; for answers that take long but flow. Otherwise like `perTryTimeout`.',
    why: 'absent: for ever, within the other timeouts',
    example: '5s',
  }),
  hedge: field(z.boolean().default(false), {
    doc: 'After `perTryTimeout`, let the attempt go on while another one begins; the first answer counts. For idempotent methods only.',
    why: 'false: while a service is slow for all, it doubles its load',
    example: true,
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
        retryAfter: field(duration({ min: 1000 }).optional(), {
          doc: 'Obey a `Retry-After` (in seconds) of an answer that is tried again, if it asks for no longer than this; a longer one counts as none. Only within the `timeout` of the request.',
          why: 'absent: the pauses above, whatever an answer asks for',
          example: '2s',
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

/** When and how often a failed request is tried again. */
export const Retries = RetriesFields.superRefine(({ hedge, perTryTimeout, methods }, context) => {
  if (!hedge) return;
  const report = (message: string) => context.addIssue({ code: 'custom', path: ['hedge'], message });
  if (perTryTimeout === undefined) report('needs perTryTimeout: after that time another attempt begins');
  if (methods === 'all') report('cannot stand together with methods: all, since it does requests twice on purpose');
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

import { z } from 'zod';
import { duration, exactlyOneOf, field, percentage, printable } from './field.ts';

const statusRange = z
  .string()
  .regex(/^[1-5]\d\d(-[1-5]\d\d)?$/, 'is not a status like "200" or a range like "200-299"')
  .refine(text => {
    const [first = '', last = first] = text.split('-');
    return Number(first) <= Number(last);
  }, 'must begin with the lower status');

/** Asks for a path and looks at the status. */
export const HttpCheck = z.strictObject({
  path: field(
    z
      .string()
      .startsWith('/')
      .max(2048)
      .refine(...printable),
    { doc: 'Path to ask for.', example: '/health' },
  ),
  host: field(
    z
      .string()
      .min(1)
      .max(253)
      .refine(...printable)
      .optional(),
    {
      doc: 'Host header to send.',
      why: 'absent: the name of the service',
      example: 'catalog.internal',
    },
  ),
  method: field(z.enum(['GET', 'HEAD', 'OPTIONS']).default('GET'), {
    doc: 'Method of the check.',
    why: 'GET: every application answers it',
    example: 'HEAD',
  }),
  expect: field(z.array(statusRange).min(1).default(['200-299']), {
    doc: 'Statuses that count as healthy.',
    why: '200-299: success',
    example: ['200-299'],
  }),
  retriable: field(z.array(statusRange).default(['500-599']), {
    doc: 'Statuses that count towards `unhealthyAfter`; any other unexpected one takes the endpoint down at once.',
    why: '500-599: one bad answer from a busy application is not its death',
    example: ['500-599'],
  }),
});
export type HttpCheck = z.output<typeof HttpCheck>;

/** Connects, and may send and expect text. */
export const TcpCheck = z.strictObject({
  send: field(z.string().max(1024).optional(), {
    doc: 'Text to send after connecting.',
    why: 'absent: nothing is sent',
    example: 'PING\r\n',
  }),
  receive: field(z.string().max(1024).optional(), {
    doc: 'Text that the answer must contain.',
    why: 'absent: a connection that opens is enough',
    example: 'PONG',
  }),
});
export type TcpCheck = z.output<typeof TcpCheck>;

/** Calls grpc.health.v1.Health/Check. */
const GrpcCheck = z.strictObject({
  service: field(z.string().max(253).default(''), {
    doc: 'Service name to ask the health service for.',
    why: 'empty: the whole server',
    example: 'shop.Catalog',
  }),
});

/** Active health checking: every Envoy that has the service asks every endpoint itself. Exactly one of `http`, `tcp`, `grpc`. */
export const HealthCheck = z
  .strictObject({
    http: field(HttpCheck.optional(), { doc: 'Check by HTTP request.', example: { path: '/health' } }),
    tcp: field(TcpCheck.optional(), { doc: 'Check by TCP connection.', example: {} }),
    grpc: field(GrpcCheck.optional(), { doc: "Check by gRPC's health protocol.", example: {} }),
    interval: field(duration({ min: 10 }).prefault('1s'), {
      doc: 'Time between checks of a healthy endpoint.',
      why: '1s: a death is noticed in about two seconds',
      example: '1s',
    }),
    timeout: field(duration({ min: 10 }).prefault('500ms'), {
      doc: 'How long a check may take.',
      why: '500ms: half the interval',
      example: '500ms',
    }),
    unhealthyAfter: field(z.int().min(1).max(100).default(2), {
      doc: 'Failed checks in a row until an endpoint is down.',
      unit: 'checks',
      why: '2: one failure may be chance',
      example: 2,
    }),
    healthyAfter: field(z.int().min(1).max(100).default(2), {
      doc: 'Successful checks in a row until it is up again.',
      unit: 'checks',
      why: '2: not back on the first lucky answer',
      example: 2,
    }),
    edgeInterval: field(duration({ min: 10 }).prefault('250ms'), {
      doc: 'Time between checks while an endpoint is changing between up and down.',
      why: '250ms: decide quickly once in doubt',
      example: '250ms',
    }),
    unhealthyInterval: field(duration({ min: 10 }).prefault('1s'), {
      doc: 'Time between checks of an endpoint that is down.',
      why: '1s: like the healthy ones',
      example: '5s',
    }),
    idleInterval: field(duration({ min: 10 }).prefault('1s'), {
      doc: 'Time between checks while the service has had no traffic yet.',
      why: "1s: Envoy's own 60s would leave a new canary or standby unchecked",
      example: '1s',
    }),
    jitter: field(percentage.prefault('10%'), {
      doc: 'Random share added to every interval.',
      why: '10%: a fleet must not check in step',
      example: '10%',
      unseen: 'moves checks by a random share of the interval; a request cannot show it',
    }),
  })
  .superRefine(exactlyOneOf('http', 'tcp', 'grpc'));
export type HealthCheck = z.output<typeof HealthCheck>;

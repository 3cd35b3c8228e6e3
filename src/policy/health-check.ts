import { z } from 'zod';
import { duration, exactlyOneOf, field, ipAddressText, notBoth, percentage, portNumber, printable } from './field.ts';
import { headerValues } from './header-values.ts';
import { byProfile, type CheckTiming, healthProfiles, timingKeys } from './health-profiles.ts';
import { payload, payloads } from './payload.ts';

const statusRange = z
  .string()
  .regex(/^[1-5]\d\d(-[1-5]\d\d)?$/, 'is not a status like "200" or a range like "200-299"')
  .refine(text => {
    const [first = '', last = first] = text.split('-');
    return Number(first) <= Number(last);
  }, 'must begin with the lower status');

const hostText = z
  .string()
  .min(1)
  .max(253)
  .refine(...printable);

/** Asks for a path and looks at the status, and at the body if told. */
export const HttpCheck = z
  .strictObject({
    path: field(
      z
        .string()
        .startsWith('/')
        .max(2048)
        .refine(...printable),
      { doc: 'Path to ask for.', example: '/health' },
    ),
    host: field(hostText.optional(), {
      doc: 'Host header to send.',
      why: 'absent: the name of the service',
      example: 'catalog.internal',
    }),
    method: field(z.enum(['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS', 'TRACE', 'PATCH']).default('GET'), {
      doc: 'Method of the check, which is sent without a body.',
      why: 'GET: every application answers it',
      example: 'HEAD',
    }),
    headers: field(headerValues.default({}), {
      doc: 'Headers to send along, in place of those of the same name. Whoever reads the policy reads them.',
      why: 'none',
      example: { 'x-probe': 'edge' },
    }),
    protocol: field(z.enum(['http', 'http2']).optional(), {
      doc: 'What the check speaks: `http` is HTTP/1.1.',
      why: 'absent: http2 for services that speak http2 or grpc, http for others',
      example: 'http',
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
    receive: field(payloads.optional(), {
      doc: 'What the body of the answer must contain; several in this order. A body without it takes the endpoint down at once, whatever the status and `unhealthyAfter`.',
      why: 'absent: the body does not matter',
      example: '"status":"up"',
    }),
    receiveWithin: field(z.int().min(1).max(1048576).default(65536), {
      doc: 'How much of the body is searched for `receive`.',
      unit: 'bytes',
      why: "65536: Envoy's own 1024 end within the head of many a page",
      example: 4096,
    }),
  })
  .superRefine(({ method, receive, receiveWithin }, context) => {
    if (!receive) return;
    const report = (message: string) => context.addIssue({ code: 'custom', path: ['receive'], message });
    if (method === 'HEAD') report('cannot be found: an answer to HEAD has no body');
    const length = receive.join('').length / 2;
    if (length > receiveWithin) report(`is ${length} bytes long, more than the ${receiveWithin} of receiveWithin`);
  });
export type HttpCheck = z.output<typeof HttpCheck>;

/** Connects, and may send and expect bytes. */
export const TcpCheck = z.strictObject({
  send: field(payload.optional(), {
    doc: 'What to send after connecting.',
    why: 'absent: nothing is sent',
    example: 'PING\r\n',
  }),
  receive: field(payloads.optional(), {
    doc: 'What the answer must contain; several in this order, with anything between them.',
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
  host: field(hostText.optional(), {
    doc: "The call's `:authority`.",
    why: 'absent: the name of the service',
    example: 'catalog.internal',
  }),
  metadata: field(headerValues.default({}), {
    doc: 'Metadata to send along.',
    why: 'none',
    example: { 'x-probe': 'edge' },
  }),
});
export type GrpcCheck = z.output<typeof GrpcCheck>;

/** Asks a Redis server. */
const RedisCheck = z.strictObject({
  maintenanceKey: field(
    z
      .string()
      .min(1)
      .max(512)
      .refine(...printable)
      .optional(),
    {
      doc: 'Ask whether this key exists (`EXISTS`) instead of `PING`: while it does, the endpoint is down, so that setting it takes a server out of use.',
      why: 'absent: PING, whose answer must be PONG',
      example: 'maintenance',
    },
  ),
});
export type RedisCheck = z.output<typeof RedisCheck>;

/** Sends a datagram and waits for one. */
const UdpCheck = z.strictObject({
  send: field(payload, { doc: 'The datagram to send.', example: 'PING' }),
  receive: field(payload, {
    doc: 'The datagram that must come back, byte for byte; others are passed over.',
    example: 'PONG',
  }),
});
export type UdpCheck = z.output<typeof UdpCheck>;

const pace = duration({ min: 10 }).optional();
const count = z.int().min(1).max(100).optional();

const fields = z
  .strictObject({
    http: field(HttpCheck.optional(), { doc: 'Check by HTTP request.', example: { path: '/health' } }),
    tcp: field(TcpCheck.optional(), { doc: 'Check by TCP connection.', example: {} }),
    grpc: field(GrpcCheck.optional(), {
      doc: "Check by gRPC's health protocol. For services that speak grpc or http2.",
      example: {},
    }),
    redis: field(RedisCheck.optional(), {
      doc: 'Check by a command to a Redis server without a password.',
      example: {},
    }),
    udp: field(UdpCheck.optional(), {
      doc: 'Check by a datagram. Needs an Envoy of 1.40 or newer.',
      example: { send: 'PING', receive: 'PONG' },
    }),
    port: field(portNumber.optional(), {
      placeholder: 'number',
      doc: 'Port to check, of every endpoint that says nothing else in its own `healthCheck`.',
      why: 'absent: the port that traffic goes to, so that what is checked is what is used',
      example: 9000,
    }),
    profile: field(z.enum(['fast', 'standard', 'gentle', 'custom']).default('fast'), {
      doc: "Where the timing comes from; each field that is given wins over it. `fast` sees a death in about two seconds, `standard` takes as long as HAProxy's defaults, `gentle` as long as cloud load balancers. `custom` has no values: each of them must be given.",
      why: 'fast: a dead endpoint costs requests for as long as nobody notices',
      example: 'gentle',
    }),
    interval: field(pace, {
      doc: 'Time between checks of a healthy endpoint.',
      why: byProfile('interval', 'Its part in the time until a death is noticed is the largest'),
      example: '1s',
    }),
    timeout: field(pace, {
      doc: 'How long a check may take.',
      why: byProfile('timeout', 'A healthy application answers in milliseconds'),
      example: '500ms',
    }),
    unhealthyAfter: field(count, {
      doc: 'Failed checks in a row until an endpoint is down.',
      unit: 'checks',
      why: byProfile('unhealthyAfter', 'One failure may be chance'),
      example: 2,
    }),
    healthyAfter: field(count, {
      doc: 'Successful checks in a row until it is up again. The very first check decides alone.',
      unit: 'checks',
      why: byProfile('healthyAfter', 'Not back on the first lucky answer'),
      example: 2,
    }),
    edgeInterval: field(pace, {
      doc: 'Time between checks while an endpoint is changing between up and down.',
      why: byProfile('edgeInterval', 'Fast decides quickly once in doubt'),
      example: '250ms',
    }),
    healthyEdgeInterval: field(pace, {
      doc: 'The same for an endpoint that is coming up.',
      why: 'absent: edgeInterval, in both directions',
      example: '1s',
    }),
    unhealthyInterval: field(pace, {
      doc: 'Time between checks of an endpoint that is down.',
      why: byProfile('unhealthyInterval', 'Like the healthy ones'),
      example: '5s',
    }),
    idleInterval: field(pace, {
      doc: 'Time between checks while the service has had no traffic yet, whatever the other intervals say.',
      why: byProfile('idleInterval', "Envoy's own 60s would leave a new canary or standby unchecked"),
      example: '1s',
    }),
    idleHealthyInterval: field(pace, {
      doc: 'The same for endpoints that are healthy and not in doubt.',
      why: 'absent: idleInterval',
      example: '30s',
    }),
    jitter: field(percentage.optional(), {
      doc: 'Random share added to every interval.',
      why: byProfile('jitter', 'A fleet must not check in step'),
      example: '10%',
      unseen: 'moves checks by a random share of the interval; a request cannot show it',
    }),
    initialJitter: field(duration().optional(), {
      doc: 'Random time before the first check of an endpoint, up to this. Until that check an endpoint gets nothing.',
      why: 'absent: the share of the interval that jitter says',
      example: '1s',
    }),
    reuseConnection: field(z.boolean().default(true), {
      doc: 'Keep the connection of a check for the next one. With false every check opens one, and sees also that a server takes no more connections. Checks by `tcp` that send nothing, and by `udp`, keep none anyway.',
      why: "true, Envoy's: a handshake for each check of each proxy is work for the application",
      example: false,
    }),
    closeConnections: field(z.boolean().default(true), {
      doc: 'End open connections to an endpoint that the check finds down. For services that speak tcp.',
      why: 'true: a connection has no next request that could go elsewhere; ended, the caller connects anew',
      example: false,
    }),
  })
  .superRefine(exactlyOneOf('http', 'tcp', 'grpc', 'redis', 'udp'))
  .superRefine((given, context) => {
    const missing = given.profile === 'custom' ? timingKeys.filter(key => given[key] === undefined) : [];
    if (missing.length === 0) return;
    const message = `gives no values of its own: ${missing.join(', ')} must be given`;
    context.addIssue({ code: 'custom', path: ['profile'], params: { problem: 'schema.missing' }, message });
  });

/**
 * Active health checking: every Envoy that has the service asks every endpoint itself. Exactly one of `http`, `tcp`,
 * `grpc`, `redis`, `udp`; what is not said of the timing comes from the profile.
 */
export const HealthCheck = fields.transform(given => ({ ...given, ...timingOf(given) }));
export type HealthCheck = z.output<typeof HealthCheck>;

type Given = { readonly profile: keyof typeof healthProfiles | 'custom' } & {
  readonly [Key in keyof CheckTiming]?: CheckTiming[Key] | undefined;
};

function timingOf(given: Given): CheckTiming {
  // With `custom` all are given, or this is not reached.
  const base: CheckTiming = healthProfiles[given.profile === 'custom' ? 'fast' : given.profile];
  const said = timingKeys.filter(key => given[key] !== undefined).map(key => [key, given[key]] as const);
  return { ...base, ...Object.fromEntries(said) };
}

/** What a single endpoint says of its check. */
export const EndpointCheck = z
  .strictObject({
    port: field(portNumber.optional(), {
      placeholder: 'number',
      doc: 'Port to check, at the address of the endpoint.',
      why: "absent: the `port` of the service's check, or the endpoint's own",
      example: 9000,
    }),
    address: field(ipAddressText.optional(), {
      placeholder: 'text',
      doc: 'IP and port to check instead of the endpoint.',
      why: 'absent: the address of the endpoint',
      example: '10.0.0.11:9000',
    }),
    host: field(hostText.optional(), {
      doc: 'Host header, or `:authority`, of the checks of this endpoint.',
      why: "absent: what the service's check says",
      example: 'catalog-1.internal',
    }),
  })
  .superRefine(notBoth('port', 'address'));
export type EndpointCheck = z.output<typeof EndpointCheck>;

import { isIP } from 'node:net';
import { z } from 'zod';
import { Destination } from './destination.ts';
import { duration, field, portNumber } from './field.ts';

const bindAddress = z.string().refine(text => isIP(text) !== 0, 'is not an IP address');

const where = {
  port: field(portNumber, { placeholder: 'number', doc: 'Port to listen on.', example: 80 }),
  address: field(bindAddress.default('0.0.0.0'), {
    placeholder: 'text',
    doc: 'IP address to listen on.',
    why: '0.0.0.0: a gateway is there to be reached',
    example: '127.0.0.1',
  }),
};

const place = {
  ...where,
  maxConnections: field(z.int().min(1).max(4_000_000).optional(), {
    doc: 'Open connections from callers, for each Envoy; further ones are closed at once. Turning it on drains the connections of the listener once.',
    why: 'absent: those that the bootstrap allows all listeners together, 50,000',
    example: 10_000,
  }),
  reusePort: field(z.boolean().default(false), {
    doc: 'Let each Envoy worker have a socket of its own on the port.',
    why: 'false: with it, a second Envoy on the machine silently shares the port and takes half of the traffic',
    example: true,
  }),
};

/** Takes HTTP in and routes it by the routes of the gateway. */
export const HttpListener = z.strictObject({
  ...place,
  protocol: field(z.literal('http'), { doc: '`http`: takes requests in and routes them.', example: 'http' }),
  trustedProxies: field(z.int().min(0).max(16).default(0), {
    doc: 'How many proxies of yours every request has passed before, such as a load balancer or what ends TLS. Their `x-forwarded-for` says who calls, which `sourceIp` hashes by, and their `x-forwarded-proto` stays. Let nobody else reach the port: they could claim anything.',
    unit: 'proxies',
    why: '0: what strangers write there is not to be believed',
    example: 1,
  }),
});
export type HttpListener = z.output<typeof HttpListener>;

/** Takes connections in and passes their bytes to one service, or to several by weight. */
const TcpListener = z.strictObject({
  ...place,
  protocol: field(z.literal('tcp'), { doc: '`tcp`: takes connections in and passes their bytes on.', example: 'tcp' }),
  to: field(z.array(Destination).min(1).max(32), { doc: 'Where the bytes go.', example: [{ service: 'db' }] }),
});

/** Takes datagrams in and passes them to one service. The workers of an Envoy always share its port. */
const UdpListener = z.strictObject({
  ...where,
  protocol: field(z.literal('udp'), {
    doc: '`udp`: takes datagrams in and passes them on, and answers back.',
    example: 'udp',
  }),
  to: field(z.array(Destination).length(1), {
    doc: 'With `udp` exactly one, a service that speaks udp.',
    example: [{ service: 'dns' }],
  }),
  idleTimeout: field(duration({ min: 1, max: 86_400_000 }).prefault('1m'), {
    doc: 'A session, which is all datagrams between one address and port of a caller and the endpoint that was chosen for the first, ends when it has been silent for so long.',
    why: "1m, Envoy's: longer than most protocols are silent, and each session holds a port",
    example: '10s',
  }),
});

export const Listener = z.discriminatedUnion('protocol', [HttpListener, TcpListener, UdpListener]);
export type Listener = z.output<typeof Listener>;

/** Ports that take traffic in. */
export const Gateway = z.strictObject({
  listeners: field(z.array(Listener).min(1).max(100), { doc: 'The ports.', example: [{ port: 80, protocol: 'http' }] }),
});
export type Gateway = z.output<typeof Gateway>;
export { bindAddress };

import { z } from 'zod';
import { Destination } from './destination.ts';
import { duration, exactlyOneOf, field, httpHeaderName, name, notBoth, printable, re2 } from './field.ts';
import { headerValues } from './header-values.ts';
import { Maintenance } from './maintenance.ts';
import { Match } from './match.ts';
import { Retries } from './retries.ts';
import { Sticky } from './sticky.ts';

/** What is done to headers on the way. Values may use Envoy's `%…%` substitutions; write `%%` for a percent sign. */
export const HeaderChanges = z.strictObject({
  set: field(headerValues.default({}), {
    doc: 'Put in place of what is there.',
    why: 'none',
    example: { 'x-lane': 'beta' },
  }),
  add: field(headerValues.default({}), { doc: 'Put beside what is there.', why: 'none', example: { 'x-via': 'edge' } }),
  remove: field(z.array(httpHeaderName).default([]), { doc: 'Take away.', why: 'none', example: ['x-internal'] }),
});
export type HeaderChanges = z.output<typeof HeaderChanges>;

/** What the application sees in place of what the caller sent. */
export const Rewrite = z
  .strictObject({
    prefix: field(
      z
        .string()
        .startsWith('/')
        .max(4096)
        .refine(...printable)
        .optional(),
      {
        doc: 'Replaces the matched `path.prefix` (or the whole of a matched `path.exact`).',
        why: 'absent: the same',
        example: '/',
      },
    ),
    regex: field(
      z
        .strictObject({
          pattern: field(re2, { doc: 'RE2 expression to find in the path.', example: '^/old/(.*)$' }),
          replacement: field(
            z
              .string()
              .max(1024)
              .refine(...printable),
            {
              doc: 'What replaces it; `\\1` is the first group.',
              example: '/new/\\1',
            },
          ),
        })
        .optional(),
      {
        doc: 'Replaces parts of the path.',
        why: 'absent: the same',
        example: { pattern: '^/old/(.*)$', replacement: '/new/\\1' },
      },
    ),
    host: field(
      z
        .string()
        .min(1)
        .max(253)
        .refine(...printable)
        .optional(),
      {
        doc: 'Replaces the Host header.',
        why: 'absent: the same',
        example: 'catalog.internal',
      },
    ),
  })
  .superRefine(notBoth('prefix', 'regex'));
export type Rewrite = z.output<typeof Rewrite>;

/** Sends the caller elsewhere. */
export const Redirect = z
  .strictObject({
    scheme: field(z.enum(['http', 'https']).optional(), {
      doc: 'Scheme to go to.',
      why: 'absent: the same',
      example: 'https',
    }),
    host: field(
      z
        .string()
        .min(1)
        .max(253)
        .refine(...printable)
        .optional(),
      {
        doc: 'Host to go to.',
        why: 'absent: the same',
        example: 'www.example.com',
      },
    ),
    port: field(z.int().min(1).max(65535).optional(), {
      doc: 'Port to go to.',
      why: 'absent: the same',
      example: 8443,
    }),
    path: field(
      z
        .string()
        .startsWith('/')
        .max(4096)
        .refine(...printable)
        .optional(),
      {
        doc: 'Path to go to, in place of the whole.',
        why: 'absent: the same',
        example: '/new',
      },
    ),
    prefix: field(
      z
        .string()
        .startsWith('/')
        .max(4096)
        .refine(...printable)
        .optional(),
      {
        doc: 'Replaces the matched prefix.',
        why: 'absent: the same',
        example: '/new',
      },
    ),
    stripQuery: field(z.boolean().default(false), { doc: 'Drop the query.', why: 'false', example: true }),
    status: field(
      z.union([z.literal(301), z.literal(302), z.literal(303), z.literal(307), z.literal(308)]).default(302),
      { doc: 'Status of the answer.', why: '302: a mistake is not remembered by browsers for ever', example: 308 },
    ),
  })
  .superRefine(notBoth('path', 'prefix'))
  .superRefine(({ scheme, host, port, path, prefix, stripQuery }, context) => {
    if (stripQuery || [scheme, host, port, path, prefix].some(each => each !== undefined)) return;
    const message =
      'needs at least one of scheme, host, port, path, prefix, stripQuery, or callers go round in a circle';
    context.addIssue({ code: 'custom', message });
  });
export type Redirect = z.output<typeof Redirect>;

/** Answered by Envoy itself. */
export const DirectResponse = z.strictObject({
  status: field(z.int().min(200).max(599), { doc: 'Status of the answer.', example: 503 }),
  body: field(z.string().max(4096).optional(), {
    doc: 'Text of the answer.',
    why: 'absent: empty',
    example: 'We are back at noon.',
  }),
  contentType: field(
    z
      .string()
      .max(128)
      .refine(...printable)
      .default('text/plain; charset=utf-8'),
    {
      doc: 'Type of the body.',
      why: 'text/plain; charset=utf-8: what a short text is',
      example: 'application/json',
    },
  ),
});
export type DirectResponse = z.output<typeof DirectResponse>;

/** One line of a route: what matches goes there. Exactly one of `to`, `redirect`, `respond`. */
export const Rule = z
  .strictObject({
    name: field(name.optional(), {
      doc: 'Name within the route. Only named rules can be shifted by API, and it is the name that statistics and traces show.',
      why: 'absent: statistics show its place in the list',
      example: 'everyone',
    }),
    match: field(Match.prefault({}), {
      doc: 'Which requests; the first rule that matches wins.',
      why: 'absent: all',
      example: { path: { prefix: '/api' } },
    }),
    to: field(z.array(Destination).min(1).max(32).optional(), {
      doc: 'Where they go, by weight.',
      example: [
        { service: 'catalog', version: 'v1', weight: 95 },
        { service: 'catalog', version: 'v2', weight: 5 },
      ],
    }),
    sticky: field(Sticky.optional(), {
      doc: 'Callers stay with the destination that first answered them with a status below 500, for as long as it has a weight above 0; `cookie` alone does it by a cookie with all of its defaults. Weights are for the others.',
      why: 'absent: every request is drawn anew',
      example: 'cookie',
    }),
    redirect: field(Redirect.optional(), { doc: 'Send the caller elsewhere.', example: { scheme: 'https' } }),
    respond: field(DirectResponse.optional(), { doc: 'Answer at once.', example: { status: 503 } }),
    timeout: field(duration().optional(), {
      doc: 'How long the whole request may take, retries included. An answer that is still on its way then, such as a long download or a stream of events, is cut. `0s` turns it off; WebSockets have none. `idleTimeout` remains.',
      why: "absent: the service's",
      example: '3s',
    }),
    idleTimeout: field(duration().optional(), {
      doc: 'How long a request, a stream or a WebSocket may be silent; `0s` turns it off.',
      why: 'absent: 5 minutes at gateways, an hour at sidecars',
      example: '1h',
    }),
    maxStreamDuration: field(duration({ min: 1 }).optional(), {
      doc: 'How long a stream may last, however busy it is; WebSockets and long gRPC calls end then.',
      why: 'absent: for ever',
      example: '6h',
    }),
    priority: field(z.enum(['default', 'high']).default('default'), {
      doc: "`high`: counted by the service's `circuitBreakers.high`, apart from all else, so that it gets through when the rest is refused.",
      why: 'default: nothing is urgent while everything is',
      example: 'high',
    }),
    retries: field(Retries.optional(), {
      doc: 'When it is tried again.',
      why: "absent: the service's",
      example: { attempts: 2 },
    }),
    requestHeaders: field(HeaderChanges.optional(), {
      doc: 'Changes to headers on the way to the application.',
      why: 'absent: none',
      example: { set: { 'x-lane': 'beta' } },
    }),
    responseHeaders: field(HeaderChanges.optional(), {
      doc: 'Changes to headers on the way back.',
      why: 'absent: none',
      example: { remove: ['server'] },
    }),
    rewrite: field(Rewrite.optional(), {
      doc: 'Changes to path and host on the way to the application.',
      why: 'absent: path and host as they came',
      example: { prefix: '/' },
    }),
    maintenance: field(Maintenance.optional(), {
      doc: 'A page in place of the services, for the requests of this rule.',
      why: 'absent: as the route and the services say',
      example: { on: true },
    }),
  })
  .superRefine(exactlyOneOf('to', 'redirect', 'respond'))
  .superRefine(({ to, maintenance }, context) => {
    if (!maintenance || to) return;
    context.addIssue({ code: 'custom', path: ['maintenance'], message: 'needs `to`: no service is behind the rule' });
  })
  .superRefine(({ to, sticky }, context) => {
    if (!sticky || to) return;
    context.addIssue({ code: 'custom', path: ['sticky'], message: 'needs `to`: there is nothing to stay with' });
  });
export type Rule = z.output<typeof Rule>;

const host = z
  .string()
  .max(253)
  .regex(
    /^(\*|(\*\.)?[A-Za-z0-9_]([A-Za-z0-9_.-]*[A-Za-z0-9_])?(\.\*)?|\[[0-9a-fA-F:]+\])$/,
    'is not a host name, *.suffix, prefix.* or *',
  )
  .transform(text => text.toLowerCase());

/** Hosts and what becomes of their requests. */
export const Route = z.strictObject({
  gateways: field(z.array(name).default([]), {
    doc: 'Gateways whose HTTP listeners take this traffic in.',
    why: 'none',
    example: ['public'],
  }),
  mesh: field(z.boolean().default(false), {
    doc: 'Give the route to sidecars too: to those whose upstreams include every service it sends to.',
    why: 'false: a route of the edge is seldom meant for calls inside',
    example: true,
  }),
  hosts: field(z.array(host).min(1).default(['*']), {
    placeholder: 'text',
    doc: 'Host names, without port: `shop.example.com`, `*.example.com`, `*`.',
    why: '*: every host',
    example: ['shop.example.com'],
  }),
  rules: field(z.array(Rule).min(1).max(1000), {
    doc: 'In order; the first that matches wins.',
    example: [{ to: [{ service: 'catalog' }] }],
  }),
  maintenance: field(Maintenance.optional(), {
    doc: 'A page in place of the services, for all rules that send to services; redirects and answers of Envoy stay.',
    why: 'absent: as rules and services say',
    example: { page: { retryAfter: '5m' } },
  }),
});
export type Route = z.output<typeof Route>;

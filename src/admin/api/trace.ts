import { z } from 'zod';
import { operation } from './operation.ts';
import { place, type Reply } from './reply.ts';

const headerValue = z.string().max(8192);
const TraceBody = z
  .strictObject({
    url: z.string().min(1).max(8192).describe('A whole URL, or a path alone. Its port says which listener is meant.'),
    method: z
      .string()
      .regex(/^[A-Z]{1,32}$/, 'is not an HTTP method in capitals')
      .default('GET')
      .describe('In capitals.'),
    headers: z
      .record(z.string().min(1).max(256), z.union([headerValue, z.array(headerValue).max(100)]))
      .default({})
      .describe('A header that is sent several times has a list of values.'),
    fleet: z
      .string()
      .max(1024)
      .optional()
      .describe('Key of a fleet, or the name of one without sub-fleets. Absent: that of `proxy`, or the only one.'),
    proxy: z.string().max(256).optional().describe('Node id of a proxy that is connected.'),
    listener: z
      .string()
      .max(1024)
      .optional()
      .describe("Name of a listener. Absent: that of the URL's port, or the only one."),
  })
  .meta({ id: 'TraceQuestion', description: 'A request, and which listener of a fleet it comes to.' });
/** As callers write it. */
export type TraceBody = Reply<z.ZodType<z.input<typeof TraceBody>>>;

const destinations = z
  .array(z.object({ cluster: z.string().describe('Its name.'), weight: z.number().describe('Its share.') }))
  .describe('One, or several of which one is drawn by weight; those of weight 0 get nothing.');
const status = z.int().describe('Status of the response.');

const OutcomeReply = z
  .discriminatedUnion('kind', [
    z.object({
      kind: z.literal('forward'),
      destinations,
      hashed: z.literal(true).describe('Not chance but a hash of what the caller sends draws among them.').optional(),
      path: z.string().describe('As the application sees it, with its query.'),
      host: z.string().describe('As the application sees it.'),
    }),
    z.object({ kind: z.literal('redirect'), status, location: z.string().describe('Where to.') }),
    z.object({ kind: z.literal('respond'), status, body: z.string().describe('Of the response.') }),
    z.object({ kind: z.literal('connection'), destinations }),
    z.object({
      kind: z.literal('unrouted'),
      status,
      why: z.string().describe('Why Envoy answers by itself.'),
      location: z.string().describe('Where it redirects to.').optional(),
    }),
  ])
  .meta({ id: 'TraceOutcome', description: 'What Envoy does with a request or a connection in the end.' });

const TraceReply = z
  .object({
    fleet: z.string().describe('Key of the fleet.'),
    listener: z.string().describe('Name of the listener.'),
    routeTable: z.string().describe('Absent where bytes are passed on.').optional(),
    method: z.string().describe('As rules see it.'),
    host: z.string().describe('As rules see it.'),
    path: z.string().describe('As rules see it, made plain.'),
    virtualHost: z
      .object({ name: z.string().describe('Its name.'), domain: z.string().describe('What the host fits.') })
      .describe('Absent where no host fits.')
      .optional(),
    rules: z
      .array(
        z.object({
          name: z.string().describe('`shop/everyone`, `shop/#3`.'),
          taken: z.boolean().describe('Whether it took the request.'),
          why: z
            .array(z.string())
            .describe('The first condition that was not met, of each of its routes; each reason once.'),
          field: z
            .string()
            .describe('Its first route in the table, or the one that took it: `virtual_hosts[0].routes[2]`.'),
          ...place,
        }),
      )
      .describe('In the order in which they were looked at, up to the one that took the request.'),
    outcome: OutcomeReply,
  })
  .meta({ id: 'Trace', description: "What a fleet's Envoys do with a request, and why." });
export type TraceReply = Reply<typeof TraceReply>;

export const traceRequest = operation({
  id: 'traceRequest',
  method: 'post',
  path: '/api/v1/trace',
  family: 'Traffic',
  role: 'viewer',
  summary: 'Where a request goes, and why',
  doc: 'Found out from the bytes that the Envoys of a fleet are sent. Changes nothing.',
  body: TraceBody,
  example: { url: 'http://shop.example:8000/cart', headers: { 'x-beta': '1' } },
  answers: { 200: TraceReply },
  errors: { 404: 'There is no such fleet or proxy.', 422: 'The question is not clear.' },
});

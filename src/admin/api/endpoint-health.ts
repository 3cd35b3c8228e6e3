import { z } from 'zod';
import { operation } from './operation.ts';
import type { Reply } from './reply.ts';

export const EndpointHealthRow = z
  .object({
    service: z.string().describe('Name of the service.'),
    endpoint: z.string().describe('As the policy declares it.'),
    address: z.string().describe('Where it is a host name: the address that this is about.').optional(),
    failedCheck: z.int().describe('Its active check failed.'),
    ejected: z.int().describe('Outlier detection has taken it out.'),
    unchecked: z.int().describe('Its first check is still to come.'),
    degraded: z.int().describe('It says itself that it is degraded.'),
    healthy: z.int().describe('None of these.'),
    unknown: z.int().describe('The proxy is not asked, does not answer, or does not name the endpoint.'),
  })
  .meta({ id: 'EndpointHealthRow', description: 'By how many connected proxies an endpoint is found how.' });
export type EndpointHealthRow = Reply<typeof EndpointHealthRow>;

const EndpointHealthReply = z
  .object({
    endpoints: z
      .array(EndpointHealthRow)
      .describe('The first, as many as `limit` says, those in trouble before the others.'),
    count: z.int().describe('How many endpoints in all.'),
    proxies: z.int().describe('Connected proxies of all fleets.'),
    unknown: z
      .array(
        z.object({
          id: z.string().describe('Node id.'),
          fleet: z.string().describe('Key of its fleet.'),
          why: z.string().describe('Why nothing is known of it.'),
        }),
      )
      .describe('Proxies of which nothing is known, the first 20.'),
    unknownCount: z.int().describe('How many in all.'),
  })
  .meta({ id: 'EndpointHealth', description: 'How proxies find endpoints.' });
export type EndpointHealthReply = Reply<typeof EndpointHealthReply>;

export const readEndpointHealth = operation({
  id: 'readEndpointHealth',
  method: 'get',
  path: '/api/v1/endpoint-health',
  family: 'Endpoints',
  summary: 'By how many proxies an endpoint is found healthy, ejected or down',
  doc: 'It is seconds old, and only known of fleets that declare where their proxies are asked.',
  query: {
    service: z
      .string()
      .optional()
      .describe('All endpoints of this service. Absent: those that some proxy does not find healthy.'),
    limit: z
      .string()
      .regex(/^[1-9]\d{0,3}$/, { error: 'is not a number from 1 to 1000' })
      .transform(Number)
      .refine(limit => limit <= 1000, { error: 'is not a number from 1 to 1000' })
      .optional()
      .describe('Endpoints that are told of one by one, at most; 1000 by default.'),
  },
  answers: { 200: EndpointHealthReply },
  errors: { 404: 'There is no such service.' },
});

import { z } from 'zod';
import { typeNames } from '../../base/type-name.ts';
import { choice, operation } from './operation.ts';
import { ProxyReply } from './proxies.ts';
import { place, type Reply, resource } from './reply.ts';

const fieldChange = z.object({
  path: z
    .string()
    .describe('In the names of the `.proto` files: `virtual_hosts[shop].routes[shop/everyone].route.cluster`.'),
  before: z.unknown().describe('What the proxy has; absent if it has none.').optional(),
  after: z.unknown().describe('What it is to have; absent if none.').optional(),
});

const DueChange = z
  .object({
    ...resource,
    change: z.enum(['added', 'changed', 'removed']).describe('What is still to become of it at the proxy.'),
    fields: z.array(fieldChange).describe('Of a changed one; the first 100.'),
    more: z.literal(true).describe('More of it changes than is listed.').optional(),
    drains: z.literal(true).describe('It is a listener, and its connections will be closed.').optional(),
    ...place,
  })
  .meta({ id: 'DueChange', description: 'How a resource that a proxy holds differs from what it is to hold.' });

const TypeDifference = z
  .object({
    known: z
      .boolean()
      .describe('False if what the proxy holds is not known any more, so that no difference can be told.'),
    changes: z.array(DueChange).describe('From what it has acknowledged to what is intended.'),
  })
  .meta({ id: 'TypeDifference', description: 'Intended versus acknowledged, of one type.' });

const resources = z.array(z.record(z.string(), z.unknown()));

const ProxyConfigReply = z
  .object({
    proxy: ProxyReply.describe('Its row of the sync table.'),
    matched: z.string().describe('Why it is of its fleet, in words.').nullable(),
    matchedAt: z
      .object({
        file: z.string().describe('The file.'),
        line: z.int().describe('From 1.'),
        column: z.int().describe('From 1.'),
      })
      .describe('Where the fleet says which proxies it has.')
      .optional(),
    of: z
      .enum(['intended', 'acked'])
      .describe('Whether `resources` are what it is to hold, or what it has acknowledged.'),
    differences: z.partialRecord(z.enum(typeNames), TypeDifference).describe('By type that it has asked for.'),
    resources: z
      .object({
        listeners: resources.describe('Listener.'),
        routes: resources.describe('RouteConfiguration.'),
        clusters: resources.describe('Cluster.'),
        endpoints: resources.describe('ClusterLoadAssignment.'),
        secrets: resources.describe('Secret; none are served.'),
      })
      .describe("In Envoy's own JSON, by name."),
  })
  .meta({ id: 'ProxyConfig', description: 'The effective configuration of a proxy.' });
export type ProxyConfigReply = Reply<typeof ProxyConfigReply>;

export const readProxyConfig = operation({
  id: 'readProxyConfig',
  method: 'get',
  path: '/api/v1/proxies/{id}/config',
  family: 'Proxies',
  summary: 'What a proxy is to hold, and how that differs from what it has acknowledged',
  doc: 'Of several connections under one node id, the newest.',
  params: { id: 'Node id of a proxy that is connected.' },
  query: {
    of: choice(['intended', 'acked'], 'Which resources: those that are intended, by default, or acknowledged.'),
  },
  answers: { 200: ProxyConfigReply },
  errors: { 404: 'No proxy with this node id is connected, or it is given no fleet.' },
});

import { z } from 'zod';
import { typeNames } from '../../base/type-name.ts';
import { choice, flag, operation, pageQuery } from './operation.ts';
import { RejectReply } from './rejections.ts';
import { instantText, type Reply, ResourceReply } from './reply.ts';

export const ProxyTypeReply = z
  .object({
    state: z
      .enum(['notAsked', 'pending', 'synced', 'rejected', 'stale'])
      .describe(
        '`pending`: asked for or sent, not acknowledged; `stale`: it holds an older version than intended, and nothing newer is on its way yet; `rejected`: the newest answer was a rejection, or something of the type is withheld. What is acked then is the rest.',
      ),
    intended: z.string().nullable().describe('Version that it is to hold.'),
    sent: z.string().nullable().describe('Version that was sent last.'),
    acked: z.string().nullable().describe('Version that it acknowledged last.'),
    ackedAt: instantText('When it did, or was found to hold it.').optional(),
    behindSince: instantText('Since when it does not hold what is intended; absent while it does.').optional(),
    withheld: z.int().describe('How many contents of the type are withheld, rejects and suspects, if any.').optional(),
    rejection: z
      .object({
        version: z.string().describe('What was rejected.'),
        message: z.string().describe("Envoy's words."),
        at: instantText('When.'),
      })
      .describe('The newest answer, if it was one.')
      .optional(),
  })
  .meta({ id: 'ProxyType', description: 'Where a proxy stands with one type.' });
export type ProxyTypeReply = Reply<typeof ProxyTypeReply>;

/** The worst that a proxy is in, over its types. */
export const proxyStates = [
  'synced',
  'pending',
  'rejected',
  'stale',
  'unmatched',
  'ambiguous',
  'refused',
  'disconnected',
] as const;
export type ProxyState = (typeof proxyStates)[number];

/** The same, in the order in which an operator wants to see them. */
export const worstFirst: readonly ProxyState[] = [
  'rejected',
  'refused',
  'ambiguous',
  'unmatched',
  'stale',
  'pending',
  'disconnected',
  'synced',
];

export const ProxyReply = z
  .object({
    id: z.string().describe('Node id.'),
    cluster: z.string().describe("The node's cluster."),
    zone: z.string().describe('Its zone.'),
    fleet: z.string().nullable().describe('Key of its fleet; null while it is given none.'),
    state: z.enum(proxyStates).describe('The worst that it is in, over its types.'),
    since: instantText('Since when, as far as is known: when it acknowledged last, became due something, or went.'),
    why: z.string().describe('Why it is not synced, in words.').optional(),
    nearestFleet: z.string().describe('The fleet that comes nearest to one that is not matched.').optional(),
    variant: z.enum(['sotw', 'delta']).describe('The form of the protocol that it speaks.'),
    envoyVersion: z.string().describe('`1.40.0`.'),
    peer: z.string().describe('Address that it is connected from.'),
    certificate: z.array(z.string()).describe('URIs and host names in its certificate; absent without TLS.').optional(),
    admin: z
      .object({
        answers: z.boolean().describe('Whether it does.'),
        why: z.string().describe('Why not.').optional(),
        clockAhead: z
          .int()
          .describe("Milliseconds that its clock is ahead of the server's, to about a second; as far as it tells.")
          .optional(),
      })
      .describe('Its admin interface, where its fleet says how it is asked, once it was.')
      .optional(),
    connectedAt: instantText('Since when it is, or was, connected.'),
    disconnectedAt: instantText('When it went.').optional(),
    types: z.partialRecord(z.enum(typeNames), ProxyTypeReply).describe('By type that it has asked for.'),
    rejects: z
      .array(RejectReply)
      .describe('What it rejected, the first 20. This and what follows is there while something is withheld from it.')
      .optional(),
    rejectCount: z.int().describe('How many in all.').optional(),
    suspects: z
      .array(ResourceReply)
      .describe(
        'Among these there is something that it rejects, and which, is not found out yet; the first 20. They are not sent either.',
      )
      .optional(),
    suspectCount: z.int().describe('How many in all.').optional(),
  })
  .meta({ id: 'Proxy', description: 'One row of the sync table.' });
export type ProxyReply = Reply<typeof ProxyReply>;

/** Orders of the table. */
export const proxyOrders = ['fleet', 'id', 'worst', 'since'] as const;
export type ProxyOrder = (typeof proxyOrders)[number];

const ProxiesReply = z
  .object({
    proxies: z.array(ProxyReply).describe('A page of them, of 4 MiB at most.'),
    total: z.int().describe('How many there are on all pages.'),
    counts: z
      .array(
        z.object({
          fleet: z.string().nullable().describe('Name of the fleet; its sub-fleets are counted with it.'),
          state: z.enum(proxyStates).describe('The state.'),
          count: z.int().describe('How many of the fleet are in it.'),
        }),
      )
      .describe('Of all pages.'),
    next: z.string().describe('The `cursor` of the next page, if there is one.').optional(),
  })
  .meta({ id: 'Proxies', description: 'The sync table.' });
export type ProxiesReply = Reply<typeof ProxiesReply>;

export const listProxies = operation({
  id: 'listProxies',
  method: 'get',
  path: '/api/v1/proxies',
  family: 'Proxies',
  summary: 'The sync table: which proxy holds what',
  doc: 'Every proxy that is connected, and those that have gone since the start. A proxy that stays is on exactly one page by `id`; by another order, one that changes its place between two pages may be on both or on none.',
  query: {
    fleet: z.string().optional().describe('Those of a fleet, sub-fleets included.'),
    state: choice(proxyStates, 'Those in a state.'),
    name: z.string().optional().describe('Those whose node id has this in it.'),
    sort: choice(
      proxyOrders,
      'By `fleet` and id, those without a fleet last, which is the default; by `id`; the `worst` first; or by `since`, the longest first.',
    ),
    ...pageQuery,
  },
  answers: { 200: ProxiesReply },
});

const RetryReply = z
  .object({
    id: z.string().describe('Node id.'),
    resources: z.int().describe('How many contents were withheld from the proxy, and are sent to it once more.'),
  })
  .meta({ id: 'Retry', description: 'What a proxy is sent once more.' });
export type RetryReply = Reply<typeof RetryReply>;

export const retryProxy = operation({
  id: 'retryProxy',
  unstored: true,
  method: 'post',
  path: '/api/v1/proxies/{id}/retry',
  family: 'Proxies',
  summary: 'Sends a proxy once more what it rejected',
  params: { id: 'Node id of a proxy that is connected.' },
  query: { dryRun: flag('Send nothing: only count.') },
  answers: { 200: RetryReply, 202: RetryReply },
  errors: { 404: 'No proxy with this node id is connected.' },
});

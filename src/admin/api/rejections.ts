import { z } from 'zod';
import { instantText, place, type Reply, resource } from './reply.ts';

export const RejectReply = z
  .object({
    ...resource,
    version: z.string().describe('Of the rejected content.'),
    message: z.string().describe("Envoy's words."),
    at: instantText('When it was rejected.'),
    ...place,
  })
  .meta({ id: 'Reject', description: 'A content that a proxy rejected, so that it keeps its last good one.' });
export type RejectReply = Reply<typeof RejectReply>;

export const QuarantineReply = z
  .object({
    fleet: z.string().describe('Key of the fleet.'),
    ...resource,
    version: z.string().describe('Of the rejected content.'),
    since: instantText('When it began.'),
    message: z.string().describe("The proxies' words."),
    proxies: z.array(z.string()).describe('Node ids of those that rejected it, as far as there is room.'),
    ...place,
    instead: z.enum(['last good', 'left out']).describe('What they are sent in its place.'),
    author: z.string().describe('Who made the revision in force.'),
    revision: z.int().describe('Its number.'),
  })
  .meta({ id: 'Quarantine', description: 'A content that is not sent to a fleet, since its proxies reject it.' });
export type QuarantineReply = Reply<typeof QuarantineReply>;

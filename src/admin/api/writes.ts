import { z } from 'zod';
import { EffectReply } from './effect.ts';
import { QuarantineReply, RejectReply } from './rejections.ts';
import type { Reply } from './reply.ts';

export const MissingReply = z
  .object({
    id: z.string().describe('Node id.'),
    fleet: z.string().describe('Key of its fleet.'),
    why: z.string().describe('What it has not done.'),
    rejected: RejectReply.optional().describe('What it rejected, if it did.'),
  })
  .meta({ id: 'Missing', description: 'A proxy that does not hold what was written.' });
export type MissingReply = Reply<typeof MissingReply>;

export const AckReply = z
  .object({
    complete: z
      .boolean()
      .describe('False when a proxy is missing, none is connected, or something was quarantined meanwhile.'),
    concerned: z.int().describe('How many connected proxies the write concerns.'),
    acked: z.int().describe('How many of them have acknowledged.'),
    missing: z.array(MissingReply).describe('The others.'),
    departed: z.array(z.string()).describe('Node ids that were waited for and went away.'),
    quarantined: z
      .array(QuarantineReply)
      .describe('What the proxies were to hold and are sent no more, since they rejected it.'),
    summary: z.string().describe('All that in a sentence.'),
  })
  .meta({ id: 'Acknowledgement', description: 'Whether the proxies that a write concerns hold it.' });
export type AckReply = Reply<typeof AckReply>;

const written = {
  changed: z.boolean().describe('Whether anything has changed for a fleet.'),
  fleets: z.array(z.string()).describe('Fleets that hold what was written.'),
  waitsForThaw: z
    .literal(true)
    .optional()
    .describe(
      'Everything is frozen: it is accepted, and comes to proxies when the freeze ends (`DELETE /api/v1/freeze`).',
    ),
  acknowledged: AckReply.optional().describe('With `?wait=acked`.'),
  effect: EffectReply.optional().describe('With `?dryRun=true`: what it would lead to; nothing has changed.'),
};

export const WriteReply = z.object(written).meta({ id: 'Write', description: 'Answer to a write.' });
export type WriteReply = Reply<typeof WriteReply>;

/** A schema of an answer to a write that says more. */
export const writeReply = <Shape extends z.core.$ZodShape>(more: Shape) => z.object({ ...written, ...more });

import { z } from 'zod';
import { EffectReply } from './effect.ts';
import { authored, dryRunQuery, operation } from './operation.ts';
import { instantText, type Reply } from './reply.ts';

export const FreezeReply = z
  .object({
    frozen: z
      .object({
        by: z.string().describe('Who.'),
        since: instantText('When.'),
        reason: z.string().describe('Why.').optional(),
        revision: z.int().describe('Number of the revision that stays in force.'),
        stored: z.boolean().describe('False while the store cannot be written: a restart then ends it.'),
      })
      .nullable()
      .describe('Null: what is accepted is published.'),
    waiting: z
      .array(
        z.object({
          at: instantText('When it was accepted.'),
          revision: z.int().describe('Its number.'),
          cause: z
            .string()
            .describe('What led to it: `start`, `policy`, `override`, `names`, `quarantine`, `computed` or `freeze`.'),
          author: z.string().describe('Who.'),
          what: z.string().describe('What.'),
        }),
      )
      .describe('What is accepted and waits, the newest hundred.'),
    waitingCount: z.int().describe('How much in all.'),
    effect: EffectReply.optional().describe('With `?dryRun=true`: what it would lead to; nothing has changed.'),
    good: z
      .array(
        z.object({
          revision: z.int().describe('Its number.'),
          at: instantText('When it was published.'),
          author: z.string().describe('By whom.'),
          what: z.string().describe('What it changed.'),
        }),
      )
      .describe('States that all connected proxies have held since the start, the newest first: each can be restored.'),
  })
  .meta({ id: 'Freeze', description: 'Whether anything is published.' });
export type FreezeReply = Reply<typeof FreezeReply>;

const freeze = { path: '/api/v1/freeze', family: 'Operation', answers: { 200: FreezeReply } } as const;

export const readFreeze = operation({
  ...freeze,
  id: 'readFreeze',
  method: 'get',
  summary: 'Whether anything is published, what waits, and what can be restored',
});

export const beginFreeze = operation({
  ...freeze,
  id: 'beginFreeze',
  unstored: true,
  method: 'put',
  summary: 'Publishes nothing from now on but what is asked by name',
  doc: 'At once, and also while the store cannot be written. What is accepted meanwhile waits for the end of it.',
  headers: authored.headers,
  query: { ...dryRunQuery, reason: authored.reason },
  body: z
    .strictObject({
      revision: z.int().min(1).optional().describe('Before that, puts in force again what was so at this revision.'),
    })
    .meta({ id: 'FreezeOn', description: 'What is to stay in force.' }),
  example: { revision: 41 },
  errors: { 404: 'There is no such revision, or it cannot be built.' },
});

export const endFreeze = operation({
  ...freeze,
  id: 'endFreeze',
  unstored: true,
  method: 'delete',
  summary: 'Publishes what was accepted meanwhile',
  headers: authored.headers,
  query: { ...dryRunQuery, reason: authored.reason },
  errors: { 404: 'Nothing is frozen.' },
});

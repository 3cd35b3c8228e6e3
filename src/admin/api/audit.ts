import { z } from 'zod';
import { auditResults } from '../../access/audit-log.ts';
import { next, pageQuery } from './lists.ts';
import { choice, operation } from './operation.ts';
import { instantText, type Reply } from './reply.ts';

const AuditReply = z
  .object({
    id: z.int().describe('Grows.'),
    at: instantText('When it was answered.'),
    who: z.string().describe('Name of the token; empty where none was good.'),
    role: z.string().describe('Its role.').optional(),
    claims: z.string().describe('Who the caller says to be beside that.').optional(),
    from: z.string().describe('Address of the caller, or `unix socket`.'),
    what: z.string().describe('Method and path.'),
    result: z.enum(auditResults).describe('What became of it.'),
    status: z.int().describe('Status of the answer.'),
    detail: z.string().describe('Why it was not done.').optional(),
    reason: z.string().describe('Why it was asked for.').optional(),
    revision: z.int().describe('The revision in force afterwards.').optional(),
    request: z.string().describe('Id of the request.').optional(),
    untold: z.int().describe('How many refusals before were counted only, since there were too many.').optional(),
  })
  .meta({ id: 'AuditEntry', description: 'Who did what, from where, and what became of it.' });
export type AuditReply = Reply<typeof AuditReply>;

const AuditsReply = z
  .object({ entries: z.array(AuditReply).describe('The newest first.'), next })
  .meta({ id: 'Audit', description: 'Writes and refusals.' });
export type AuditsReply = Reply<typeof AuditsReply>;

export const listAudit = operation({
  id: 'listAudit',
  method: 'get',
  path: '/api/v1/audit',
  family: 'Operation',
  role: 'operator',
  summary: 'Who did what, from where, and what became of it',
  query: {
    ...pageQuery,
    who: z.string().optional().describe('Only what was done with the token of this name.'),
    result: choice(auditResults, 'Only what this became of.'),
  },
  answers: { 200: AuditsReply },
});

import { z } from 'zod';
import { EffectReply } from './effect.ts';
import { next, pageQuery } from './lists.ts';
import { authored, choice, dryRunQuery, duringFreeze, flag, operation, waitingQuery } from './operation.ts';
import { RevisionReply } from './policy.ts';
import { instantText, ProblemReply, type Reply, resource } from './reply.ts';
import { writeReply } from './writes.ts';

const Pin = z
  .object({
    by: z.string().describe('Who.'),
    at: instantText('When.'),
    reason: z.string().describe('Why.').optional(),
  })
  .meta({ id: 'Pin', description: 'That a revision is kept for ever.' });

export const RevisionEntry = z
  .object({
    ...RevisionReply.shape,
    kind: z.enum(['declared', 'operational']).describe('Whether it changed the policy, or only what lies over it.'),
    what: z.string().describe('What it changed, in one line.'),
    pin: Pin.optional(),
  })
  .meta({ id: 'RevisionEntry', description: 'An accepted change of the policy, or of what lies over it.' });
export type RevisionEntry = Reply<typeof RevisionEntry>;

const RevisionsReply = z
  .object({ revisions: z.array(RevisionEntry).describe('The newest first.'), next })
  .meta({ id: 'Revisions', description: 'What was accepted.' });
export type RevisionsReply = Reply<typeof RevisionsReply>;

export const listRevisions = operation({
  id: 'listRevisions',
  method: 'get',
  path: '/api/v1/revisions',
  family: 'Policy',
  summary: 'Every accepted change that is kept',
  query: {
    ...pageQuery,
    kind: choice(['declared', 'operational'], 'Only those.'),
    author: z.string().optional().describe('Only those of this author.'),
  },
  answers: { 200: RevisionsReply },
});

const number = { number: 'Of the revision.' };
const missing = { 404: 'There is no such revision, or it is kept no longer.' };

const WholeRevisionReply = z
  .object({
    ...RevisionEntry.shape,
    documents: z
      .array(z.object({ file: z.string(), format: z.string(), text: z.string() }))
      .describe('The documents in force from then on.'),
    overrides: z.array(z.string()).describe('What lay over the policy from then on, each in one line.'),
  })
  .meta({ id: 'WholeRevision', description: 'A revision with its state.' });
export type WholeRevisionReply = Reply<typeof WholeRevisionReply>;

export const readRevision = operation({
  id: 'readRevision',
  method: 'get',
  path: '/api/v1/revisions/{number}',
  family: 'Policy',
  summary: 'A revision with its documents and overrides',
  params: number,
  answers: { 200: WholeRevisionReply },
  errors: missing,
});

const RevisionFieldChange = z.object({
  path: z.string().describe('`virtual_hosts[shop].routes[shop/everyone].route.cluster`.'),
  before: z.unknown().optional().describe('Absent where there was none.'),
  after: z.unknown().optional().describe('Absent where there is none any more.'),
});

const DiffReply = z
  .object({
    from: z.int().describe('Number of the one.'),
    to: z.int().describe('Number of the other.'),
    documents: z
      .array(
        z.object({
          file: z.string().describe('Its name.'),
          change: z.enum(['added', 'changed', 'removed']).describe('What becomes of it.'),
          diff: z.string().describe('Line by line, as `diff -u` writes it.'),
        }),
      )
      .describe('What becomes of the policy.'),
    overrides: z
      .object({ added: z.array(z.string()), removed: z.array(z.string()) })
      .describe('What lies over it, each in one line.'),
    fleets: z
      .array(
        z.object({
          fleet: z.string().describe('Key of the fleet.'),
          resources: z
            .array(
              z.object({
                ...resource,
                change: z.enum(['added', 'changed', 'removed']).describe('What becomes of it.'),
                fields: z.array(RevisionFieldChange).describe("Of a changed one: its fields in Envoy's JSON form."),
                more: z.literal(true).optional().describe('More fields change than are listed.'),
                drains: z.literal(true).optional().describe('Its connections are closed.'),
              }),
            )
            .describe('What becomes of what it holds, the first 500.'),
          count: z.int().describe('How many in all.'),
        }),
      )
      .describe('What becomes of fleets, with the host names and quarantines of now.'),
    why: z.string().optional().describe('Why nothing is said of fleets: one of the two cannot be built any more.'),
  })
  .meta({ id: 'RevisionDiff', description: 'What turns one revision into another.' });
export type DiffReply = Reply<typeof DiffReply>;

export const diffRevisions = operation({
  id: 'diffRevisions',
  method: 'get',
  path: '/api/v1/revisions/{number}/diff/{other}',
  family: 'Policy',
  summary: 'What turns one revision into another, as policy and as Envoy resources',
  params: { ...number, other: 'Of the other revision.' },
  answers: { 200: DiffReply },
  errors: missing,
});

export const changeQuery = {
  ...waitingQuery,
  reason: authored.reason,
  allowShrink: flag('Also if it takes all or more than half of its endpoints from a service that fleets use.'),
  duringFreeze,
};

export const ChangeReply = writeReply({
  revision: z.int().optional().describe('Number of the revision that it made; absent in a dry run.'),
  warnings: z.array(ProblemReply).describe('Of the policy that is in force then.'),
}).meta({ id: 'PolicyWrite', description: 'Answer to a change of the policy.' });
export type ChangeReply = Reply<typeof ChangeReply>;

const change = {
  method: 'post',
  family: 'Policy',
  headers: authored.headers,
  answers: { 200: ChangeReply, 202: ChangeReply },
} as const;
const refused = 'It is in force already, or is not accepted: `problems` says why.';

export const rollBack = operation({
  ...change,
  id: 'rollBack',
  path: '/api/v1/revisions/{number}/rollback',
  summary: 'Puts the policy of a revision in force',
  doc: 'That is a revision itself. Policy files that say otherwise are without effect until they change.',
  params: number,
  query: { ...changeQuery, overrides: flag('Its overrides as well, those whose time is up aside.') },
  errors: { ...missing, 409: refused },
});

export const acceptRefused = operation({
  ...change,
  id: 'acceptRefused',
  path: '/api/v1/policy/accept',
  summary: 'Takes the save that was refused for what services would lose',
  query: {
    ...waitingQuery,
    reason: authored.reason,
    duringFreeze,
    digest: z
      .string()
      .optional()
      .describe('Of its documents, as the policy says under `rejected`; absent: whichever it is.'),
  },
  errors: { 404: 'No such save waits.', 409: refused },
});

const AcceptedNameReply = z
  .object({
    accepted: z.string().describe('The host name.'),
    effect: EffectReply.optional().describe('With `?dryRun=true`: what it would lead to.'),
  })
  .meta({ id: 'AcceptedName', description: 'That a host name has no more addresses than it has.' });

export const acceptName = operation({
  id: 'acceptName',
  unstored: true,
  method: 'post',
  path: '/api/v1/names/{host}/accept',
  family: 'Endpoints',
  summary: 'Believes that so many addresses of a host name have gone',
  params: { host: 'The host name.' },
  query: dryRunQuery,
  answers: { 200: AcceptedNameReply },
  errors: { 404: 'No answer of that name is held.' },
});

const PinReply = z
  .object({
    number: z.int().describe('Of the revision.'),
    pinned: z.boolean().describe('Whether it is kept for ever.'),
  })
  .meta({ id: 'Pinned', description: 'Whether a revision is pinned.' });

const pin = {
  path: '/api/v1/revisions/{number}/pin',
  family: 'Policy',
  params: number,
  answers: { 200: PinReply },
} as const;

export const pinRevision = operation({
  ...pin,
  id: 'pinRevision',
  method: 'put',
  summary: 'Keeps a revision for ever',
  headers: authored.headers,
  query: { reason: authored.reason },
  errors: { ...missing, 409: 'A hundred are pinned already.' },
});

export const unpinRevision = operation({
  ...pin,
  id: 'unpinRevision',
  method: 'delete',
  summary: 'Keeps it no longer than others',
  errors: missing,
});

const Publication = z
  .object({
    number: z.int().describe('From 1.'),
    at: instantText('When.'),
    revision: z.int().describe('Number of the newest revision in it.'),
    cause: z
      .string()
      .describe('What led to it: `start`, `policy`, `override`, `names`, `quarantine`, `computed` or `freeze`.'),
    author: z.string().describe('Who.'),
    what: z.string().describe('What, in one line.'),
    fleets: z
      .record(z.string(), z.string().nullable())
      .describe(
        'Fleets that were sent something else from then on → version of it; null: there is no such fleet any more.',
      ),
  })
  .meta({ id: 'Publication', description: 'That fleets were sent something else.' });

const HistoryReply = z
  .object({ publications: z.array(Publication).describe('The newest first.'), next })
  .meta({ id: 'History', description: 'What fleets were sent when.' });
export type HistoryReply = Reply<typeof HistoryReply>;

export const readHistory = operation({
  id: 'readHistory',
  method: 'get',
  path: '/api/v1/history',
  family: 'Fleets',
  summary: 'What fleets were sent when, and why',
  query: { ...pageQuery, fleet: z.string().optional().describe('Only what this fleet was sent.') },
  answers: { 200: HistoryReply },
});

const HeldReply = z
  .object({
    id: z.string().describe('Node id.'),
    fleet: z.string().describe('Key of its fleet.'),
    at: instantText('The moment asked for.'),
    version: z.string().describe('Of all that was in force for its fleet.'),
    since: instantText('From when on.'),
    until: instantText('When it was sent something else; absent: that is in force now.').optional(),
    cause: Publication.shape.cause,
    author: z.string().describe('Who made the change that led to it.'),
    what: z.string().describe('What that was.'),
    revision: RevisionEntry.nullable().describe('The newest revision in it; null where it is kept no longer.'),
    now: z.boolean().describe('Whether that is in force now, too.'),
  })
  .meta({ id: 'Held', description: 'What was in force for a proxy at a moment, and who had changed it.' });
export type HeldReply = Reply<typeof HeldReply>;

export const proxyHistory = operation({
  id: 'proxyHistory',
  method: 'get',
  path: '/api/v1/proxies/{id}/history',
  family: 'Proxies',
  summary: 'What was in force for a proxy at a moment, and who had changed it',
  params: { id: 'Node id.' },
  query: {
    at: z
      .string()
      .transform((text, context) => {
        const at = Date.parse(text);
        if (Number.isFinite(at)) return at;
        context.addIssue({ code: 'custom', message: 'is not a moment, such as 2026-03-01T14:02:00Z' });
        return z.NEVER;
      })
      .optional()
      .describe('ISO 8601; absent: now.'),
  },
  answers: { 200: HeldReply },
  errors: { 404: 'No such proxy is or was connected, or nothing is known of that moment.' },
});

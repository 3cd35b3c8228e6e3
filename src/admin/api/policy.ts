import { z } from 'zod';
import { typeNames } from '../../base/type-name.ts';
import { ComputedReply } from './computed-weights.ts';
import { flag, operation } from './operation.ts';
import { OverrideReply } from './overrides.ts';
import { QuarantineReply } from './rejections.ts';
import { instantText, ProblemReply, type Reply } from './reply.ts';

export const RevisionReply = z
  .object({
    number: z.int().describe('From 1.'),
    at: instantText('When it was accepted.'),
    author: z.string().describe('Who made it.'),
    source: z.string().describe('`file`, `api`, `cli`, or `server` for what it does by itself.'),
    reason: z.string().describe('Why.'),
  })
  .meta({ id: 'Revision', description: 'An accepted change.' });
export type RevisionReply = Reply<typeof RevisionReply>;

export const FleetReply = z
  .object({
    key: z.string().describe('Its name, or `NAME/ADDRESS` of a sub-fleet.'),
    role: z.enum(['edge', 'sidecar']).describe('What its proxies are for.'),
    version: z.string().describe('Of all that it holds.'),
    resources: z.partialRecord(z.enum(typeNames), z.int()).describe('How many of each type.'),
  })
  .meta({ id: 'Fleet', description: 'A fleet in force.' });
export type FleetReply = Reply<typeof FleetReply>;

const PolicyReply = z
  .object({
    revision: RevisionReply.nullable().describe('What is in force; null before the first.'),
    documents: z
      .array(
        z.object({
          file: z.string().describe('Its name.'),
          format: z.string().describe('`yaml`, `json`, or `module`: the JSON that a TypeScript file exported.'),
          text: z.string().describe('As it was accepted.'),
        }),
      )
      .describe('The files of the revision; none where `documents` is `false`.'),
    fleets: z.array(FleetReply).describe('What it comes to.'),
    overrides: z.array(OverrideReply).describe('What operators have set over the policy.'),
    computed: z.array(ComputedReply).describe('Computed weights that hold.'),
    quarantines: z.array(QuarantineReply).describe('What is not sent to fleets.'),
    warnings: z.array(ProblemReply).describe('Problems of the accepted policy, and of the certificates of xDS.'),
    freeze: z
      .object({
        by: z.string().describe('Who.'),
        since: instantText('When.'),
        reason: z.string().describe('Why.').optional(),
        revision: z.int().describe('Number of the revision that proxies hold, with what was asked by name since.'),
        waitingCount: z.int().describe('How much is accepted and waits.'),
      })
      .nullable()
      .describe('Proxies are sent nothing but what is asked by name; null: they are sent what is in force.'),
    rejected: z
      .object({
        at: instantText('When it was refused.'),
        problems: z.array(ProblemReply).describe('Why.'),
        digest: z
          .string()
          .optional()
          .describe('Where it would be taken if somebody says that it is meant so: names it for that.'),
      })
      .nullable()
      .describe('The newest save, if it was refused; else null.'),
  })
  .meta({ id: 'Policy', description: 'What is in force, and what was refused since.' });
export type PolicyReply = Reply<typeof PolicyReply>;

export const readPolicy = operation({
  id: 'readPolicy',
  method: 'get',
  path: '/api/v1/policy',
  family: 'Policy',
  summary: 'What is in force, and what was refused',
  query: { documents: flag('`false`: without the texts of the policy, which may be long.') },
  answers: { 200: PolicyReply },
});

const messages = z.array(z.unknown());
const SnapshotReply = z
  .object({
    fleet: z.string().describe('Key of the fleet.'),
    version: z.string().describe('Of all that it holds.'),
    versions: z.partialRecord(z.enum(typeNames), z.string()).describe('By type.'),
    resources: z
      .record(z.string(), messages)
      .describe("`clusters`, `endpoints`, `listeners` and `routes` in Envoy's own JSON."),
  })
  .meta({ id: 'Snapshot', description: 'Everything that a fleet holds.' });
export type SnapshotReply = Reply<typeof SnapshotReply>;

export const readSnapshot = operation({
  id: 'readSnapshot',
  method: 'get',
  path: '/api/v1/fleets/{fleet}/snapshot',
  family: 'Fleets',
  summary: "Everything a fleet holds, in Envoy's JSON",
  doc: 'Read back from the bytes that its proxies are sent.',
  params: { fleet: 'Key of the fleet; that of a sub-fleet is percent-encoded: `checkout%2F10.0.0.21%3A15006`.' },
  answers: { 200: SnapshotReply },
  errors: { 404: 'There is no such fleet.' },
});

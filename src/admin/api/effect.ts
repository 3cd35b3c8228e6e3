import { z } from 'zod';
import { ProblemReply, type Reply, resource } from './reply.ts';

const FieldChangeReply = z
  .object({
    path: z.string().describe('`virtual_hosts[shop].routes[shop/everyone].route.cluster`.'),
    before: z.unknown().optional().describe('Absent where there was none.'),
    after: z.unknown().optional().describe('Absent where there is none any more.'),
  })
  .meta({ id: 'FieldChange', description: 'A field that has another value.' });
export type FieldChangeReply = Reply<typeof FieldChangeReply>;

export const fieldChanges = z.array(FieldChangeReply);

export const ResourceChangeReply = z
  .object({
    ...resource,
    change: z.enum(['added', 'changed', 'removed']).describe('What becomes of it.'),
    fields: fieldChanges.describe("Of a changed one: its fields in Envoy's JSON form."),
    more: z.literal(true).optional().describe('More fields change than are listed.'),
    drains: z
      .literal(true)
      .optional()
      .describe("A listener that changes or goes: its connections are closed after Envoy's `--drain-time-s`."),
  })
  .meta({ id: 'ResourceChange', description: 'What becomes of an Envoy resource.' });
export type ResourceChangeReply = Reply<typeof ResourceChangeReply>;

const FleetEffectReply = z
  .object({
    fleet: z.string().describe('Key of the fleet.'),
    change: z.enum(['added', 'changed', 'removed']).describe('What becomes of it.'),
    resources: z.array(ResourceChangeReply).describe('What becomes of what it holds, the first 500.'),
    resourceCount: z.int().describe('How many resources in all.'),
    proxies: z.array(z.string()).describe('Node ids of connected proxies that are sent something, the first 20.'),
    proxyCount: z.int().describe('How many in all.'),
    drains: z.boolean().describe('Whether connections of its proxies are closed.'),
  })
  .meta({ id: 'FleetEffect', description: 'What becomes of a fleet.' });

export const EffectReply = z
  .object({
    fleets: z.array(FleetEffectReply).describe('Those for which something changes.'),
    moves: z
      .array(
        z.object({
          id: z.string().describe('Node id.'),
          from: z.string().nullable().describe('Its fleet now.'),
          to: z
            .string()
            .nullable()
            .describe('Its fleet then; null: it is sent nothing any more, and keeps what it has.'),
        }),
      )
      .describe('Connected proxies that come into another fleet, the first 20.'),
    proxyCount: z.int().describe('How many connected proxies are sent something.'),
    drains: z.boolean().describe('Whether connections are closed anywhere.'),
    problems: z.array(ProblemReply).describe('Warnings that come with it and are not there now.'),
    shrinks: z
      .array(ProblemReply)
      .describe('What services would lose: the write is refused for it unless `allowShrink` is given.'),
    solved: z.array(ProblemReply).describe('Warnings that go with it.'),
  })
  .meta({ id: 'Effect', description: 'What a write would lead to.' });
export type EffectReply = Reply<typeof EffectReply>;

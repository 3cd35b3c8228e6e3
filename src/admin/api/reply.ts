import { z } from 'zod';
import { formatPath, type Problem } from '../../base/problem.ts';

/**
 * What a schema of the API says, as a type: read-only, and without undefined, which JSON does not have.
 */
export type Reply<S extends z.ZodType> = Readable<z.output<S>>;

export type Readable<T> = unknown extends T
  ? T
  : T extends string | number | boolean
    ? T
    : T extends readonly (infer Item)[]
      ? readonly Readable<Item>[]
      : T extends object
        ? { readonly [Key in keyof T]: Readable<Exclude<T[Key], undefined>> }
        : T;

/** ISO 8601. */
export const instantText = (doc: string) => z.string().meta({ description: doc, format: 'date-time' });

/** What there is of a thing's place in the user's files. */
export const span = {
  file: z.string().describe('The file that it stands in.').optional(),
  line: z.int().describe('From 1.').optional(),
  column: z.int().describe('From 1.').optional(),
};

export const ProblemReply = z
  .object({
    code: z.string().describe('One of those in docs/errors.md.'),
    severity: z.enum(['error', 'warning']).describe('An error keeps a policy from being accepted.'),
    message: z.string().describe('What is wrong.'),
    path: z.string().describe('Where in the policy: `services.catalog.endpoints[0]`.'),
    ...span,
    hint: z.string().describe('What to do about it.').optional(),
  })
  .meta({ id: 'Problem', description: 'One problem with a policy.' });
export type ProblemReply = Reply<typeof ProblemReply>;

/** A problem as the API and the CLI's machine-readable output show it. */
export function problemReply(each: Problem): ProblemReply {
  return {
    code: each.code,
    severity: each.severity,
    message: each.message,
    path: formatPath(each.path),
    ...each.source,
    ...(each.hint === undefined ? {} : { hint: each.hint }),
  };
}

/** Where in the policy, and in the user's files, something comes from; empty where that is not known. */
export const place = {
  path: z.string().describe('What of the policy it was made of: `services.catalog.healthCheck`.').optional(),
  ...span,
};
const PlaceReply = z.object(place);
export type PlaceReply = Reply<typeof PlaceReply>;

export const resource = {
  type: z.string().describe('`CDS`, `EDS`, `LDS`, `RDS`, `RTDS`; for other types the last part of the long name.'),
  name: z.string().describe("The resource's name."),
};
export const ResourceReply = z.object(resource).meta({ id: 'Resource', description: 'An Envoy resource.' });
export type ResourceReply = Reply<typeof ResourceReply>;

export const ErrorReply = z
  .object({
    type: z.string().describe('`urn:switchyard:error:not-found`.'),
    title: z.string().describe('The kind of error.'),
    status: z.int().describe('The status of the answer.'),
    detail: z.string().describe('What is wrong.'),
    hint: z.string().describe('What to do about it.').optional(),
    problems: z.array(ProblemReply).describe('Of a policy that is not accepted.').optional(),
  })
  .meta({ id: 'Error', description: 'Every error (RFC 9457).' });
export type ErrorReply = Reply<typeof ErrorReply>;

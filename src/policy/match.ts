import { z } from 'zod';
import { ApiVersionName } from './api-versioning.ts';
import { exactlyOneOf, field, headerNameText, headerRecord, orInShort, pathTemplate, printable, re2 } from './field.ts';

/** How a text is compared. */
export const TextMatch = z
  .strictObject({
    exact: field(z.string().max(4096).optional(), { doc: 'Equal to this.', example: '1' }),
    prefix: field(z.string().min(1).max(4096).optional(), { doc: 'Begins with this.', example: 'beta-' }),
    suffix: field(z.string().min(1).max(4096).optional(), { doc: 'Ends with this.', example: '-eu' }),
    contains: field(z.string().min(1).max(4096).optional(), { doc: 'Contains this.', example: 'mobile' }),
    regex: field(re2.optional(), { doc: 'Matches this RE2 expression as a whole.', example: 'v[0-9]+' }),
    present: field(z.boolean().optional(), {
      doc: '`true`: is there, whatever its value; `false`: is not there.',
      example: true,
    }),
    not: field(z.boolean().default(false), {
      doc: 'Turn the comparison round. Something absent matches then too; an absent header counts as an empty one.',
      why: 'false',
      example: true,
    }),
  })
  .superRefine(exactlyOneOf('exact', 'prefix', 'suffix', 'contains', 'regex', 'present'));
export type TextMatch = z.output<typeof TextMatch>;

/** A text alone means `exact`. */
export const textMatch = orInShort(z.string().max(4096), TextMatch, exact => ({ exact }));

const plainPath = z
  .string()
  .startsWith('/')
  .max(4096)
  .refine(...printable)
  .regex(/^[^?#]*$/, 'must be a path alone; compare the query with `query`');

/** How the path is compared, without its query. */
export const PathMatch = z
  .strictObject({
    exact: field(plainPath.optional(), { doc: 'Equal to this.', example: '/cart' }),
    prefix: field(plainPath.optional(), {
      doc: 'This path and everything below it: `/api` matches `/api` and `/api/x`, not `/apix`.',
      example: '/api',
    }),
    regex: field(re2.optional(), { doc: 'Matches this RE2 expression as a whole.', example: '/items/[0-9]+' }),
    template: field(pathTemplate.optional(), {
      doc: 'A template of segments: `/users/{id}/orders`, `/files/**`. `*` and `{name}` are one segment, `**` is the rest.',
      example: '/users/{id}/orders',
    }),
    ignoreCase: field(z.boolean().default(false), {
      doc: 'Ignore the case of letters; for `exact` and `prefix`.',
      why: 'false: paths are case-sensitive',
      example: true,
    }),
  })
  .superRefine(exactlyOneOf('exact', 'prefix', 'regex', 'template'))
  .superRefine((path, context) => {
    if (!path.ignoreCase || (path.regex === undefined && path.template === undefined)) return;
    const message = 'has no effect on regex and template; begin the regex with (?i)';
    context.addIssue({ code: 'custom', path: ['ignoreCase'], message });
  });
export type PathMatch = z.output<typeof PathMatch>;

/** Name of a query parameter as it stands in the URL. */
const parameterName = z
  .string()
  .min(1)
  .max(128)
  .regex(/^[^&=#\s]*$/, 'is not the name of a query parameter as it is sent');

/** Letters of name and text that fit beside `not` into one expression of the path: Envoy cannot invert its own matchers. */
const invertedQueryText = 70;

const queryMatches = z.record(parameterName, textMatch).superRefine((query, context) => {
  for (const [name, { not, regex, suffix, contains }] of Object.entries(query)) {
    if (!not) continue;
    const message = 'Envoy cannot turn a regex of a query parameter round; compare by exact, prefix or suffix';
    if (regex !== undefined) context.addIssue({ code: 'custom', path: [name, 'regex'], message });
    const size = Buffer.byteLength(`${name}${suffix ?? contains ?? ''}`);
    if ((suffix ?? contains) === undefined || size <= invertedQueryText) continue;
    const tooLong = `is too long for not: name and text may have ${invertedQueryText} letters together`;
    context.addIssue({ code: 'custom', path: [name, suffix === undefined ? 'contains' : 'suffix'], message: tooLong });
  }
});

/** A request matches when everything named here does. */
export const Match = z.strictObject({
  path: field(orInShort(z.string().startsWith('/'), PathMatch, prefix => ({ prefix })).optional(), {
    doc: 'Path; a text alone means `prefix`.',
    why: 'absent: every path',
    example: { prefix: '/api' },
  }),
  methods: field(
    z
      .array(z.string().regex(/^[A-Z]{1,32}$/, 'is not an HTTP method in capitals'))
      .min(1)
      .optional(),
    { doc: 'Any of these methods.', why: 'absent: every method', example: ['GET', 'HEAD'] },
  ),
  headers: field(headerRecord(headerNameText, textMatch).default({}), {
    doc: 'Request headers by name. Of a header that is sent several times, one must match.',
    why: 'none',
    example: { 'x-beta': { exact: '1' } },
  }),
  query: field(queryMatches.default({}), {
    doc: 'Query parameters by name, as they are sent: `%20` stays `%20`. The first of a name counts; for `not`, all do.',
    why: 'none',
    example: { preview: '1' },
  }),
  cookies: field(z.record(z.string().min(1).max(128), textMatch).default({}), {
    doc: 'Cookies by name, without quotes around the value. The first of a name counts.',
    why: 'none',
    example: { lane: 'beta' },
  }),
  apiVersion: field(ApiVersionName.optional(), {
    doc: "Version of the API that the caller asks for; where it stands is the service's `apiVersioning`.",
    why: 'absent: every version, and callers that name none',
    example: 'v2',
  }),
});
export type Match = z.output<typeof Match>;

import { z } from 'zod';
import { exactlyOneOf, field, httpHeaderName } from './field.ts';

/** Name of an API version as callers write it, e.g. `v2` or `2024-10-01`. Not a deployment's `version`. */
export const ApiVersionName = z
  .string()
  .regex(
    /^[A-Za-z0-9]([A-Za-z0-9._-]{0,62}[A-Za-z0-9])?$/,
    'must be 1 to 64 of letters, digits, . _ -, beginning and ending with a letter or digit',
  );
export type ApiVersionName = z.output<typeof ApiVersionName>;

/** The one place where a caller says which version of the API is meant. */
export const ApiVersionPlace = z
  .strictObject({
    path: field(
      z
        .strictObject({
          after: field(
            z
              .string()
              .regex(/^\/([^?#*]*[^/?#*])?$/, 'must be a path without a trailing slash')
              .default('/'),
            {
              doc: 'The version is the segment that follows this path: `/` for `/v2/items`, `/api` for `/api/v2/items`. Rules write their paths without that segment.',
              why: '/: most APIs put it first',
              example: '/api',
            },
          ),
          strip: field(z.boolean().default(false), {
            doc: 'Take the segment out before the request goes on. A `rewrite.prefix` sees the path without it in either case.',
            why: 'false: the application sees what the caller sent',
            example: true,
          }),
        })
        .optional(),
      {
        doc: 'A path segment. A segment that is no declared name, but is like one with other numbers (`v9` beside `v2`), is a version that does not exist; any other is a part of the path.',
        example: { strip: true },
      },
    ),
    header: field(
      z
        .strictObject({
          name: field(httpHeaderName.default('x-api-version'), {
            doc: 'Name of the header.',
            why: 'x-api-version: the most common one',
            example: 'x-api-version',
          }),
        })
        .optional(),
      { doc: 'A request header whose value is the version; empty, it names none.', example: {} },
    ),
    mediaType: field(
      z
        .strictObject({
          vendor: field(
            z.string().regex(/^[A-Za-z0-9][A-Za-z0-9!#$&^_.-]{0,100}$/, 'is not a vendor name of a media type'),
            { doc: 'The part between `vnd.` and the version, as in `application/vnd.shop.v2+json`.', example: 'shop' },
          ),
        })
        .optional(),
      {
        doc: 'A vendor media type in `Accept`, in any case, also among several. Of several versions the best that is served counts.',
        example: { vendor: 'shop' },
      },
    ),
    query: field(
      z
        .strictObject({
          parameter: field(z.string().min(1).max(128).default('api-version'), {
            doc: 'Name of the query parameter.',
            why: 'api-version: the most common one',
            example: 'api-version',
          }),
        })
        .optional(),
      { doc: 'A query parameter whose value is the version; empty, it names none.', example: {} },
    ),
  })
  .superRefine(exactlyOneOf('path', 'header', 'mediaType', 'query'));
export type ApiVersionPlace = z.output<typeof ApiVersionPlace>;

const day = z
  .string()
  .regex(/^\d{4}-\d\d-\d\d$/, 'is not a day like 2027-06-30')
  .refine(
    text => !Number.isNaN(Date.parse(text)) && new Date(text).toISOString().startsWith(text),
    'is not a day of the calendar',
  );

/** One version of the API. */
export const ApiVersion = z.strictObject({
  state: field(z.enum(['active', 'deprecated', 'retired']).default('active'), {
    doc: '`deprecated` answers with `Deprecation` (and `Sunset`) headers; `retired` is answered 410 with a clear body.',
    why: 'active',
    example: 'deprecated',
  }),
  deprecatedSince: field(day.optional(), {
    doc: 'Day for the `Deprecation` header.',
    why: 'absent: the header says only that it is deprecated',
    example: '2026-06-30',
  }),
  sunset: field(day.optional(), {
    doc: 'Day after which it may stop; sent as the `Sunset` header.',
    why: 'absent: no `Sunset` header',
    example: '2027-06-30',
  }),
});
export type ApiVersion = z.output<typeof ApiVersion>;

/** Letters of vendor and version that fit into one expression of the `Accept` header. */
const mediaTypeText = 60;

/** How callers of a service choose a version of its API. */
export const ApiVersioning = z
  .strictObject({
    in: field(ApiVersionPlace, { doc: "Where the caller's version stands.", example: { path: { strip: true } } }),
    versions: field(
      z
        .record(ApiVersionName, ApiVersion)
        .refine(versions => Object.keys(versions).length > 0, 'needs at least one version'),
      { doc: 'The versions that exist.', example: { v1: { state: 'deprecated' }, v2: {} } },
    ),
    default: field(ApiVersionName.optional(), {
      doc: 'The version of callers that name none.',
      why: 'absent: such callers match only rules without `apiVersion`',
      example: 'v1',
    }),
    aliases: field(z.record(ApiVersionName, ApiVersionName).default({}), {
      doc: 'Other names for versions.',
      why: 'none',
      example: { latest: 'v2' },
    }),
    unknown: field(z.enum(['reject', 'default', 'ignore']).default('reject'), {
      doc: 'What a version that does not exist gets: `reject` answers 404 (path) or 400 (elsewhere) naming the versions that exist; `default` treats the caller as naming none; `ignore` passes the request on to later rules.',
      why: 'reject: a clear answer beats a wrong one',
      example: 'reject',
    }),
  })
  .superRefine(({ in: { mediaType }, versions, aliases }, context) => {
    if (!mediaType) return;
    for (const [key, names] of Object.entries({ versions, aliases })) {
      for (const name of Object.keys(names)) {
        if (mediaType.vendor.length + name.length <= mediaTypeText) continue;
        const message = `is too long: vendor and version may have ${mediaTypeText} letters together`;
        context.addIssue({ code: 'custom', path: [key, name], message });
      }
    }
  });
export type ApiVersioning = z.output<typeof ApiVersioning>;

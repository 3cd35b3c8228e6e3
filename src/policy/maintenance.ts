import { z } from 'zod';
import { duration, field, headerNameText, headerRecord, printable } from './field.ts';
import { textMatch } from './match.ts';

/** What callers are answered meanwhile, by Envoy itself. */
const MaintenancePage = z.strictObject({
  status: field(z.int().min(200).max(599).default(503), {
    doc: 'Status of the answer.',
    why: '503: programs try again later, and search engines keep what they know',
    example: 503,
  }),
  body: field(z.string().max(16_384).optional(), {
    doc: 'Text of the answer.',
    unit: 'characters',
    why: 'absent: one sentence, which says that somebody knows',
    example: '<!doctype html><title>Back soon</title><p>We are back at noon.',
  }),
  contentType: field(
    z
      .string()
      .min(1)
      .max(128)
      .refine(...printable)
      .default('text/plain; charset=utf-8'),
    {
      doc: 'Type of the body.',
      why: 'text/plain; charset=utf-8: what a short text is',
      example: 'text/html; charset=utf-8',
    },
  ),
  retryAfter: field(duration({ min: 1000 }).optional(), {
    doc: 'When callers may try again, which the header `Retry-After` tells them in whole seconds.',
    why: 'absent: nothing is promised',
    example: '5m',
  }),
});
export type MaintenancePage = z.output<typeof MaintenancePage>;

const MaintenanceExcept = z.strictObject({
  headers: field(
    headerRecord(headerNameText, textMatch).refine(
      headers => Object.keys(headers).length > 0,
      'needs at least one header',
    ),
    {
      doc: 'Request headers by name, which all must match, as in `match.headers` of rules.',
      example: { 'x-operator': 'a-long-secret' },
    },
  ),
});

/** A page in place of a service, and whether it is there. */
export const Maintenance = z.strictObject({
  on: field(z.boolean().default(false), {
    doc: 'Callers get the page. Off, it waits for `switchyard maintenance`.',
    why: 'false: a page can be declared long before it is needed',
    example: true,
  }),
  page: field(MaintenancePage.optional(), {
    doc: "What callers get. That of the rule counts before that of its route, and this before the service's.",
    why: 'absent: the next of these that is declared, or else all defaults of a page',
    example: { retryAfter: '5m' },
  }),
  except: field(MaintenanceExcept.optional(), {
    doc: 'Who gets through all the same, such as those who look whether all is well again. The nearest counts, as with `page`.',
    why: 'absent: the next that is declared, or else nobody',
    example: { headers: { 'x-operator': 'a-long-secret' } },
  }),
});
export type Maintenance = z.output<typeof Maintenance>;

/** The page where none is declared. */
export const usualPage: MaintenancePage = Object.freeze(MaintenancePage.parse({}));

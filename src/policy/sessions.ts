import { z } from 'zod';
import { cookieAttributes, cookiePath } from './cookie.ts';
import { cookieTtl, exactlyOneOf, field, httpHeaderName } from './field.ts';

const cookieName = z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/, 'is not a name of a cookie');

const SessionCookie = z.strictObject({
  name: field(cookieName, {
    doc: 'Name of the cookie. A destination with a version has its own, as in `lane-v1`. Services on the same host need different names.',
    example: 'lane',
  }),
  ttl: field(cookieTtl.prefault('0s'), {
    doc: 'How long the cookie lives from its making; `0s`: until the browser is closed.',
    why: '0s: nobody is bound to an endpoint for longer than need be',
    example: '1h',
  }),
  path: field(cookiePath.default('/'), {
    doc: 'Path attribute: requests elsewhere do not bear the cookie.',
    why: '/: one session for the whole host',
    example: '/shop',
  }),
  attributes: field(cookieAttributes.default({}), {
    doc: 'Further attributes; those without a value have an empty text. `HttpOnly` is always there.',
    why: 'none: gateways speak HTTP; behind HTTPS add Secure',
    example: { SameSite: 'Lax', Secure: '' },
  }),
});

/** Binds a caller to the endpoint that answered it first: Envoy tells the caller its address, the caller sends it along. */
export const Sessions = z
  .strictObject({
    cookie: field(SessionCookie.optional(), {
      doc: 'The address travels in a cookie, which browsers keep by themselves.',
      example: { name: 'lane' },
    }),
    header: field(
      z
        .strictObject({
          name: field(httpHeaderName, { doc: 'Name of the header.', example: 'x-session-endpoint' }),
        })
        .optional(),
      {
        doc: 'The address travels in a header of the answer, in Base64, which the caller must send along from then on.',
        example: { name: 'x-session-endpoint' },
      },
    ),
    strict: field(z.boolean().default(false), {
      doc: 'When the endpoint of a session is gone or unhealthy: answer 503, instead of beginning a new one at another. Nothing is retried then, since a retry could go anywhere.',
      why: 'false: being served beats being served by the same',
      example: true,
    }),
  })
  .superRefine(exactlyOneOf('cookie', 'header'));
export type Sessions = z.output<typeof Sessions>;

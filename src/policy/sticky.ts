import { z } from 'zod';
import { cookieName as knownCookieName } from './cookie.ts';
import { cookieTtl, exactlyOneOf, field, httpHeaderName, orInShort } from './field.ts';
import { hashSources, oneHashSource } from './hash-source.ts';

/** Narrower than what cookies may be: name and path stand inside an expression of Envoy's. */
const cookieName = z.string().regex(/^[A-Za-z0-9._-]{1,128}$/, 'must be 1 to 128 of letters, digits, . _ -');
const cookiePath = z
  .string()
  .max(1024)
  .regex(/^\/[A-Za-z0-9._~/-]*$/, 'must begin with / and be of letters, digits, . _ ~ / -');

const headerName = httpHeaderName.refine(
  name => !name.startsWith(':') && !['host', 'cookie', 'set-cookie'].includes(name),
  'cannot carry it: choose a name of your own',
);

const StickyCookie = z
  .strictObject({
    name: field(cookieName.optional(), {
      doc: 'Name of the cookie. Rules of the same name share what a caller got.',
      why: 'absent: the service with `-version` after it, as in `catalog-version`; a split between several services needs a name',
      example: 'shop-version',
    }),
    ttl: field(cookieTtl.prefault('7d'), {
      doc: 'How long the cookie lives from its making, which requests do not prolong; `0s`: until the browser is closed.',
      why: '7d: longer than most rollouts take, and later weights reach everyone some day',
      example: '30d',
    }),
    path: field(cookiePath.default('/'), {
      doc: 'Path attribute: requests elsewhere do not bear the cookie.',
      why: '/: one version for the whole host',
      example: '/shop',
    }),
    secure: field(z.boolean().default(false), {
      doc: 'Secure attribute: browsers send the cookie over HTTPS only.',
      why: 'false: gateways speak HTTP; set it where something before them speaks HTTPS',
      example: true,
    }),
    sameSite: field(z.enum(['lax', 'strict', 'none']).default('lax'), {
      doc: 'SameSite attribute: which requests that begin at other sites bear the cookie. `none`, all of them, needs `secure`, and is for pages inside those of others.',
      why: 'lax: who follows a link from elsewhere finds the same version',
      example: 'none',
    }),
  })
  .superRefine(({ secure, sameSite }, context) => {
    if (sameSite !== 'none' || secure) return;
    context.addIssue({
      code: 'custom',
      path: ['sameSite'],
      message: 'needs `secure: true`: browsers refuse the cookie without',
    });
  });

const HashPart = z
  .strictObject({
    ...hashSources,
    cookie: field(
      z
        .strictObject({
          name: field(knownCookieName, {
            doc: 'Name of a cookie that callers have from elsewhere.',
            example: 'user',
          }),
        })
        .optional(),
      { doc: 'The value of this cookie, which is never made here.', example: { name: 'user' } },
    ),
  })
  .superRefine(oneHashSource);

const StickyChoice = z
  .strictObject({
    cookie: field(StickyCookie.optional(), {
      doc: 'The destination travels in a cookie, which browsers keep by themselves.',
      example: { name: 'shop-version', ttl: '30d' },
    }),
    header: field(
      z.strictObject({ name: field(headerName, { doc: 'Name of the header.', example: 'x-shop-version' }) }).optional(),
      {
        doc: 'The destination travels in a header of the answer, which the caller must send along from then on.',
        example: { name: 'x-shop-version' },
      },
    ),
    hashBy: field(z.array(HashPart).min(1).max(8).optional(), {
      doc: 'What callers send already says who they are: the first of these that a request has. Its hash decides, so that nothing is given to callers. For two destinations at most.',
      example: [{ header: 'x-user' }],
    }),
  })
  .superRefine(exactlyOneOf('cookie', 'header', 'hashBy'));

/**
 * Keeps a caller at a destination of a split. By cookie or header: at the one that the first good answer came from; the
 * answer tells the caller which, in the form `catalog@v2`, and the caller sends it along. By hash: at the one in whose
 * part of all hashes the caller's lies. The text `cookie` means a cookie with all of its defaults.
 */
export const Sticky = orInShort(z.literal('cookie'), StickyChoice, () => ({ cookie: {} }));
export type Sticky = z.output<typeof Sticky>;

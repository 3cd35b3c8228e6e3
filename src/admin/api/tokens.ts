import { z } from 'zod';
import { roles, scopeKinds } from '../../access/caller.ts';
import { duration } from '../../policy/field.ts';
import { operation } from './operation.ts';
import { instantText, type Reply } from './reply.ts';

export { roles, scopeKinds };

const name = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/, 'is 1 to 64 letters, digits, dots, dashes, underscores or @');

const about = {
  name: z.string().describe('Its name: the author of what is changed with it.'),
  role: z.enum(roles).describe('`viewer` looks, `operator` changes what proxies hold, `admin` may do all.'),
  fleets: z.array(z.string()).describe('The fleets that it is confined to; absent: none.').optional(),
  kinds: z.array(z.enum(scopeKinds)).describe('The kinds of things that it may change; absent: all.').optional(),
  createdAt: instantText('When it was made.'),
  createdBy: z.string().describe('By whose token.'),
  expiresAt: instantText('When it ends by itself; absent: never.').optional(),
};
const TokenReply = z.object(about).meta({ id: 'Token', description: 'A token, without the token itself.' });
export type TokenReply = Reply<typeof TokenReply>;

const TokensReply = z
  .object({ tokens: z.array(TokenReply).describe('All, those that have expired too.') })
  .meta({ id: 'Tokens', description: 'The tokens of the admin API, beside that of the first admin.' });
export type TokensReply = Reply<typeof TokensReply>;

const CreatedTokenReply = z
  .object({ ...about, token: z.string().describe('What to send as bearer. It is said this once, and kept nowhere.') })
  .meta({ id: 'CreatedToken', description: 'A new token.' });
export type CreatedTokenReply = Reply<typeof CreatedTokenReply>;

const longestLife = 365 * 24 * 60 * 60 * 1000;

export const listTokens = operation({
  id: 'listTokens',
  method: 'get',
  path: '/api/v1/tokens',
  family: 'Operation',
  role: 'admin',
  summary: 'The tokens of the admin API',
  answers: { 200: TokensReply },
});

export const createToken = operation({
  id: 'createToken',
  method: 'post',
  path: '/api/v1/tokens',
  family: 'Operation',
  role: 'admin',
  summary: 'Makes a token',
  body: z.strictObject({
    name: name.describe('The author of what is changed with it.'),
    role: about.role,
    fleets: z.array(z.string().min(1).max(200)).min(1).max(100).optional().describe('Confines it to these.'),
    kinds: z.array(z.enum(scopeKinds)).min(1).optional().describe('Confines what it may change.'),
    expiresIn: duration({ min: 1000, max: longestLife })
      .optional()
      .describe('It ends after this time, at most a year.'),
  }),
  example: { name: 'pipeline', role: 'operator', fleets: ['edge'], expiresIn: '30d' },
  answers: { 201: CreatedTokenReply },
  errors: { 409: 'There is one of that name already, or too many.' },
});

export const revokeToken = operation({
  id: 'revokeToken',
  method: 'delete',
  path: '/api/v1/tokens/{name}',
  family: 'Operation',
  role: 'admin',
  summary: 'Ends a token at once',
  params: { name: 'Its name.' },
  answers: { 200: z.object({ revoked: z.string().describe('Its name.') }) },
  errors: { 404: 'There is no such token.' },
});

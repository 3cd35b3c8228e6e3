import type { TokenInfo } from '../../access/tokens.ts';
import { createToken, listTokens, revokeToken, type TokenReply } from '../api.ts';
import { deed } from '../deed.ts';
import type { AdminDependencies } from '../dependencies.ts';
import { ApiError } from '../problem-json.ts';
import { instant } from '../replies.ts';
import { type Api, answer, serve } from '../serve.ts';

/** The tokens of the API: made, listed and ended. */
export function tokenRoutes(api: Api, { tokens, events, now = Date.now }: AdminDependencies): void {
  serve(api, listTokens, () => answer(200, { tokens: tokens.list().map(tokenReply) }));
  serve(api, createToken, ({ context, body }) => {
    const { name, role, fleets, kinds, expiresIn } = body;
    const outcome = tokens.create({
      name,
      role,
      createdBy: context.get('caller').name,
      ...(fleets && { fleets }),
      ...(kinds && { kinds }),
      ...(expiresIn === undefined ? {} : { expiresAt: now() + expiresIn }),
    });
    if (outcome.kind === 'refused') throw new ApiError(409, 'Refused', `${outcome.why}.`);
    events.add(deed('token', { by: context.get('caller').name }, `makes the token ${name}: ${role}`));
    return answer(201, { ...tokenReply(outcome.info), token: outcome.token });
  });
  serve(api, revokeToken, ({ context, params: { name } }) => {
    if (tokens.revoke(name)) {
      events.add(deed('token', { by: context.get('caller').name }, `ends the token ${name}`));
      return answer(200, { revoked: name });
    }
    throw new ApiError(404, 'Not found', `There is no token "${name}".`, {
      hint: '"switchyard token list" and GET /api/v1/tokens list them',
    });
  });
}

function tokenReply({ id: _, createdAt, expiresAt, ...rest }: TokenInfo): TokenReply {
  const end = expiresAt === undefined ? {} : { expiresAt: instant(expiresAt) };
  return { ...rest, createdAt: instant(createdAt), ...end };
}

import type { PolicyPath } from '../base/problem.ts';
import type { RuleDraft } from './draft.ts';
import type { Scope } from './nginx-values.ts';
import type { Notes } from './notes.ts';
import type { Statement } from './statement.ts';

/** What keeps callers out who do not say or are something that a policy cannot ask for. */
export function guardOf(scope: Scope): Statement | undefined {
  const known = asking.map(name => scope.get(name)).find(each => each && each.args[0] !== 'off');
  if (known) return known;
  // The first that fits a caller counts.
  const all = scope.all('allow', 'deny').find(each => meansAll(each));
  return all?.name === 'deny' ? all : undefined;
}

const asking = [
  ...['auth_basic', 'auth_request', 'auth_jwt', 'auth_oidc', 'auth_digest', 'auth_pam', 'auth_ldap', 'auth_gss'],
  ...['auth_spnego', 'access_by_lua', 'access_by_lua_block', 'access_by_lua_file', 'js_access'],
];

const meansAll = ({ name, args: [whom = ''] }: Statement) =>
  whom === 'all' || (name === 'deny' && /^(0\.0\.0\.0|::)\/0$/.test(whom));

/** Of `limit_except`: other methods are answered 403. */
export function withMethods(
  notes: Notes,
  path: PolicyPath,
  scope: Scope,
  rules: readonly RuleDraft[],
): readonly RuleDraft[] {
  const at = scope.statements.find(each => each.name === 'limit_except');
  if (!at) return rules;
  notes.take(at);
  const body = at.body ?? [];
  if (body.length === 1 && body[0]?.name === 'deny' && body[0].args[0] === 'all') notes.take(...body);
  else for (const each of body) notes.left(each, path, 'all others are kept out', 'other methods are answered 403');
  const methods = at.args.flatMap(each => (each === 'GET' ? ['GET', 'HEAD'] : [each]));
  const only = rules.map(rule => ({ ...rule, match: { ...rule.match, methods: [...new Set(methods)] } }));
  const others = rules.map(({ match }) => ({ ...(match ? { match } : {}), respond: { status: 403 } }));
  return [...only, ...others];
}

import { notImported, type RuleDraft } from './draft.ts';
import type { Making, Match } from './nginx-making.ts';
import { hasVariable, type Scope } from './nginx-values.ts';

/** A pattern that all paths fit. */
const everything = /^\^(\/?\(?\.\*\)?)?\$?$/;

/** Rules of the paths that a server sends elsewhere before it looks for a location. */
export function movedRules({ draft: { notes, regexes }, serverName }: Making, scope: Scope): readonly RuleDraft[] {
  return scope.statements.flatMap(at => {
    const [pattern = '', target = '', flag = ''] = at.args;
    if (at.name !== 'rewrite' || !/^(permanent|redirect)$/.test(flag)) return [];
    if (target.includes('$') || everything.test(pattern)) return [];
    const found = regexes.whole(pattern, false);
    const redirect = redirectTo(target.replace(/\?$/, ''), serverName);
    if ('why' in found || !redirect) return [];
    notes.take(at);
    const { stripQuery: _, ...kept } = redirect;
    const there = target.endsWith('?') ? redirect : kept;
    return [
      { match: { path: { regex: found.regex } }, redirect: { ...there, status: flag === 'permanent' ? 301 : 302 } },
    ];
  });
}

/** Whether a server sends all requests elsewhere, or answers them, before it looks for a location. */
export const answersAlone = ({ statements }: Scope): boolean =>
  statements.some(
    ({ name, args }) =>
      name === 'return' ||
      (name === 'rewrite' && /^(permanent|redirect)$/.test(args[2] ?? '') && everything.test(args[0] ?? '')),
  );

export function returned({ draft: { notes }, path, serverName }: Making, scope: Scope): Partial<RuleDraft> | undefined {
  const at = scope.statements.find(each => each.name === 'return');
  if (!at) return undefined;
  notes.take(at);
  const [first = '', text] = at.args;
  const status = /^\d{3}$/.test(first) ? Number(first) : 302;
  const target = /^\d{3}$/.test(first) ? text : first;
  if ([301, 302, 303, 307, 308].includes(status)) {
    const redirect = target === undefined ? undefined : redirectTo(target, serverName);
    if (redirect) return { redirect: { ...redirect, status: status as 301 } };
    notes.left(at, path, 'a policy cannot redirect there');
    return { respond: notImported(`${at.file}:${at.line}`) };
  }
  if (status < 200 || status > 599 || status === 444) {
    notes.changed(at, path, status === 444 ? 'requests are answered 403, not cut off' : 'requests are answered 501');
    return { respond: status === 444 ? { status: 403 } : notImported(`${at.file}:${at.line}`) };
  }
  if (text !== undefined && hasVariable(text))
    notes.changed(at, path, 'variables in the text stay as they are written');
  return { respond: { status, ...(text === undefined ? {} : { body: text }) } };
}

/** `https://$host$request_uri`, `https://www.example.com$request_uri`, `/new`. */
function redirectTo(target: string, serverName?: string): NonNullable<RuleDraft['redirect']> | undefined {
  const [, scheme, said = '', port, end = ''] =
    /^(?:(https?|\$scheme):\/\/([^/:$]+|\$\w+)(?::(\d+))?)?(.*)$/.exec(target) ?? [];
  const host = said === '$server_name' ? (serverName ?? said) : said;
  const rest = end === '' && host !== '' && !host.startsWith('$') ? '/' : end;
  const kept = rest === '$request_uri' || rest === '$uri$is_args$args';
  if (!kept && !/^\/[^$\s]*$/.test(rest)) return undefined;
  if (host.startsWith('$') && !['$host', '$http_host'].includes(host)) return undefined;
  return {
    ...(scheme === 'http' || scheme === 'https' ? { scheme } : {}),
    ...(host === '' || host.startsWith('$') ? {} : { host }),
    ...(port === undefined ? {} : { port: Number(port) }),
    ...(kept ? {} : { path: rest, stripQuery: true }),
  };
}

/** A rewrite that sends callers elsewhere; one that changes what is sent on is part of that. */
export function rewritten(
  { draft: { notes }, serverName }: Making,
  scope: Scope,
  match: Match,
): Partial<RuleDraft> | undefined {
  const at = scope.statements.find(
    ({ name, args }) => name === 'rewrite' && /^(permanent|redirect)$/.test(args[2] ?? ''),
  );
  const [pattern = '', target = ''] = at?.args ?? [];
  if (!at || Object.keys(match).length > 1 || !everything.test(pattern)) return undefined;
  const redirect = redirectTo(target.replace(/\/?\$1$/, '$request_uri'), serverName);
  if (!redirect) return undefined;
  notes.take(at);
  return { redirect: { ...redirect, status: at.args[2] === 'permanent' ? 301 : 302 } };
}

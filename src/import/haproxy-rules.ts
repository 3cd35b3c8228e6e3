import type { PolicyPath } from '../base/problem.ts';
import { isFraming, isHeaderName, notImported, type RuleDraft } from './draft.ts';
import type { Notes } from './notes.ts';
import type { Statement } from './statement.ts';

/** What a redirect answers, by the words after it; undefined: what no policy can. */
export function redirectOf(words: readonly string[]): RuleDraft | undefined {
  const after = (name: string) => (words.includes(name) ? words[words.indexOf(name) + 1] : undefined);
  const code = Number(after('code') ?? 302);
  if (![301, 302, 303, 307, 308].includes(code)) return undefined;
  const status = code as 301;
  const scheme = after('scheme');
  if (scheme === 'http' || scheme === 'https') return { redirect: { scheme, status } };
  const [, to, host, port, rest = ''] =
    /^(?:(https?):\/\/([^/:]+)(?::(\d+))?)?(\/[^%]*)?$/.exec(after('location') ?? after('prefix') ?? '%') ?? [];
  if (host === undefined && rest === '') return undefined;
  const place = {
    ...(to === undefined ? {} : { scheme: to as 'http', host: host ?? '' }),
    ...(port === undefined ? {} : { port: Number(port) }),
    status,
  };
  if (after('prefix') !== undefined) return rest === '' || rest === '/' ? { redirect: place } : undefined;
  return { redirect: { ...place, path: rest === '' ? '/' : rest, stripQuery: true } };
}

export interface Answer {
  readonly rule: RuleDraft;
  /** In what it is another answer. */
  readonly change?: string;
}

/** What keeps callers out, so that no request may get by for want of a counterpart. */
export const refuses = (words: readonly string[]): boolean =>
  /^(deny|tarpit|reject|silent-drop|auth)$/.test(words[0] ?? '');

/** What `http-request deny`, `return` and the like answer. */
export function answerOf(words: readonly string[], place: string): Answer | undefined {
  const after = (name: string) => (words.includes(name) ? words[words.indexOf(name) + 1] : undefined);
  const [kind = ''] = words;
  if (kind === 'auth')
    return { rule: notImportedRule(place), change: 'nobody is asked for a password, but answered 501' };
  if (kind === 'reject' || kind === 'silent-drop')
    return { rule: { respond: { status: 403 } }, change: 'requests are answered 403, not cut off' };
  const usual = { deny: 403, return: 200, tarpit: 500 };
  if (!Object.hasOwn(usual, kind)) return undefined;
  const status = Number(after('deny_status') ?? after('status') ?? usual[kind as 'deny']);
  if (!(status >= 200 && status <= 599)) return undefined;
  if (['file', 'lf-string', 'lf-file', 'errorfile', 'hdr'].some(each => words.includes(each)))
    return { rule: notImportedRule(place), change: 'requests are answered 501' };
  const [body, contentType] = [after('string'), after('content-type')];
  const respond = {
    status,
    ...(body === undefined ? {} : { body }),
    ...(contentType === undefined ? {} : { contentType }),
  };
  return { rule: { respond }, ...(kind === 'tarpit' ? { change: 'requests are answered at once' } : {}) };
}

/** The rule of what an import could not take. */
export const notImportedRule = (place: string): RuleDraft => ({ respond: notImported(place) });

/** The changes to headers that hold for all requests. */
export function headersOf(notes: Notes, path: PolicyPath, lines: readonly Statement[]): Partial<RuleDraft> {
  const changes = {
    'http-request': { set: {}, add: {}, remove: [] as string[] },
    'http-response': { set: {}, add: {}, remove: [] as string[] },
  };
  for (const each of lines) {
    const into = Object.hasOwn(changes, each.name) ? changes[each.name as keyof typeof changes] : undefined;
    const [kind = '', name = '', text = ''] = each.args;
    if (!into || !/^(set|add|del)-header$/.test(kind)) continue;
    const value = sampled(text);
    if (
      each.args.includes('if') ||
      each.args.includes('unless') ||
      value === undefined ||
      !isHeaderName(name) ||
      isFraming(name)
    ) {
      notes.left(
        each,
        path,
        each.args.includes('if')
          ? 'headers are changed for all requests of a rule'
          : 'a policy has no counterpart of that value',
      );
      continue;
    }
    notes.take(each);
    if (kind === 'del-header') into.remove.push(name.toLowerCase());
    else (into[kind === 'set-header' ? 'set' : 'add'] as Record<string, string>)[name.toLowerCase()] = value;
  }
  const part = ({
    set,
    add,
    remove,
  }: {
    set: Record<string, string>;
    add: Record<string, string>;
    remove: string[];
  }) => ({
    ...(Object.keys(set).length > 0 ? { set } : {}),
    ...(Object.keys(add).length > 0 ? { add } : {}),
    ...(remove.length > 0 ? { remove } : {}),
  });
  const [request, response] = [part(changes['http-request']), part(changes['http-response'])];
  return {
    ...(Object.keys(request).length > 0 ? { requestHeaders: request } : {}),
    ...(Object.keys(response).length > 0 ? { responseHeaders: response } : {}),
  };
}

/** A value of a header, with Envoy's substitutions for samples; undefined: it has one without a counterpart. */
function sampled(text: string): string | undefined {
  let known = true;
  const value = text.replaceAll(/%\[([^\]]*)\]|%%|%\w+|%/g, (whole, sample: string | undefined) => {
    if (whole === '%%') return '%%';
    const [, header] = /^(?:req\.)?hdr\(([\w-]+)\)$/.exec(sample ?? '') ?? [];
    const field =
      sample === 'src' || whole === '%ci'
        ? '%DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT%'
        : header === undefined
          ? undefined
          : `%REQ(${header.toLowerCase()})%`;
    if (field === undefined) known = false;
    return field ?? '';
  });
  return known ? value : undefined;
}

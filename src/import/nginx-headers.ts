import { isFraming, isHeaderName, type RuleDraft } from './draft.ts';
import type { Making } from './nginx-making.ts';
import { hasVariable, headerValue, type Scope } from './nginx-values.ts';

/** Headers that Envoy sets or passes on by itself. */
const byItself = /^(x-forwarded-for|x-forwarded-proto|connection|upgrade|x-request-id)$/i;

export function headersOf({ draft: { notes }, path, maps }: Making, scope: Scope): Partial<RuleDraft> {
  const request: Record<string, string> = {};
  const removed: string[] = [];
  for (const each of [...scope.all('proxy_set_header'), ...scope.all('grpc_set_header')]) {
    const [name = '', text = ''] = each.args;
    notes.take(each);
    const value = headerValue(text);
    if (
      /^host$/i.test(name) ||
      (byItself.test(name) && (text === '' || hasVariable(text) || /^(upgrade|close)$/i.test(text)))
    ) {
      if (/^x-forwarded-for$/i.test(name) && !/\$(proxy_add_x|http_x)_forwarded_for/.test(text))
        notes.changed(each, path, 'the address of the caller is added to an X-Forwarded-For that it sent');
      const map = maps.find(one => one.args[1] === text);
      if (map) notes.take(map, ...(map.body ?? []));
      continue;
    }
    if (!isHeaderName(name) || isFraming(name) || value === undefined)
      notes.left(each, path, 'a policy has no counterpart of that value');
    else if (text === '') removed.push(name.toLowerCase());
    else request[name.toLowerCase()] = value;
  }
  const response: Record<string, string> = {};
  for (const each of scope.all('add_header')) {
    const [name = '', text = '', always] = each.args;
    const value = headerValue(text);
    const key = name.toLowerCase();
    if (!isHeaderName(name) || isFraming(name) || value === undefined || text === '' || Object.hasOwn(response, key)) {
      notes.left(each, path, 'a policy has no counterpart of that header');
      continue;
    }
    response[key] = value;
    if (always === 'always') notes.take(each);
    else notes.changed(each, path, 'answers of 4xx and 5xx get it, too');
  }
  const hidden = scope.all('proxy_hide_header').filter(each => isHeaderName(each.args[0] ?? ''));
  notes.take(...hidden);
  const remove = hidden.map(each => (each.args[0] ?? '').toLowerCase());
  return {
    ...some('requestHeaders', { ...some('set', request), ...(removed.length > 0 ? { remove: removed } : {}) }),
    ...some('responseHeaders', { ...some('add', response), ...(remove.length > 0 ? { remove } : {}) }),
  };
}

const some = <const K extends string, V extends object>(key: K, value: V): { [key in K]?: V } =>
  (Object.keys(value).length > 0 ? { [key]: value } : {}) as { [key in K]?: V };

export const responseOf = ({ responseHeaders }: Partial<RuleDraft>) => (responseHeaders ? { responseHeaders } : {});

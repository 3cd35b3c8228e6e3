import type { EndpointHealthReply, EndpointHealthRow } from '../admin/api.ts';
import { count, type Paint, renderTable, type Style } from './output.ts';

const columns = [
  ['HEALTHY', 'healthy'],
  ['EJECTED', 'ejected'],
  ['FAILED CHECK', 'failedCheck'],
  ['NOT CHECKED', 'unchecked'],
  ['DEGRADED', 'degraded'],
  ['UNKNOWN', 'unknown'],
] as const;

/** What proxies say of an endpoint that is not healthy to them, the worst first. */
const words = [
  ['failedCheck', 'down by its check for', 'red'],
  ['ejected', 'ejected by', 'red'],
  ['unchecked', 'not checked yet by', 'yellow'],
  ['degraded', 'degraded for', 'yellow'],
] as const satisfies readonly (readonly [keyof EndpointHealthRow, string, Style])[];

const nameOf = ({ endpoint, address }: EndpointHealthRow) =>
  address === undefined ? endpoint : `${endpoint} (${address})`;

/** The table of all endpoints that were asked for, and what keeps the rest from being known. */
export function healthText(reply: EndpointHealthReply, paint: Paint): string {
  const rows = reply.endpoints.map(each => [
    each.service,
    nameOf(each),
    ...columns.map(([, key]) => (each[key] === 0 ? '-' : String(each[key]))),
  ]);
  const table = rows.length === 0 ? '' : renderTable(['SERVICE', 'ENDPOINT', ...columns.map(([title]) => title)], rows);
  const more = reply.count - reply.endpoints.length;
  return [table, more > 0 ? `and ${count(more, 'endpoint')} more\n` : '', unknownText(reply, paint)].join('');
}

function unknownText({ proxies, unknown, unknownCount }: EndpointHealthReply, paint: Paint): string {
  if (proxies === 0) return 'no proxy is connected\n';
  if (unknownCount === 0) return '';
  const reasons = unknown.map(each => `  ${each.id} (${each.fleet}): ${each.why}\n`).join('');
  const more = unknownCount - unknown.length;
  const rest = more > 0 ? `  and ${count(more, 'proxy').replace(/proxys$/, 'proxies')} more\n` : '';
  return `${paint('yellow', `unknown to us, ${unknownCount} of ${proxies}`)}:\n${reasons}${rest}`;
}

/** A line for `status` of each endpoint that some proxy finds other than healthy. */
export function troubledTexts({ endpoints }: EndpointHealthReply, paint: Paint): readonly string[] {
  return endpoints.slice(0, mostTroubled).map(each => {
    const said = words.flatMap(([key, text, style]) => (each[key] === 0 ? [] : [paint(style, `${text} ${each[key]}`)]));
    const rest = [
      each.healthy > 0 ? `healthy for ${each.healthy}` : '',
      each.unknown > 0 ? `unknown for ${each.unknown}` : '',
    ];
    return `endpoint ${nameOf(each)} of ${each.service}: ${[...said, ...rest].filter(text => text !== '').join(', ')}\n`;
  });
}

/** Endpoints that `status` shows, at most. */
export const mostTroubled = 20;

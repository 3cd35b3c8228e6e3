import type { ProxyConfigReply, ProxyReply } from '../admin/api.ts';
import { count, type Paint, renderTable, type Style } from './output.ts';
import { placeText, wordsText } from './rejection-text.ts';

/** Kinds of resources, in the order in which people think of them. */
export const sections = ['listeners', 'routes', 'clusters', 'endpoints', 'secrets'] as const;
export type Section = (typeof sections)[number];

const types = { listeners: 'LDS', routes: 'RDS', clusters: 'CDS', endpoints: 'EDS', secrets: 'SDS' } as const;

const styles: Readonly<Record<string, Style>> = {
  held: 'green',
  'to come': 'yellow',
  changes: 'yellow',
  unknown: 'yellow',
  rejected: 'red',
};

/** Who the proxy is, every resource that it is to hold, or has acknowledged, and what it rejected. */
export function configText(reply: ProxyConfigReply, kind: Section | undefined, paint: Paint): string {
  const shown = kind === undefined ? sections : [kind];
  const rows = shown.flatMap(each => rowsOf(reply, each));
  const colour = (cell: string, padded: string) => {
    const style = styles[cell];
    return style === undefined ? padded : paint(style, padded);
  };
  const none = `nothing${kind === undefined ? '' : ` of ${kind}`}\n`;
  const table = rows.length === 0 ? none : renderTable(['KIND', 'NAME', 'STATE', 'PLACE'], rows, colour);
  return [headText(reply, paint), table, rejectsText(reply.proxy)].filter(text => text !== '').join('\n');
}

function headText({ proxy, matched, matchedAt, of }: ProxyConfigReply, paint: Paint): string {
  const state = paint(proxy.state === 'synced' ? 'green' : 'red', proxy.state);
  const place = matchedAt === undefined ? '' : ` at ${matchedAt.file}:${matchedAt.line}:${matchedAt.column}`;
  const why = matched === null ? '' : `${place}, since ${matched}`;
  const what = of === 'acked' ? 'what it has acknowledged:\n' : '';
  return `${proxy.id}: ${state}, ${proxy.variant}, Envoy ${proxy.envoyVersion || '?'}\nfleet ${proxy.fleet}${why}\n${what}`;
}

function rowsOf(
  { proxy, differences, resources, of }: ProxyConfigReply,
  kind: Section,
): readonly (readonly string[])[] {
  const type = types[kind];
  const { known = true, changes = [] } = (type !== 'SDS' && differences[type]) || {};
  const due = new Map(changes.map(each => [each.name, each]));
  const rejects = new Map(proxy.rejects?.flatMap(each => (each.type === type ? [[each.name, each] as const] : [])));
  const row = (name: string, state: string) => {
    const place = placeText(rejects.get(name) ?? due.get(name) ?? {});
    return [kind, name, state, place];
  };
  const present = resources[kind].map(message => {
    const name = String(message['name'] ?? message['cluster_name']);
    if (rejects.has(name)) return row(name, 'rejected');
    const change = due.get(name)?.change;
    if (of === 'acked' || (known && change === undefined)) return row(name, 'held');
    return row(
      name,
      known ? { added: 'to come', changed: 'changes', removed: 'held' }[change ?? 'changed'] : 'unknown',
    );
  });
  const going = changes.flatMap(each => (each.change === 'removed' ? [row(each.name, 'to go')] : []));
  return of === 'acked' ? present : [...present, ...going];
}

function rejectsText({ rejects = [], rejectCount = 0 }: ProxyReply): string {
  const lines = rejects.map(each => {
    const where = placeText(each);
    return `rejected ${each.type} ${each.name}${where === '' ? '' : ` at ${where}`}: ${wordsText(each.message)}\n`;
  });
  const more = rejectCount - rejects.length;
  return lines.join('') + (more > 0 ? `and ${more} more\n` : '');
}

/** How what it has acknowledged differs from what it is to hold. */
export function differenceText(reply: ProxyConfigReply, _kind: Section | undefined, paint: Paint): string {
  const lines = Object.entries(reply.differences).flatMap(([type, difference]) => {
    if (!difference.known) return [paint('yellow', `${type}: what it holds was sent too long ago to be compared`)];
    return difference.changes.flatMap(each => changeLines(each, paint));
  });
  const rejected = rejectsText(reply.proxy);
  if (lines.length === 0 && rejected === '') return `${headText(reply, paint)}it holds all that is intended\n`;
  return `${headText(reply, paint)}${lines.map(line => `${line}\n`).join('')}${rejected}`;
}

type Change = NonNullable<ProxyConfigReply['differences'][keyof ProxyConfigReply['differences']]>['changes'][number];

const marks = { added: ['+', 'green'], changed: ['~', 'yellow'], removed: ['-', 'red'] } as const;

/** One resource: a line, and one for each field, before → after. */
function changeLines({ type, name, change, fields, more, drains, ...place }: Change, paint: Paint): readonly string[] {
  const [mark, style] = marks[change];
  const where = placeText(place);
  const notes = [...(where === '' ? [] : [`at ${where}`]), ...(drains ? ['its connections drain'] : [])].join('; ');
  const value = (each: unknown) => (each === undefined ? 'nothing' : JSON.stringify(each));
  return [
    `${paint(style, `${mark} ${type} ${name}`)}${notes === '' ? '' : `  ${notes}`}`,
    ...fields.map(each => `    ${each.path}: ${value(each.before)} → ${value(each.after)}`),
    ...(more ? [`    and more than ${count(fields.length, 'field')}`] : []),
  ];
}

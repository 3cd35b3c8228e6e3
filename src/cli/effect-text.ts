import type { EffectReply, FieldChangeReply, ResourceChangeReply } from '../admin/api.ts';
import { shortened } from '../base/one-line.ts';
import { count, type Paint } from './output.ts';
import { problemText } from './problem-text.ts';

const signs = { added: '+', changed: '~', removed: '-' } as const;
const styles = { added: 'green', changed: 'yellow', removed: 'red' } as const;
const mostWidth = 100;

/** What a write would lead to, fleet by fleet. @param waitsForThaw nobody is sent it before the freeze ends. */
export function effectText(effect: EffectReply, paint: Paint, waitsForThaw = false): string {
  const { fleets, moves, proxyCount, drains, problems, solved, shrinks } = effect;
  const lines = fleets.flatMap(({ fleet, change, resources, resourceCount, proxyCount: sent, drains: closes }) => [
    paint('bold', `fleet ${fleet} is ${change}: ${count(resourceCount, 'resource')}, ${proxies(sent)}`) +
      (closes ? paint('red', '; connections are closed') : ''),
    ...resources.flatMap(each => resourceLines(each, paint)),
    ...(resourceCount > resources.length
      ? [`  … and ${count(resourceCount - resources.length, 'more resource')}`]
      : []),
  ]);
  const moved = moves.map(({ id, from, to }) => `${id} moves from ${from ?? 'no fleet'} to ${to ?? 'no fleet'}`);
  const end =
    fleets.length === 0
      ? 'nothing changes for any fleet'
      : `${proxies(proxyCount)} ${proxyCount === 1 ? 'is' : 'are'} sent something; ${drains ? 'listeners drain: connections are closed' : 'no connection is closed'}`;
  const warned = [
    ...(waitsForThaw ? ['everything is frozen: proxies are sent it after "switchyard thaw"\n'] : []),
    ...shrinks.map(each => problemText(each)),
    ...problems.map(each => problemText(each)),
    ...solved.map(each => `solved: ${problemText(each)}`),
  ].join('');
  return `${[...lines, ...moved, end].join('\n')}\n${warned}`;
}

const proxies = (number: number) => (number === 1 ? '1 proxy' : `${number} proxies`);

function resourceLines({ type, name, change, fields, more, drains }: ResourceChangeReply, paint: Paint): string[] {
  const head = paint(styles[change], `  ${signs[change]} ${type} ${name}`);
  return [
    drains ? `${head} (drains)` : head,
    ...fields.map(each => `      ${fieldLine(each)}`),
    ...(more ? ['      … and more fields'] : []),
  ];
}

export function fieldLine({ path, before, after }: FieldChangeReply): string {
  const [old, now] = [valueText(before), valueText(after)];
  if (old === undefined) return `${path}: + ${now}`;
  if (now === undefined) return `${path}: - ${old}`;
  return `${path}: ${old} → ${now}`;
}

function valueText(value: unknown): string | undefined {
  return value === undefined ? undefined : shortened(JSON.stringify(value), mostWidth);
}

import { styleText } from 'node:util';
import type { ProblemReply, ProxyReply } from '../src/admin/api.ts';
import type { Traffic } from './requests.ts';

interface Shown {
  readonly proxies: readonly ProxyReply[];
  /** Of a save that was not taken. */
  readonly problems: readonly ProblemReply[];
  readonly traffic: Traffic;
  readonly hints: readonly string[];
}

/** The status of the demonstration as lines for a terminal. */
export function statusLines({ proxies, problems, traffic, hints }: Shown): string {
  const rows = proxies.map(each => {
    const types = Object.entries(each.types).map(([name, type]) => `${name} ${type.state}`);
    const state = styleText(each.state === 'synced' ? 'green' : 'yellow', each.state.padEnd(12));
    return `  ${each.id.padEnd(14)} ${each.variant.padEnd(6)} ${state} ${types.join('  ')}`;
  });
  const total = [...traffic.counts.values()].reduce((sum, count) => sum + count, 0);
  const shares = [...traffic.counts]
    .sort(([a], [b]) => a.localeCompare(b))
    .map(
      ([who, count]) =>
        `  ${who.padEnd(16)} ${String(count).padStart(7)}  ${((100 * count) / total).toFixed(1).padStart(5)} %`,
    );
  return [
    styleText('bold', 'Proxies'),
    ...rows,
    styleText('bold', `Requests to /items: ${total}, failed: ${traffic.failures.length}`),
    ...shares,
    ...(problems.length > 0 ? [styleText('red', 'The last save was not taken, and what was good goes on:')] : []),
    ...problems.map(({ file, line, message, hint }) => `  ${file}:${line}: ${message}${hint ? ` (${hint})` : ''}`),
    ...hints,
    '',
  ].join('\n');
}

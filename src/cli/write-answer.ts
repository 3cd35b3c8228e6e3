import type { OverrideWriteReply } from '../admin/api.ts';
import type { AdminAnswer } from './client.ts';
import type { CliHost } from './host.ts';
import { CliFailure, type OutputFormat, type Paint, painter, printable, render } from './output.ts';
import { overrideText } from './status-text.ts';

/** Prints what a write of operational state has led to. @throws CliFailure (2) when not all have acknowledged in time. */
export function showWrite(host: CliHost, format: OutputFormat, answer: AdminAnswer<OverrideWriteReply>): void {
  host.out(render(answer.body, format, () => writeText(printable(answer.body), painter(host))));
  if (answer.status === 202) throw new CliFailure('', 2);
}

function writeText({ override, changed, fleets, acknowledged }: OverrideWriteReply, paint: Paint): string {
  const holders = fleets.join(', ') || 'no fleet';
  const lines = [
    changed ? `changed what these hold: ${holders}` : `nothing changed for ${holders}`,
    ...(acknowledged ? [paint(acknowledged.complete ? 'green' : 'yellow', acknowledged.summary)] : []),
    ...(acknowledged?.missing.map(each => `  missing: ${each.id} (${each.fleet}): ${each.why.trim()}`) ?? []),
    ...(acknowledged?.departed.map(id => `  went away: ${id}`) ?? []),
  ];
  return `${override ? overrideText(override, Date.now()) : 'the override has ended\n'}${lines.join('\n')}\n`;
}

import type { OverrideWriteReply } from '../admin/api.ts';
import type { AdminAnswer } from './client.ts';
import type { CliHost } from './host.ts';
import { CliFailure, type OutputFormat, type Paint, painter, render } from './output.ts';

/** Prints what a write of operational state has led to. @throws CliFailure (2) when not all have acknowledged in time. */
export function showWrite(host: CliHost, format: OutputFormat, answer: AdminAnswer<OverrideWriteReply>): void {
  host.out(render(answer.body, format, () => writeText(answer.body, painter(host))));
  if (answer.status === 202) throw new CliFailure('', 2);
}

function writeText({ override, changed, fleets, acknowledged }: OverrideWriteReply, paint: Paint): string {
  const active = override?.effect === 'active' ? 'green' : 'yellow';
  const lines = [
    override ? `${override.target}: ${paint(active, override.effect)}` : 'the override has ended',
    ...(override?.why ? [`  ${override.why}`] : []),
    changed ? `fleets that hold it: ${fleets.join(', ') || 'none'}` : 'nothing changed in any fleet',
    ...(acknowledged ? [paint(acknowledged.complete ? 'green' : 'yellow', acknowledged.summary)] : []),
    ...(acknowledged?.missing.map(each => `  missing: ${each.id} (${each.fleet}): ${each.why}`) ?? []),
    ...(acknowledged?.departed.map(id => `  went away: ${id}`) ?? []),
  ];
  return `${lines.join('\n')}\n`;
}

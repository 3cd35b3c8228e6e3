import type { OverrideWriteReply, WriteReply } from '../admin/api.ts';
import type { AdminAnswer } from './client.ts';
import type { CliHost } from './host.ts';
import { CliFailure, type OutputFormat, type Paint, painter, printable, render } from './output.ts';
import { quarantineLine, wordsText } from './rejection-text.ts';
import { overrideText } from './status-text.ts';

/**
 * Prints what a write has led to.
 *
 * @param ended what there is to say where no override has come of it
 * @throws CliFailure (2) when not all have acknowledged in time, or not all of it is held.
 */
export function showWrite(
  host: CliHost,
  format: OutputFormat,
  answer: AdminAnswer<OverrideWriteReply>,
  ended = 'the override has ended',
): void {
  const text = () => {
    const { override, overrides = [], endpoints = [], ...rest } = printable(answer.body);
    const inForce = [...(override ? [override] : []), ...overrides];
    const over = endpoints.length > 0 ? `the overrides of ${endpoints.join(', ')} have ended` : ended;
    const what = inForce.map(each => overrideText(each, host.now())).join('') || `${over}\n`;
    return `${what}${writeText(rest, painter(host))}`;
  };
  const { override, overrides = [] } = answer.body;
  const name = () => [...(override ? [override] : []), ...overrides].map(each => each.target);
  host.out(render(answer.body, format, { table: text, name }));
  if (answer.status === 202) throw new CliFailure('', 2);
}

/** What a write has changed, and who holds it. */
export function writeText({ changed, fleets, waitsForThaw, acknowledged }: WriteReply, paint: Paint): string {
  const holders = fleets.join(', ') || 'no fleet';
  const waits = 'it waits for the end of the freeze: "switchyard thaw" publishes it, --during-freeze would have';
  const lines = [
    ...(waitsForThaw && !acknowledged ? [paint('yellow', waits)] : []),
    changed
      ? `${waitsForThaw ? 'will change' : 'changed'} what these hold: ${holders}`
      : `nothing changed for ${holders}`,
    ...(acknowledged ? [paint(acknowledged.complete ? 'green' : 'yellow', acknowledged.summary)] : []),
    ...(acknowledged?.missing.map(each => `  missing: ${each.id} (${each.fleet}): ${wordsText(each.why)}`) ?? []),
    ...(acknowledged?.departed.map(id => `  went away: ${id}`) ?? []),
    ...(acknowledged?.quarantined.map(each => `  quarantined: ${quarantineLine(each)}`) ?? []),
  ];
  return `${lines.join('\n')}\n`;
}

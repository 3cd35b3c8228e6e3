import type { EffectReply, OverrideWriteReply, WriteReply } from '../admin/api.ts';
import { effectText } from './effect-text.ts';
import type { CliHost } from './host.ts';
import { CliFailure, type OutputFormat, type Paint, painter, printable, render } from './output.ts';
import { quarantineLine, wordsText } from './rejection-text.ts';
import { overrideText } from './status-text.ts';

export interface OverrideAnswer {
  readonly status: number;
  readonly body: OverrideWriteReply;
}

/**
 * Prints what a write has led to.
 *
 * @param ended what there is to say where no override has come of it
 * @throws CliFailure (2) when not all have acknowledged in time, or not all of it is held.
 */
export function showWrite(
  host: CliHost,
  format: OutputFormat,
  answer: OverrideAnswer,
  ended = 'the override has ended',
): void {
  const text = () => {
    const { override, overrides = [], endpoints = [], effect, ...rest } = printable(answer.body);
    if (effect) return effectText(effect, painter(host), rest.waitsForThaw);
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

/** Of a dry run. @throws CliFailure when the write would be refused for what services would lose. */
export function refuseShrinks(effect: EffectReply | undefined, allowed = false): void {
  if (!effect || effect.shrinks.length === 0 || allowed) return;
  throw new CliFailure('it would be refused for what services would lose: --allow-shrink says that it is meant so');
}

import { parseDuration } from '../base/units.ts';
import { CliFailure } from './output.ts';

/**
 * A moment as people say it: `14:02` or `14:02:30`, the last time that it was so late here; `10m ago`; a date with a
 * time. @throws CliFailure when it is none.
 */
export function parseMoment(text: string, now: number): string {
  const at = momentOf(text.trim(), now);
  if (at !== undefined && Number.isFinite(at)) return new Date(at).toISOString();
  throw new CliFailure(`"${text}" is no moment: say 14:02, 14:02:30, "10m ago" or 2026-03-01T14:02:00Z`);
}

function momentOf(text: string, now: number): number | undefined {
  const clock = /^(\d{1,2}):(\d{2})(?::(\d{2}))?$/.exec(text);
  if (clock) {
    const [hours = 0, minutes = 0, seconds = 0] = clock.slice(1).map(each => Number(each ?? 0));
    if (hours > 23 || minutes > 59 || seconds > 59) return undefined;
    const then = new Date(now);
    then.setHours(hours, minutes, seconds, 0);
    if (then.getTime() > now) then.setDate(then.getDate() - 1);
    return then.getTime();
  }
  const before = /^(\S+) ago$/.exec(text)?.[1];
  const ms = before === undefined ? undefined : parseDuration(before);
  if (ms !== undefined) return now - ms;
  return /^\d{4}-\d{2}-\d{2}/.test(text) ? Date.parse(text) : undefined;
}

import { MessageFault } from './fault.ts';

/** Seconds and nanoseconds; for a duration both of the same sign. */
export interface Moment {
  readonly seconds: number;
  readonly nanos: number;
}

const MAX_DURATION = 315_576_000_000;
const MIN_TIME = -62_135_596_800;
const MAX_TIME = 253_402_300_799;

/** Reads a duration such as `0.250s` or `-3s`. Throws a `MessageFault` when it is none. */
export function parseDuration(text: string): Moment {
  const match = /^(-?)(\d{1,12})(?:\.(\d{1,9}))?s$/.exec(text);
  const seconds = Number(match?.[2] ?? Number.NaN);
  if (!match || seconds > MAX_DURATION) throw new MessageFault(`"${text}" is not a duration such as "0.250s"`);
  const nanos = Number((match[3] ?? '').padEnd(9, '0'));
  return match[1] === '-' ? { seconds: 0 - seconds, nanos: 0 - nanos } : { seconds, nanos };
}

/** Writes a duration with 0, 3, 6 or 9 digits after the point. Throws a `MessageFault` when it is out of range. */
export function formatDuration({ seconds, nanos }: Moment): string {
  const signsDiffer = (seconds > 0 && nanos < 0) || (seconds < 0 && nanos > 0);
  if (Math.abs(seconds) > MAX_DURATION || Math.abs(nanos) >= 1e9 || signsDiffer) {
    throw new MessageFault('the duration is out of range');
  }
  return `${seconds < 0 || nanos < 0 ? '-' : ''}${Math.abs(seconds)}${fraction(Math.abs(nanos))}s`;
}

/** Reads an RFC 3339 time with an offset. Throws a `MessageFault` when it is none. */
export function parseTimestamp(text: string): Moment {
  const match = /^(\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?([Zz]|[+-]\d\d:\d\d)$/.exec(text);
  const milliseconds = match ? Date.parse(`${match[1]}${match[3]}`.toUpperCase()) : Number.NaN;
  const seconds = milliseconds / 1000;
  if (!match || !(seconds >= MIN_TIME && seconds <= MAX_TIME)) {
    throw new MessageFault(`"${text}" is not a time such as "2026-01-31T12:00:00Z"`);
  }
  return { seconds, nanos: Number((match[2] ?? '').padEnd(9, '0')) };
}

/** Writes a time in UTC with 0, 3, 6 or 9 digits after the point. Throws a `MessageFault` when it is out of range. */
export function formatTimestamp({ seconds, nanos }: Moment): string {
  if (seconds < MIN_TIME || seconds > MAX_TIME || nanos < 0 || nanos >= 1e9) {
    throw new MessageFault('the time is out of range');
  }
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}${fraction(nanos)}Z`;
}

function fraction(nanos: number): string {
  if (nanos === 0) return '';
  const digits = String(nanos).padStart(9, '0');
  return `.${digits.replace(/(000){1,2}$/, '')}`;
}

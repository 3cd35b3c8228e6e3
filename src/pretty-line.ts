import { oneLine } from './base/one-line.ts';

/** Fields that every line has, and that stand in places of their own. */
const placed = new Set(['level', 'time', 'msg', 'err']);

const colours: Readonly<Record<string, string>> = {
  trace: '\u001b[90m',
  debug: '\u001b[90m',
  info: '\u001b[32m',
  warn: '\u001b[33m',
  error: '\u001b[31m',
  fatal: '\u001b[31m',
};
const [faint, plain] = ['\u001b[2m', '\u001b[0m'];

/**
 * A line of the log for a person: `12:00:00.123 info  policy accepted  revision=3 fleets=edge`. Times are those of UTC, as
 * everywhere. One line an event, and nothing in it that a terminal would obey but the colours.
 */
export function prettyLine(line: string, coloured: boolean): string {
  const entry = parsed(line);
  if (!entry) return `${oneLine(line)}\n`;
  const { level, time, msg, err } = entry;
  const paint = (text: string, colour: string) => (coloured && text !== '' ? `${colour}${text}${plain}` : text);
  const name = text(level);
  const fields = [
    ...Object.entries(entry).flatMap(([key, value]) => (placed.has(key) ? [] : [`${oneLine(key)}=${text(value)}`])),
    ...(err === undefined ? [] : [`err=${faultText(err)}`]),
  ].join(' ');
  const parts = [
    paint(text(time).replace(/^.*T|Z$/g, ''), faint),
    paint(name.padEnd(5), colours[name] ?? ''),
    text(msg),
    paint(fields, faint),
  ];
  return `${parts.filter(part => part !== '').join(' ')}\n`;
}

function parsed(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function text(value: unknown): string {
  if (value === undefined) return '';
  return oneLine(typeof value === 'string' ? value : JSON.stringify(value));
}

/** What it says, and where it was thrown. */
function faultText(err: unknown): string {
  const { type, message, stack } = (typeof err === 'object' && err !== null ? err : {}) as Readonly<
    Record<string, unknown>
  >;
  if (typeof message !== 'string') return text(err);
  const [, place] = /^\s+at (.+)$/m.exec(typeof stack === 'string' ? stack : '') ?? [];
  return oneLine(`${typeof type === 'string' ? `${type}: ` : ''}${message}${place ? ` (at ${place})` : ''}`);
}

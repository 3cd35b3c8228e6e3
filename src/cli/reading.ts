import { setTimeout as pause } from 'node:timers/promises';
import { escaped } from '../base/one-line.ts';
import type { CliHost, Screen } from './host.ts';
import type { ReadFlags } from './options.ts';
import { CliFailure, type OutputFormat, render, type Views } from './output.ts';
import { heightOf } from './screenful.ts';

/** What a command has read. */
export interface Reading extends Views {
  /** All of it, for programs. */
  readonly value: unknown;
  /** 0: all is well; 1: failed; 2: warnings, differences or not complete. Absent: 0. */
  readonly code?: 0 | 1 | 2;
}

/** Milliseconds between two looks with `--watch`. */
const interval = 1000;

/**
 * Looks once and prints what is there; with `--watch` again and again until it is ended, redrawn in place on a terminal.
 *
 * @throws CliFailure with the code of the reading, and no words, when that is not 0.
 */
export async function read(host: CliHost, flags: ReadFlags, look: () => Promise<Reading>): Promise<void> {
  if (flags.watch) return watch(host, flags.output, look);
  const reading = await look();
  host.out(render(reading.value, flags.output, reading));
  if (reading.code) throw new CliFailure('', reading.code);
}

/** Where nobody looks, only what has changed is printed again. A server that is away for a while is waited for. */
async function watch(host: CliHost, format: OutputFormat, look: () => Promise<Reading>): Promise<void> {
  let before = '';
  while (!host.signal.aborted) {
    const { text, error } = await glimpse(format, look);
    if (host.signal.aborted) return;
    const program = format === 'json' || format === 'yaml';
    if (host.terminal && !program) host.out(drawn(text, host.screen()));
    else if (text !== before) (error ? host.err : host.out)(text);
    before = text;
    await pause(interval, undefined, { signal: host.signal }).catch(() => {});
  }
}

async function glimpse(format: OutputFormat, look: () => Promise<Reading>) {
  try {
    const reading = await look();
    return { text: repeated(reading, format), error: false };
  } catch (error) {
    if (!(error instanceof CliFailure)) throw error;
    return { text: `error: ${error.message}\n`, error: true };
  }
}

/** One of many: JSON on a line of its own, YAML as one of several documents. */
function repeated(reading: Reading, format: OutputFormat): string {
  if (format === 'json') return escaped(`${JSON.stringify(reading.value)}\n`);
  const text = render(reading.value, format, reading);
  return format === 'yaml' ? `---\n${text}` : text;
}

/** Over what stood there before, line by line, so that nothing flickers; what has no room is counted. */
export function drawn(text: string, screen: Screen | undefined): string {
  const lines = text.replace(/\n$/, '').split('\n');
  const shown = screen ? fitting(lines, screen) : lines.length;
  const rest = lines.length - shown;
  const more = rest > 0 ? [`… and ${rest} more lines; make the window larger, or ask for less`] : [];
  const drawing = [...lines.slice(0, shown), ...more].map(line => `${line}\u001b[K\n`).join('');
  return `\u001b[H${drawing}\u001b[J`;
}

/** How many of the lines have room, with one row for the cursor and, if they have not all, one for their count. */
function fitting(lines: readonly string[], { rows, columns }: Screen): number {
  const heights = lines.map(line => heightOf(line, columns));
  const upTo = (room: number) => {
    let used = 0;
    const over = heights.findIndex(height => {
      used += height;
      return used > room;
    });
    return over < 0 ? lines.length : over;
  };
  return upTo(rows - 1) === lines.length ? lines.length : upTo(rows - 2);
}

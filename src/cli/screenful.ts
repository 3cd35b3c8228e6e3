import { stripVTControlCharacters } from 'node:util';
import { shortened } from '../base/one-line.ts';
import type { Screen } from './host.ts';

/** A part of a text that is to fit a screen. Texts end with a line end. */
export interface Section {
  /** Always shown. */
  readonly head?: string;
  /** What matters most comes first; the rest is counted where there is no room. */
  readonly entries: readonly string[];
  /** The line that counts them. @param hidden how many are not shown; it is asked for 0 too */
  readonly more: (hidden: number) => string;
}

/** Rows of a terminal that a text takes. */
export function heightOf(text: string, columns: number): number {
  const lines = stripVTControlCharacters(text).replace(/\n$/, '').split('\n');
  return lines.reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / columns)), 0);
}

/**
 * Sections with a blank line between, as much of each as all have room for: where there is not enough, those that need
 * little have it, and the others share what is left. Without a screen all of it.
 */
export function screenful(sections: readonly Section[], screen: Screen | undefined): string {
  const shown = sections.filter(({ head = '', entries }) => head !== '' || entries.length > 0);
  const rooms = screen === undefined ? [] : roomsOf(shown, screen);
  return shown.map((section, index) => textOf(section, rooms[index], screen?.columns)).join('\n');
}

/** Rows for the entries of each, with the line that counts the rest. */
function roomsOf(sections: readonly Section[], { rows, columns }: Screen): readonly number[] {
  const height = (text: string) => (text === '' ? 0 : heightOf(text, columns));
  const needs = sections.map(
    ({ entries, more }) => entries.reduce((sum, each) => sum + height(each), 0) + height(more(0)),
  );
  const heads = sections.reduce((sum, { head = '' }) => sum + height(head), 0);
  // One row is that of the cursor.
  let left = rows - 1 - heads - (sections.length - 1);
  const rooms = needs.map(() => 0);
  const order = needs.map((_, index) => index).sort((a, b) => (needs[a] ?? 0) - (needs[b] ?? 0));
  for (const [done, index] of order.entries()) {
    const share = Math.floor(left / (order.length - done));
    rooms[index] = Math.max(0, Math.min(needs[index] ?? 0, share));
    left -= rooms[index];
  }
  return rooms;
}

function textOf({ head = '', entries, more }: Section, room: number | undefined, columns = 1): string {
  if (room === undefined) return head + entries.join('') + more(0);
  const height = (text: string) => (text === '' ? 0 : heightOf(text, columns));
  let used = entries.reduce((sum, each) => sum + height(each), 0);
  let shown = entries.length;
  while (shown > 0 && used + height(more(entries.length - shown)) > room) {
    shown -= 1;
    used -= height(entries[shown] ?? '');
  }
  const [first] = entries;
  if (shown > 0 || first === undefined) return head + entries.slice(0, shown).join('') + more(entries.length - shown);
  const rest = more(entries.length - 1);
  return head + beginning(first, { room: room - height(rest), columns }) + rest;
}

/** As much of an entry as there is room for, which is all that is shown of its section. */
function beginning(entry: string, { room, columns }: { readonly room: number; readonly columns: number }): string {
  if (room <= 0) return '';
  const lines = entry.replace(/\n$/, '').split('\n');
  let shown = 0;
  let used = 0;
  for (; shown < lines.length; shown++) {
    used += heightOf(lines[shown] ?? '', columns);
    if (used > room) break;
  }
  if (shown > 0) return `${lines.slice(0, shown).join('\n')}\n`;
  return `${shortened(stripVTControlCharacters(lines[0] ?? ''), room * columns)}\n`;
}

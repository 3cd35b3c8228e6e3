import { styleText } from 'node:util';
import { Document, Scalar, visit } from 'yaml';
import { escaped, isHostile, oneLine } from '../base/one-line.ts';
import type { CliHost } from './host.ts';

export const outputFormats = ['table', 'wide', 'json', 'yaml', 'name'] as const;
/** What `validate` can print besides. */
export const checkFormats = ['github', 'sarif'] as const;
export type OutputFormat = (typeof outputFormats | typeof checkFormats)[number];

/** How an answer is shown to people, and what it is about, for scripts. */
export interface Views {
  readonly table: () => string;
  /** The table with more columns. Absent: there are no more. */
  readonly wide?: () => string;
  /** One name a line, as other commands take them. */
  readonly name: () => readonly string[];
  /** Where the command offers them. */
  readonly github?: () => string;
  readonly sarif?: () => string;
}

/** A command ended otherwise than well. `exitCode`: 1 failed, 2 differences, warnings or not (yet) complete. */
export class CliFailure extends Error {
  readonly exitCode: 1 | 2;
  constructor(message: string, exitCode: 1 | 2 = 1, options?: ErrorOptions) {
    super(message, options);
    this.name = 'CliFailure';
    this.exitCode = exitCode;
  }
}

/** The value in the format asked for; its views are made by the caller, who knows what matters. */
export function render(value: unknown, format: OutputFormat, views: Views): string {
  if (format === 'json' || format === 'yaml') return renderValue(value, format);
  if (format === 'name')
    return views
      .name()
      .map(each => `${oneLine(each)}\n`)
      .join('');
  return (format === 'table' ? undefined : views[format]?.()) ?? views.table();
}

/** The value for programs. */
export function renderValue(value: unknown, format: 'json' | 'yaml'): string {
  return escaped(format === 'json' ? `${JSON.stringify(value, undefined, 2)}\n` : yaml(value));
}

/** What a terminal would obey can be escaped in double quotes only. */
function yaml(value: unknown): string {
  const document = new Document(value, { aliasDuplicateObjects: false });
  visit(document, {
    Scalar: (_, node) => {
      if (typeof node.value === 'string' && isHostile(node.value)) node.type = Scalar.QUOTE_DOUBLE;
    },
  });
  return document.toString({ lineWidth: 0 });
}

/** An answer with all its texts on one line and harmless to a terminal: proxies say of themselves what they like. */
export function printable<T>(answer: T): T {
  const clean = (_: string, value: unknown) => (typeof value === 'string' ? oneLine(value) : value);
  return JSON.parse(JSON.stringify(answer), clean) as T;
}

export type Style = 'red' | 'green' | 'yellow' | 'dim' | 'bold';
export type Paint = (style: Style, text: string) => string;

/** Colours a text where a person looks at it and wants colours. */
export function painter({ colours }: Pick<CliHost, 'colours'>): Paint {
  return (style, text) => (colours && text !== '' ? styleText(style, text, { validateStream: false }) : text);
}

/** Columns padded to their widest cell; `paintCell` colours a cell after it has its width. */
export function renderTable(
  header: readonly string[],
  rows: readonly (readonly string[])[],
  paintCell: (cell: string, padded: string) => string = (_, padded) => padded,
): string {
  const all = [header, ...rows];
  const widths = header.map((_, column) => Math.max(...all.map(row => row[column]?.length ?? 0)));
  const line = (row: readonly string[]) => {
    const last = row.findLastIndex(cell => cell !== '');
    return row
      .slice(0, last + 1)
      .map((cell, column) => paintCell(cell, column === last ? cell : cell.padEnd(widths[column] ?? 0)))
      .join('  ');
  };
  return `${all.map(line).join('\n')}\n`;
}

/** `3 fleets`, `1 fleet`. */
export function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? '' : 's'}`;
}

/** `12s ago`, `3m ago`, `5h ago`, `9d ago` for an ISO instant. */
export function ago(instant: string, now: number): string {
  const seconds = Math.max(0, Math.round((now - Date.parse(instant)) / 1000));
  if (seconds < 120) return `${seconds}s ago`;
  if (seconds < 7200) return `${Math.floor(seconds / 60)}m ago`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)}h ago`;
  return `${Math.floor(seconds / 86_400)}d ago`;
}

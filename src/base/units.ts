/** Numbers that carry their unit in their type. Text becomes a unit once, at the edge (`policy/`). */

declare const unit: unique symbol;
type Unit<Name extends string> = number & { readonly [unit]: Name };

/** Milliseconds. */
export type Millis = Unit<'ms'>;
/** 0 to 100; more only where it is a share of an average. */
export type Percent = Unit<'percent'>;
/** A TCP or UDP port, 1 to 65535. */
export type Port = Unit<'port'>;

/** The longest that a timer of Node runs; one that is set to more runs out at once. */
export const longestTimer = (2 ** 31 - 1) as Millis;

export const millis = (value: number): Millis => value as Millis;
export const percent = (value: number): Percent => value as Percent;
export const port = (value: number): Port => value as Port;

const durationUnits: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const longestDuration = 365 * 86_400_000;

/**
 * Reads `250ms`, `1.5s`, `2m`, `1h`, `1h30m`, `7d`; `0` and `0s` are zero.
 * @returns undefined when the text is not a duration, is finer than a millisecond, or is longer than a year, or `longest`.
 */
export function parseDuration(text: string, longest = longestDuration): Millis | undefined {
  if (text === '0') return millis(0);
  if (!/^(\d{1,12}(\.\d{1,6})?(ms|s|m|h|d))+$/.test(text)) return undefined;
  let total = 0;
  for (const [, amount, name] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)) {
    total += Number(amount) * (durationUnits[name ?? ''] ?? Number.NaN);
  }
  const rounded = Math.round(total);
  if (Math.abs(rounded - total) > 1e-6 || rounded > longest) return undefined;
  return millis(rounded);
}

/** The shortest exact form: `250ms`, `1.5s`, `2m`. The inverse of {@link parseDuration}. */
export function formatDuration(value: Millis): string {
  if (value === 0) return '0s';
  if (value % 3_600_000 === 0) return `${value / 3_600_000}h`;
  if (value % 60_000 === 0) return `${value / 60_000}m`;
  if (value % 100 === 0 && value >= 1000) return `${value / 1000}s`;
  return `${value}ms`;
}

/** Reads `5%` or `0.5%`. @returns undefined when the text is no percentage from 0% to 999.9999%. */
export function parsePercent(text: string): Percent | undefined {
  const match = /^(\d{1,3}(?:\.\d{1,4})?)%$/.exec(text);
  return match ? percent(Number(match[1])) : undefined;
}

import type { Percent as PercentMessage } from '../../proto/gen/envoy.type.v3.ts';
import type { Millis, Percent } from '../base/units.ts';

/** `google.protobuf.Duration` in JSON form, to the millisecond: `1s`, `0.250s`. */
export function duration(value: Millis): string {
  return value % 1000 === 0 ? `${value / 1000}s` : `${(value / 1000).toFixed(3)}s`;
}

/** `envoy.type.v3.Percent`. */
export function percentMessage(value: Percent): PercentMessage {
  return { value };
}

/** A percentage for a field that takes whole numbers only. A share above 0 never becomes 0, which would turn it off. */
export function wholePercent(value: Percent): number {
  return value > 0 ? Math.max(1, Math.round(value)) : 0;
}

/** A listener's name as the prefix of its statistics, in which a dot or a colon would end the name. */
export function statPrefix(name: string): string {
  return name.replaceAll(/[^A-Za-z0-9/_-]/g, '_');
}

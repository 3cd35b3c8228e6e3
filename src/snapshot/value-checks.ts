import { Buffer } from 'node:buffer';
import { valuesOf } from '../../proto/descriptors.ts';
import type {
  BytesRules,
  DurationRules,
  EnumRules,
  NumberRules,
  RangeRules,
  StringRules,
  ValueRules,
} from '../../proto/rules.ts';

/** What is wrong with a value, as in `must be at least 1`; undefined when nothing is. Never names the value itself. */
export type ValueCheck = (value: unknown) => string | undefined;

type ScalarRules = Exclude<ValueRules, { readonly kind: 'repeated' | 'map' }>;

/**
 * The check of one scalar, wrapper or duration in its JSON form. `type` is the field's type, for names of enum values.
 * Throws for a rule that the Envoy API did not have when this was written: a rule must not be skipped unseen.
 */
export function valueCheck(rules: ScalarRules, type: string): ValueCheck {
  switch (rules.kind) {
    case 'string':
      return stringCheck(rules);
    case 'number':
      return numberCheck(rules);
    case 'duration':
      return durationCheck(rules);
    case 'enum':
      return enumCheck(rules, type);
    case 'bytes':
      return bytesCheck(rules);
    case 'bool':
      return value => (rules.const === undefined || value === rules.const ? undefined : `must be ${rules.const}`);
    case 'any':
    case 'timestamp':
      throw new Error(`rules of kind "${rules.kind}" are not implemented`);
  }
}

/** Throws for a rule that `known` does not list. */
export function onlyKnown(rules: ValueRules, known: readonly string[]): void {
  const other = Object.keys(rules).find(key => key !== 'kind' && !known.includes(key));
  if (other !== undefined) throw new Error(`the rule "${other}" of kind "${rules.kind}" is not implemented`);
}

const wellKnown = {
  HTTP_HEADER_NAME: { strict: /^:?[0-9A-Za-z!#$%&'*+-.^_|~`]+$/, loose: /^[^\0\n\r]*$/ },
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what a header's value may not hold
  HTTP_HEADER_VALUE: { strict: /^[^\0-\x08\n-\x1f\x7f]*$/, loose: /^[^\0\n\r]*$/ },
} as const;

function stringCheck(rules: StringRules): ValueCheck {
  onlyKnown(rules, [
    ...['min_len', 'max_len', 'max_bytes', 'pattern', 'prefix', 'suffix', 'in'],
    ...['well_known_regex', 'strict', 'ignore_empty'],
  ]);
  const { min_len: min, max_len: max, max_bytes: maxBytes, prefix = '', suffix = '', in: among } = rules;
  // The API's own patterns, all linear; no text of a user is ever compiled here (P25).
  const pattern = rules.pattern === undefined ? undefined : new RegExp(rules.pattern, 'u');
  const header =
    rules.well_known_regex && wellKnown[rules.well_known_regex][rules.strict === false ? 'loose' : 'strict'];
  return value => {
    const text = String(value);
    if (rules.ignore_empty && text === '') return undefined;
    if (min !== undefined && isShorter(text, min))
      return min === 1 ? 'must not be empty' : `must have ${min} characters or more`;
    if (max !== undefined && isLonger(text, max)) return `must have ${max} characters or fewer`;
    // A unit of UTF-16 takes three bytes at most.
    if (maxBytes !== undefined && text.length * 3 > maxBytes && Buffer.byteLength(text) > maxBytes)
      return `must have ${maxBytes} bytes or fewer`;
    if (pattern && !pattern.test(text)) return `must match ${rules.pattern}`;
    if (!text.startsWith(prefix)) return `must begin with "${prefix}"`;
    if (!text.endsWith(suffix)) return `must end with "${suffix}"`;
    if (among && !among.includes(text)) return `must be one of ${among.join(', ')}`;
    return header && !header.test(text) ? 'holds a character that such a text may not hold' : undefined;
  };
}

/** A code point takes one or two units, so that most texts need no counting. */
const isShorter = (text: string, min: number) => text.length < min || (text.length < 2 * min && codePoints(text) < min);
const isLonger = (text: string, max: number) => text.length > max && codePoints(text) > max;

function codePoints(text: string): number {
  let count = 0;
  for (const _ of text) count++;
  return count;
}

function numberCheck(rules: NumberRules): ValueCheck {
  onlyKnown(rules, ['type', 'const', 'lt', 'lte', 'gt', 'gte', 'in', 'not_in', 'ignore_empty']);
  const range = rangeCheck(rules, String);
  return value => {
    const number = typeof value === 'number' ? value : Number(value);
    return rules.ignore_empty && number === 0 ? undefined : range(number);
  };
}

function durationCheck(rules: DurationRules): ValueCheck {
  onlyKnown(rules, ['lt', 'lte', 'gt', 'gte']);
  const bounds = (['lt', 'lte', 'gt', 'gte'] as const).flatMap(key => {
    const text = rules[key];
    return text === undefined ? [] : [[key, seconds(text)] as const];
  });
  const range = rangeCheck(Object.fromEntries(bounds), value => `${value}s`);
  return value => range(seconds(String(value)));
}

/** `0.250s` → 0.25. Exact to the nanosecond up to some days, and to the millisecond up to any bound of the API. */
function seconds(text: string): number {
  return Number(text.slice(0, -1));
}

function rangeCheck(rules: RangeRules<number>, show: (value: number) => string): (value: number) => string | undefined {
  const { gt, gte, lt, lte } = rules;
  const low = gt ?? gte ?? Number.NEGATIVE_INFINITY;
  const high = lt ?? lte ?? Number.POSITIVE_INFINITY;
  const tooLow = `must be ${gt === undefined ? 'at least' : 'more than'} ${show(low)}`;
  const tooHigh = `must be ${lt === undefined ? 'at most' : 'less than'} ${show(high)}`;
  const above = (value: number) => value > low || (value === low && gt === undefined);
  const below = (value: number) => value < high || (value === high && lt === undefined);
  const outside = low > high;
  const plain = rules.const === undefined && !rules.in && !rules.not_in && !outside;
  return value => {
    if (plain && value > low && value < high) return undefined;
    if (rules.const !== undefined && value !== rules.const) return `must be ${show(rules.const)}`;
    if (rules.in && !rules.in.includes(value)) return `must be one of ${rules.in.map(show).join(', ')}`;
    if (rules.not_in?.includes(value)) return `must not be ${show(value)}`;
    if (outside) return above(value) || below(value) ? undefined : `${tooHigh} or ${tooLow}`;
    if (!above(value)) return tooLow;
    return below(value) ? undefined : tooHigh;
  };
}

function enumCheck(rules: EnumRules, type: string): ValueCheck {
  onlyKnown(rules, ['const', 'defined_only', 'in', 'not_in']);
  const numbers = valuesOf(type) ?? {};
  const known = new Set(Object.values(numbers));
  return value => {
    const number = typeof value === 'string' ? numbers[value] : Number(value);
    if (number === undefined || (rules.defined_only && !known.has(number))) return 'must be one of the known values';
    if (rules.const !== undefined && number !== rules.const) return 'must be the one value that is allowed';
    if (rules.in && !rules.in.includes(number)) return 'must be one of the values that are allowed';
    return rules.not_in?.includes(number) ? 'must not be this value' : undefined;
  };
}

function bytesCheck(rules: BytesRules): ValueCheck {
  onlyKnown(rules, ['min_len', 'max_len']);
  const { min_len: min = 0, max_len: max = Number.POSITIVE_INFINITY } = rules;
  return value => {
    const length = typeof value === 'string' ? Buffer.byteLength(value, 'base64') : (value as Uint8Array).length;
    if (length < min) return `must have ${min} bytes or more`;
    return length > max ? `must have ${max} bytes or fewer` : undefined;
  };
}

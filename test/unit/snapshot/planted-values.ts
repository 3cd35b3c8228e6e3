import { fieldsOf, type ScalarType, valuesOf } from '../../../proto/descriptors.ts';
import type { RangeRules, StringRules, ValueRules } from '../../../proto/rules.ts';

/** Values at the very edge of a rule: the last ones that it takes, and the first ones that it does not. */
export interface Edges {
  readonly good: readonly unknown[];
  readonly bad: readonly unknown[];
}

const none: Edges = { good: [], bad: [] };

/** The edges of one value by its rules, made without a look at how the product checks them. */
export function edgesOf(rules: ValueRules, type: string): Edges {
  switch (rules.kind) {
    case 'string':
      return textEdges(rules);
    case 'number':
      return rangeEdges(rules, stepOf(rules.type), value => value);
    case 'duration':
      // To the nanosecond, but for bounds of weeks to the millisecond, which is as fine as a policy is.
      return rangeEdges(inNanos(rules), 1n, seconds);
    case 'enum':
      return enumEdges(rules, type);
    case 'bool':
      return { good: [rules.const], bad: [!rules.const] };
    case 'bytes':
      return lengthEdges(rules.min_len, rules.max_len, count => Buffer.alloc(count, 1).toString('base64'));
    case 'repeated':
      return listEdges(rules, type);
    case 'map':
      return mapEdges(rules, type);
    default:
      return none;
  }
}

function textEdges(rules: StringRules): Edges {
  const { min_len: min, max_len: max, max_bytes: maxBytes, well_known_regex: header } = rules;
  // Names and values of headers may hold none of these in either form.
  const unheard = header ? ['a\nb', 'a\0b', 'a\rb'] : [];
  const strict = header === 'HTTP_HEADER_NAME' && rules.strict !== false ? ['a b', 'a:b', 'ä'] : [];
  const controls = header === 'HTTP_HEADER_VALUE' && rules.strict !== false ? ['a\x01b', '\x7f'] : [];
  const start = rules.prefix ?? '';
  const end = rules.suffix ?? '';
  const fill = (count: number) => start + 'x'.repeat(Math.max(0, count - start.length - end.length)) + end;
  const lengths = lengthEdges(min, max, fill);
  const bytes = lengthEdges(undefined, maxBytes, fill);
  // An umlaut is one character, and two bytes.
  const wide = maxBytes === undefined || maxBytes % 2 === 0 ? [] : ['ä'.repeat((maxBytes + 1) / 2)];
  const given = rules.in ? { good: rules.in, bad: [`${rules.in[0]}x`] } : none;
  const known = rules.pattern === undefined ? none : patternEdges[rules.pattern];
  if (!known) throw new Error(`no text is planted for the pattern ${rules.pattern}`);
  const ends = [...(start ? [`x${end}`] : []), ...(end ? [`${start}x`] : [])];
  const plain = rules.in || rules.pattern !== undefined ? [] : [fill(Math.max(1, min ?? 1))];
  const bad = [...lengths.bad, ...bytes.bad, ...wide, ...unheard, ...strict, ...controls, ...given.bad, ...known.bad];
  return {
    good: [
      ...(given.good.length + known.good.length > 0 ? [] : [...lengths.good, ...bytes.good]),
      ...given.good,
      ...known.good,
      ...plain,
    ],
    bad: [...bad, ...ends].filter(value => !(rules.ignore_empty && value === '')),
  };
}

/** The API's patterns, each with texts for both sides. One that is new fails the test until it stands here. */
const patternEdges: Readonly<Record<string, Edges>> = {
  '^[^?#]+[^?#/]$': { good: ['ab', '/ab', '/a/b'], bad: ['', 'a', '/', 'ab/', 'a?b', 'a#b', 'ab\n/'] },
  '^$|^.*\\.mmdb$': { good: ['', '.mmdb', 'a.mmdb'], bad: ['a', 'a.mmdbx', 'ammdb', 'a.mmdb\n'] },
  '^[0-9a-zA-Z_\\-\\.~:]+$': { good: ['a-b.c~d:e_0'], bad: ['', 'a/b', 'a b', 'ä', 'a\n'] },
  '^[0-9a-zA-Z_\\-\\./~:]+$': { good: ['a-b.c~d:e_0/f'], bad: ['', 'a b', 'ä', 'a\n'] },
};

function lengthEdges(min: number | undefined, max: number | undefined, make: (count: number) => unknown): Edges {
  const good = [...(min === undefined ? [] : [make(min)]), ...(max === undefined ? [] : [make(max)])];
  const bad = [
    ...(min === undefined || min === 0 ? [] : [make(min - 1)]),
    ...(max === undefined ? [] : [make(max + 1)]),
  ];
  return { good, bad };
}

/** Whole numbers count by 1; those with a fraction by the least that a 32-bit one tells apart near such small bounds. */
const stepOf = (type: string): number => (type === 'double' || type === 'float' ? 1 / 1024 : 1);

function rangeEdges<T extends bigint | number>(rules: RangeRules<T>, step: T, show: (value: T) => unknown): Edges {
  const { gt, gte, lt, lte } = rules;
  // Numbers are exact to some 15 digits.
  const by = (value: T) => (typeof value === 'bigint' && value > 10n ** 15n ? 10n ** 6n : step);
  const add = (value: T) => (value as number) + (by(value) as number);
  const less = (value: T) => (value as number) - (by(value) as number);
  const good = [
    ...(gt === undefined ? [] : [add(gt)]),
    ...(gte === undefined ? [] : [gte]),
    ...(lt === undefined ? [] : [less(lt)]),
    ...(lte === undefined ? [] : [lte]),
    ...(rules.in ?? []),
  ];
  const bad = [
    ...(gt === undefined ? [] : [gt]),
    ...(gte === undefined ? [] : [less(gte)]),
    ...(lt === undefined ? [] : [lt]),
    ...(lte === undefined ? [] : [add(lte)]),
    ...(rules.not_in ?? []),
  ];
  const isBound = (value: unknown) => [gte, lte].some(each => each === value);
  return {
    good: good.map(each => show(each as T)),
    bad: bad.filter(each => !isBound(each)).map(each => show(each as T)),
  };
}

function inNanos(rules: RangeRules<string>): RangeRules<bigint> {
  const entries = Object.entries(rules).filter(([name]) => name !== 'kind');
  return Object.fromEntries(entries.map(([name, text]) => [name, nanos(text)]));
}

function nanos(text: string): bigint {
  const [whole = '0', fraction = ''] = text.slice(0, -1).split('.');
  return BigInt(whole) * 1_000_000_000n + BigInt(fraction.padEnd(9, '0'));
}

function seconds(value: bigint): string {
  const size = value < 0n ? -value : value;
  const fraction = String(size % 1_000_000_000n).padStart(9, '0');
  return `${value < 0n ? '-' : ''}${size / 1_000_000_000n}.${fraction}s`;
}

function enumEdges(rules: Extract<ValueRules, { readonly kind: 'enum' }>, type: string): Edges {
  const numbers = Object.entries(valuesOf(type) ?? {});
  const allowed = numbers.filter(
    ([, number]) => !rules.not_in?.includes(number) && (rules.in?.includes(number) ?? true),
  );
  const shut = numbers.filter(([, number]) => rules.not_in?.includes(number) || rules.in?.includes(number) === false);
  return {
    good: allowed.flat(),
    bad: [...shut.flat(), ...(rules.defined_only ? [Math.max(...numbers.map(([, number]) => number)) + 1] : [])],
  };
}

function listEdges(rules: Extract<ValueRules, { readonly kind: 'repeated' }>, type: string): Edges {
  const item = rules.items?.value ? edgesOf(rules.items.value, type) : none;
  const fill = item.good[0] ?? plainValue(type);
  const counts = lengthEdges(rules.min_items, rules.max_items, count => distinct(count, fill, item.good, rules.unique));
  const filler = Array.from({ length: Math.max(0, (rules.min_items ?? 1) - 1) }, () => fill);
  return {
    good: [...counts.good, ...item.good.map(each => [...filler, each])],
    bad: [
      ...counts.bad.filter(each => !(rules.ignore_empty && (each as readonly unknown[]).length === 0)),
      ...item.bad.map(each => [...filler, each]),
      ...(rules.unique ? [[fill, fill]] : []),
    ],
  };
}

function distinct(
  count: number,
  fill: unknown,
  others: readonly unknown[],
  unique: boolean | undefined,
): readonly unknown[] {
  return Array.from({ length: count }, (_, at) => (unique ? (others[at] ?? `${String(fill)}${at}`) : fill));
}

function mapEdges(rules: Extract<ValueRules, { readonly kind: 'map' }>, type: string): Edges {
  const key = rules.keys?.value ? edgesOf(rules.keys.value, 'string') : none;
  const entry = rules.values?.value ? edgesOf(rules.values.value, type) : none;
  const fill = entry.good[0] ?? plainValue(type);
  const pairs = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, at) => [`key${at}`, fill]));
  const counts = lengthEdges(rules.min_pairs, rules.max_pairs, pairs);
  return {
    good: [...counts.good, ...entry.good.map(each => ({ key: each }))],
    bad: [...counts.bad, ...key.bad.map(each => ({ [String(each)]: fill })), ...entry.bad.map(each => ({ key: each }))],
  };
}

/** A value without rules of its own; a message is empty, and its own rules are not looked at here. */
function plainValue(type: string): unknown {
  if (fieldsOf(type)) return {};
  if (valuesOf(type)) return 0;
  const scalar = type as ScalarType;
  return scalar === 'string' ? 'x' : scalar === 'bytes' ? 'AQ==' : scalar === 'bool' ? true : 1;
}

import type { FieldRules, MessageRules, RuleTable, ValueRules } from '../rules.ts';
import type { ApiModel, FieldModel, MessageModel } from './model.ts';

type Raw = Readonly<Record<string, unknown>>;

const NUMBERS = new Set(
  'double float int32 int64 uint32 uint64 sint32 sint64 fixed32 fixed64 sfixed32 sfixed64'.split(' '),
);
const PLAIN = new Set(['any', 'bool', 'bytes', 'enum', 'string']);
const LISTS = new Set(['in', 'not_in']);

/** The rules of every message that has some, in the one shape that `rules.ts` describes. */
export function ruleTable(model: ApiModel): RuleTable {
  const table: Record<string, MessageRules> = {};
  for (const message of model.messages) {
    const rules = messageRules(message);
    if (rules) table[message.name] = rules;
  }
  return table;
}

function messageRules(message: MessageModel): MessageRules | undefined {
  const fields: Record<string, FieldRules> = {};
  for (const field of message.fields) {
    if (field.validation === undefined) continue;
    const rules = normalise(field.validation, `${message.name}.${field.name}`);
    if (Object.keys(rules).length > 0) fields[field.name] = rules;
  }
  const members = (oneof: string) => message.fields.filter(field => field.oneof === oneof).map(memberName);
  const oneofs = Object.fromEntries(message.requiredOneofs.map(oneof => [oneof, members(oneof)]));
  const hasFields = Object.keys(fields).length > 0;
  const hasOneofs = message.requiredOneofs.length > 0;
  if (!hasFields && !hasOneofs) return undefined;
  return { ...(hasFields && { fields }), ...(hasOneofs && { oneofs }) };
}

function memberName(field: FieldModel): string {
  return field.name;
}

function normalise(raw: unknown, path: string): FieldRules {
  let required = false;
  let skip = false;
  let value: ValueRules | undefined;
  for (const [kind, body] of Object.entries(record(raw, path))) {
    const rules = record(body, path);
    required ||= rules.required === true;
    skip ||= rules.skip === true;
    if (kind === 'message') continue;
    const { required: _, ...rest } = rules;
    if (Object.keys(rest).length > 0) value = valueRules(kind, rest, path);
  }
  return { ...(required && { required }), ...(skip && { skip }), ...(value && { value }) };
}

function valueRules(kind: string, raw: Raw, path: string): ValueRules {
  if (NUMBERS.has(kind)) return tagged({ kind: 'number', type: kind }, raw, same);
  if (PLAIN.has(kind)) return tagged({ kind }, raw, same);
  if (kind === 'duration') return tagged({ kind }, raw, bound => (isRecord(bound) ? seconds(bound) : bound));
  if (kind === 'timestamp') return tagged({ kind }, raw, bound => (isRecord(bound) ? instant(bound) : bound));
  if (kind === 'repeated' || kind === 'map') {
    return tagged({ kind }, raw, inner => (isRecord(inner) ? normalise(inner, path) : inner));
  }
  throw new Error(`${path} has rules of the unknown kind ${kind}`);
}

/** Joins tag and rules, with a single `in` or `not_in` as a list of one. The parser has checked no names, so none are lost. */
function tagged(tag: Raw, raw: Raw, convert: (value: unknown) => unknown): ValueRules {
  const entries = Object.entries(raw).map(([name, value]) => {
    const list = LISTS.has(name) ? [value].flat() : undefined;
    return [name, list ? list.map(convert) : convert(value)] as const;
  });
  return { ...tag, ...Object.fromEntries(entries) } as unknown as ValueRules;
}

function same(value: unknown): unknown {
  return value;
}

/** `{ nanos: 1000000 }` as `"0.001s"`. */
function seconds(duration: Raw): string {
  const whole = Number(duration.seconds ?? 0);
  const fraction = String(Number(duration.nanos ?? 0))
    .padStart(9, '0')
    .replace(/0+$/, '');
  return fraction === '' ? `${whole}s` : `${whole}.${fraction}s`;
}

function instant(timestamp: Raw): string {
  return new Date(Number(timestamp.seconds ?? 0) * 1000).toISOString();
}

function record(value: unknown, path: string): Raw {
  if (isRecord(value)) return value;
  throw new Error(`${path} has rules that are not a message`);
}

function isRecord(value: unknown): value is Raw {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

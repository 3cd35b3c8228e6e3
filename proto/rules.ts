import { readTable } from './tables.ts';

/** Types whose rules compare numbers. 64-bit bounds fit a JavaScript number in every rule of the API. */
export type NumberRuleType =
  | 'double'
  | 'float'
  | 'int32'
  | 'int64'
  | 'uint32'
  | 'uint64'
  | 'sint32'
  | 'sint64'
  | 'fixed32'
  | 'fixed64'
  | 'sfixed32'
  | 'sfixed64';

/** Bounds of an ordered value. When the lower bound lies above the upper one, the range between them is what is refused. */
export interface RangeRules<T> {
  readonly const?: T;
  readonly lt?: T;
  readonly lte?: T;
  readonly gt?: T;
  readonly gte?: T;
  readonly in?: readonly T[];
  readonly not_in?: readonly T[];
}

export interface StringRules {
  readonly kind: 'string';
  readonly const?: string;
  /** Lengths in Unicode code points. */
  readonly len?: number;
  readonly min_len?: number;
  readonly max_len?: number;
  /** Lengths in UTF-8 bytes. */
  readonly len_bytes?: number;
  readonly min_bytes?: number;
  readonly max_bytes?: number;
  /** RE2 syntax. */
  readonly pattern?: string;
  readonly prefix?: string;
  readonly suffix?: string;
  readonly contains?: string;
  readonly not_contains?: string;
  readonly in?: readonly string[];
  readonly not_in?: readonly string[];
  readonly email?: boolean;
  readonly hostname?: boolean;
  readonly ip?: boolean;
  readonly ipv4?: boolean;
  readonly ipv6?: boolean;
  readonly uri?: boolean;
  readonly uri_ref?: boolean;
  readonly address?: boolean;
  readonly uuid?: boolean;
  readonly well_known_regex?: 'HTTP_HEADER_NAME' | 'HTTP_HEADER_VALUE';
  /** Whether `well_known_regex` takes the strict form; strict if absent. */
  readonly strict?: boolean;
  readonly ignore_empty?: boolean;
}

export interface BytesRules {
  readonly kind: 'bytes';
  readonly len?: number;
  readonly min_len?: number;
  readonly max_len?: number;
  readonly ignore_empty?: boolean;
}

export interface NumberRules extends RangeRules<number> {
  readonly kind: 'number';
  readonly type: NumberRuleType;
  readonly ignore_empty?: boolean;
}

/** Bounds in JSON form, such as `"0.001s"`. */
export interface DurationRules extends RangeRules<string> {
  readonly kind: 'duration';
}

export interface TimestampRules extends RangeRules<string> {
  readonly kind: 'timestamp';
  readonly lt_now?: boolean;
  readonly gt_now?: boolean;
  readonly within?: string;
}

export interface BoolRules {
  readonly kind: 'bool';
  readonly const?: boolean;
}

/** Values by number, as the wire has them. */
export interface EnumRules {
  readonly kind: 'enum';
  readonly const?: number;
  readonly defined_only?: boolean;
  readonly in?: readonly number[];
  readonly not_in?: readonly number[];
}

export interface RepeatedRules {
  readonly kind: 'repeated';
  readonly min_items?: number;
  readonly max_items?: number;
  readonly unique?: boolean;
  readonly items?: FieldRules;
  readonly ignore_empty?: boolean;
}

export interface MapRules {
  readonly kind: 'map';
  readonly min_pairs?: number;
  readonly max_pairs?: number;
  readonly no_sparse?: boolean;
  readonly keys?: FieldRules;
  readonly values?: FieldRules;
  readonly ignore_empty?: boolean;
}

/** Type URLs that an `Any` may or may not hold. */
export interface AnyRules {
  readonly kind: 'any';
  readonly in?: readonly string[];
  readonly not_in?: readonly string[];
}

export type ValueRules =
  | AnyRules
  | BoolRules
  | BytesRules
  | DurationRules
  | EnumRules
  | MapRules
  | NumberRules
  | RepeatedRules
  | StringRules
  | TimestampRules;

/** What Envoy demands of a field (or of each item, key or value). */
export interface FieldRules {
  /** The message must be set. */
  readonly required?: boolean;
  /** The message's own rules are not looked at. */
  readonly skip?: boolean;
  /** Applies to the value when there is one; wrappers count as their value. */
  readonly value?: ValueRules;
}

export interface MessageRules {
  /** By field name. */
  readonly fields?: Readonly<Record<string, FieldRules>>;
  /** Members of each oneof of which one must be set, by oneof name. */
  readonly oneofs?: Readonly<Record<string, readonly string[]>>;
}

/** By full message name. Messages without rules of their own are left out; their fields may still hold some that have. */
export type RuleTable = Readonly<Record<string, MessageRules>>;

let table: RuleTable | undefined;

/** The rules that Envoy checks resources against, from the API files. Read once. Throws when the build has not run. */
export function fieldRules(): RuleTable {
  table ??= readTable<RuleTable>('rules.json');
  return table;
}

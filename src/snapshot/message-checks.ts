import { descriptors, type FieldRow, fieldsOf, valuesOf } from '../../proto/descriptors.ts';
import { type FieldRules, fieldRules, type MapRules, type RepeatedRules } from '../../proto/rules.ts';
import { memo1 } from '../base/memo.ts';
import { onlyKnown, valueCheck } from './value-checks.ts';

/** A field that Envoy would reject a message for. */
export interface Violation {
  /** Such as `health_checks[0].timeout`, also through `typed_config`. */
  readonly path: string;
  /** Such as `must be more than 0s`. */
  readonly message: string;
}

type Check = (value: unknown) => readonly Violation[];

/** The one empty list, so that checking good messages makes no garbage. */
const none: readonly Violation[] = [];

interface FieldCheck {
  readonly name: string;
  /** What is wrong when the field is not there. */
  readonly absent: readonly Violation[];
  readonly present: Check | undefined;
}

const any = 'google.protobuf.Any';
const wrappers: ReadonlySet<string> = new Set(
  [
    'BoolValue',
    'BytesValue',
    'DoubleValue',
    'FloatValue',
    'Int32Value',
    'Int64Value',
    'StringValue',
    'UInt32Value',
    'UInt64Value',
  ].map(name => `google.protobuf.${name}`),
);
/** Large messages that the translation hands over unchanged, in a list beside others that it made anew. */
const remembered: ReadonlySet<string> = new Set(['envoy.config.route.v3.VirtualHost']);
const compiled = new Map<string, Check>();
let worthChecking: ReadonlySet<string> | undefined;

/** The check of a message in JSON form by the field rules of the Envoy API, made at first use. */
export function messageCheck(type: string): Check {
  let check = compiled.get(type);
  if (!check) {
    check = type === any ? anyCheck() : fieldsCheck(type);
    if (remembered.has(type)) check = memo1(check as (value: object) => readonly Violation[]) as Check;
    compiled.set(type, check);
  }
  return check;
}

function anyCheck(): Check {
  const byUrl = new Map<string, Check | undefined>();
  const checkOf = (url: string): Check | undefined => {
    const type = url.slice(url.lastIndexOf('/') + 1);
    return checkable().has(type) ? messageCheck(type) : undefined;
  };
  return value => {
    const url = (value as { readonly '@type'?: string })['@type'] ?? '';
    let check = byUrl.get(url);
    if (!check && !byUrl.has(url)) {
      check = checkOf(url);
      // What is not known is not kept, so that made-up names fill nothing.
      if (check) byUrl.set(url, check);
    }
    return check ? check(value) : none;
  };
}

/** Goes through what is there, and through the few fields whose absence is wrong: most fields of a message are neither. */
function fieldsCheck(type: string): Check {
  const rules = Object.hasOwn(fieldRules(), type) ? fieldRules()[type] : undefined;
  const checks = (fieldsOf(type) ?? []).map(row => fieldCheck(row, rules?.fields?.[row[1]] ?? {}));
  const presentChecks = new Map(checks.flatMap(({ name, present }) => (present ? [[name, present] as const] : [])));
  const needed = checks.filter(({ absent }) => absent !== none);
  const oneofs = Object.values(rules?.oneofs ?? {});
  const order = new Map(checks.map(({ name }, index) => [name, index]));
  return value => {
    const message = value as Readonly<Record<string, unknown>>;
    let found = none;
    for (const name in message) {
      const check = presentChecks.get(name);
      if (check === undefined) continue;
      const field = message[name];
      if (field === undefined || field === null) continue;
      const violations = check(field);
      if (violations !== none) found = both(found, inside(name, violations));
    }
    for (const { name, absent } of needed) {
      if (isAbsent(message[name])) found = both(found, inside(name, absent));
    }
    if (found !== none) found = inOrder(found, order);
    for (const members of oneofs) {
      if (members.every(name => isAbsent(message[name])))
        found = both(found, wrong(`needs one of ${members.join(', ')}`));
    }
    return found;
  };
}

const isAbsent = (value: unknown): boolean => value === undefined || value === null;

/** By the numbers of the fields, so that equal messages have equal lists. */
function inOrder(found: readonly Violation[], order: ReadonlyMap<string, number>): readonly Violation[] {
  const place = ({ path }: Violation): number => order.get(/^\w*/.exec(path)?.[0] ?? '') ?? 0;
  return found.toSorted((a, b) => place(a) - place(b));
}

function wrong(message: string): readonly Violation[] {
  return [{ path: '', message }];
}

function both(one: readonly Violation[], other: readonly Violation[]): readonly Violation[] {
  if (other === none) return one;
  return one === none ? other : [...one, ...other];
}

function inside(name: string, violations: readonly Violation[]): readonly Violation[] {
  if (violations === none) return none;
  return violations.map(({ path, message }) => {
    const joint = path === '' || path.startsWith('[') ? '' : '.';
    return { path: name + joint + path, message };
  });
}

function fieldCheck(row: FieldRow, rules: FieldRules): FieldCheck {
  const [, name, type, label = 'one', oneof] = row;
  const present = presentCheck(row, rules);
  const inOneof = typeof oneof === 'string';
  if (rules.required && !inOneof) return { name, absent: wrong('is required'), present };
  // A scalar without presence that is absent is its default, and checked as such; a list or map is empty.
  const implicit = !inOneof && label !== 'optional' && (label !== 'one' || isScalar(type));
  const empty = label === 'map' ? {} : label === 'one' ? defaultOf(type) : [];
  return { name, absent: implicit && present ? present(empty) : none, present };
}

function isScalar(type: string): boolean {
  return !type.includes('.') || valuesOf(type) !== undefined;
}

function defaultOf(type: string): unknown {
  if (type === 'string' || type === 'bytes') return '';
  return type === 'bool' ? false : 0;
}

function presentCheck(row: FieldRow, rules: FieldRules): Check | undefined {
  const [, , type, label = 'one', , keyType = 'string'] = row;
  const { value } = rules;
  if (label === 'map') return mapCheck(keyType, type, value?.kind === 'map' ? value : undefined);
  if (label === 'repeated' || label === 'packed')
    return listCheck(type, value?.kind === 'repeated' ? value : undefined);
  return elementCheck(type, rules);
}

function elementCheck(type: string, { value, skip }: FieldRules): Check | undefined {
  if (value && value.kind !== 'repeated' && value.kind !== 'map') {
    const check = valueCheck(value, type);
    return each => {
      const message = check(each);
      return message === undefined ? none : wrong(message);
    };
  }
  if (skip || isScalar(type) || wrappers.has(type) || !checkable().has(type)) return undefined;
  let nested: Check | undefined;
  return each => {
    nested ??= messageCheck(type);
    return nested(each);
  };
}

function listCheck(type: string, rules: RepeatedRules | undefined): Check | undefined {
  const item = elementCheck(type, rules?.items ?? {});
  if (!item && !rules) return undefined;
  if (rules) onlyKnown(rules, ['min_items', 'max_items', 'unique', 'items', 'ignore_empty']);
  const { min_items: min = 0, max_items: max = Number.POSITIVE_INFINITY } = rules ?? {};
  return value => {
    const list = value as readonly unknown[];
    if (list.length === 0 && rules?.ignore_empty) return none;
    let found = none;
    if (list.length < min) found = both(found, wrong(`must hold ${min} or more`));
    if (list.length > max) found = both(found, wrong(`must hold ${max} or fewer`));
    if (rules?.unique && new Set(list).size !== list.length) found = both(found, wrong('must not hold anything twice'));
    for (let at = 0; item && at < list.length; at++) {
      const violations = item(list[at]);
      if (violations !== none) found = both(found, inside(`[${at}]`, violations));
    }
    return found;
  };
}

function mapCheck(keyType: string, type: string, rules: MapRules | undefined): Check | undefined {
  const key = rules?.keys ? elementCheck(keyType, rules.keys) : undefined;
  const entry = elementCheck(type, rules?.values ?? {});
  if (!key && !entry && !rules) return undefined;
  if (rules) onlyKnown(rules, ['min_pairs', 'max_pairs', 'keys', 'values', 'ignore_empty']);
  const { min_pairs: min = 0, max_pairs: max = Number.POSITIVE_INFINITY } = rules ?? {};
  return value => {
    const entries = Object.entries(value as Readonly<Record<string, unknown>>);
    if (entries.length === 0 && rules?.ignore_empty) return none;
    let found = none;
    if (entries.length < min) found = both(found, wrong(`must hold ${min} or more`));
    if (entries.length > max) found = both(found, wrong(`must hold ${max} or fewer`));
    for (const [name, each] of entries) {
      const violations = both(key?.(name) ?? none, entry?.(each) ?? none);
      if (violations !== none) found = both(found, inside(`[${JSON.stringify(name)}]`, violations));
    }
    return found;
  };
}

/** Types that have rules, or hold a message that may; the rest, such as plain locality names, is not walked at all. */
function checkable(): ReadonlySet<string> {
  worthChecking ??= typesWithRules();
  return worthChecking;
}

function typesWithRules(): ReadonlySet<string> {
  const found = new Set<string>([any, ...Object.keys(fieldRules())]);
  const holders = Object.entries(descriptors().messages);
  for (let before = -1; before !== found.size; ) {
    before = found.size;
    for (const [name, fields] of holders) {
      if (!found.has(name) && fields.some(([, , type]) => found.has(type))) found.add(name);
    }
  }
  return found;
}

import protobuf from 'protobufjs';

type Values = Readonly<Record<string, unknown>>;

/** What stands between the brackets of a field without being an option. */
const NO_OPTIONS = new Set(['default', 'json_name']);

/**
 * The descriptor, with the options that the file gives to `object`, unless there are none. Throws when an option is unknown.
 *
 * @param kind message of `descriptor.proto` that holds them.
 * @param given the options, where they are not those of the object itself.
 */
export function withOptions(
  object: protobuf.ReflectionObject,
  kind: string,
  descriptor: Values,
  given?: Values,
): Values {
  // What the parser puts in `options` has lost messages and repetitions.
  const parsed = given === undefined ? ((object.parsedOptions ?? []) as readonly Values[]) : [given];
  const entries = parsed.flatMap(each => Object.entries(each)).filter(([name]) => !NO_OPTIONS.has(name));
  if (entries.length === 0) return descriptor;
  const type = object.root.lookupType(`google.protobuf.${kind}`);
  const options: Record<string, unknown> = {};
  for (const [written, value] of entries) {
    const { name, inside } = nameOf(written);
    const field = type.fields[name];
    if (!field) throw new Error(`${object.fullName.slice(1)}: ${written} is no option of ${kind}`);
    const whole = inside === undefined ? value : { [inside]: value };
    options[name] = field.repeated ? [...list(options[name]), ...list(fitting(field, whole))] : fitting(field, whole);
  }
  return { ...descriptor, options };
}

/** `(validate.rules)` is an extension, whose full name it has here; `(a.b).c` is one field of its message. */
function nameOf(written: string): { readonly name: string; readonly inside: string | undefined } {
  const [, extension, inside] = /^\((.+)\)(?:\.(\w+))?$/.exec(written) ?? [];
  return { name: extension === undefined ? written : `.${extension}`, inside };
}

/** A list of one may be written as its item. */
function fitting(field: protobuf.Field, value: unknown): unknown {
  const { resolvedType } = field;
  const one = (item: unknown): unknown => (resolvedType instanceof protobuf.Type ? inner(resolvedType, item) : item);
  return field.repeated ? list(value).map(one) : one(value);
}

function inner(type: protobuf.Type, value: unknown): unknown {
  const entries = Object.entries(value as Values).map(([name, item]) => {
    const field = type.fields[name];
    if (!field) throw new Error(`${type.fullName.slice(1)} has no field ${name}`);
    return [name, fitting(field, item)] as const;
  });
  return Object.fromEntries(entries);
}

function list(value: unknown): readonly unknown[] {
  return value === undefined ? [] : Array.isArray(value) ? value : [value];
}

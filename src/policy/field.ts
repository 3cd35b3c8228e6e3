import { z } from 'zod';
import { parseAddress } from '../base/address.ts';
import { type Millis, type Percent, parseDuration, parsePercent, port } from '../base/units.ts';
import { checkRegex } from './check-regex.ts';
import { checkTemplate } from './check-template.ts';

/** What the reference says of a field. Everything that is generated (JSON Schema, reference, forms) reads it from here. */
export interface FieldDoc {
  /** What it does, in one or two sentences. */
  readonly doc: string;
  /** Unit of the value where the type does not show it, e.g. `requests`. */
  readonly unit?: string;
  /** The default in words and the reason for it. */
  readonly why?: string;
  /** A value as a user would write it. */
  readonly example?: unknown;
  /** Variables of the environment may stand in it, in place of a text or of a whole number: it is neither secret nor structure. */
  readonly placeholder?: 'text' | 'number';
  /** Why no request through an Envoy can show this field's effect; absent for fields whose effect is tested end to end. */
  readonly unseen?: string;
}

/** Attaches the documentation to a schema. */
export function field<S extends z.ZodType>(schema: S, { doc, example, ...rest }: FieldDoc): S {
  return schema.meta({ description: doc, ...(example === undefined ? {} : { examples: [example] }), ...rest });
}

export const namePattern = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
export const nameRule = 'must be 1 to 63 of a-z, 0-9 and -, beginning and ending with a letter or digit';

/** How a text is written that stands for something else; the reference and the JSON Schema read it from here. */
export interface Format {
  readonly name: string;
  /** Regular expression, for editors. */
  readonly pattern: string;
}

export const formats = z.registry<Format>();
const durationFormat = { name: 'duration', pattern: '^(0|([0-9]+(\\.[0-9]+)?(ms|s|m|h|d))+)$' };
const percentFormat = { name: 'percentage', pattern: '^[0-9]{1,3}(\\.[0-9]{1,4})?%$' };
const nameFormat = { name: 'name', pattern: namePattern.source };
export const destinationFormat = {
  name: 'destination',
  pattern: `^${namePattern.source.slice(1, -1)}(@${namePattern.source.slice(1, -1)})?$`,
};
const addressFormat = { name: 'address', pattern: '^(unix:/.+|\\[[0-9a-fA-F:.]+\\]:[0-9]+|[^:\\[\\]]+:[0-9]+)$' };

/** `250ms`, `3s`, `1h30m` → milliseconds. */
export const duration = (options: { readonly min?: number; readonly max?: number } = {}) =>
  z
    .string()
    .register(formats, durationFormat)
    .transform((text, context): Millis => {
      const value = parseDuration(text);
      const { min = 0, max = Number.POSITIVE_INFINITY } = options;
      if (value !== undefined && value >= min && value <= max) return value;
      const range = value === undefined ? 'not a duration' : `outside ${min}ms..${max}ms`;
      context.addIssue({
        code: 'custom',
        params: { problem: 'schema.invalid_duration' },
        message: `"${text}" is ${range}`,
      });
      return z.NEVER;
    });

/** A percentage within bounds: `125%` → 125. */
export const percentBetween = (min: number, max: number) =>
  z
    .string()
    .register(formats, percentFormat)
    .transform((text, context): Percent => {
      const value = parsePercent(text);
      if (value !== undefined && value >= min && value <= max) return value;
      context.addIssue({
        code: 'custom',
        params: { problem: 'schema.invalid_percent' },
        message: `"${text}" is not a percentage from ${min}% to ${max}%`,
      });
      return z.NEVER;
    });

/** `5%` → 5. */
export const percentage = percentBetween(0, 100);

/** `10.0.0.11:8080`, `[::1]:8080`, `db.internal:5432` or `unix:/run/app.sock`, checked, kept as text. */
export const addressText = z
  .string()
  .register(formats, addressFormat)
  .superRefine((text, context) => {
    if (parseAddress(text)) return;
    context.addIssue({
      code: 'custom',
      params: { problem: 'schema.invalid_address' },
      message: `"${text}" is neither IP:PORT, [IPv6]:PORT, NAME:PORT nor unix:/PATH`,
    });
  });

/** The same for what cannot be a name or a socket: an IP and a port. */
export const ipAddressText = z
  .string()
  .register(formats, addressFormat)
  .superRefine((text, context) => {
    if (parseAddress(text)?.kind === 'ip') return;
    const message = `"${text}" is neither IP:PORT nor [IPv6]:PORT`;
    context.addIssue({ code: 'custom', params: { problem: 'schema.invalid_address' }, message });
  });

export const portNumber = z.int().min(1).max(65535).transform(port);

/** A name that users give: it stands in URLs, file names and Envoy's statistics. */
export const name = z
  .string()
  .register(formats, nameFormat)
  .regex(namePattern, nameRule)
  .refine(text => text !== 'constructor', 'is reserved');

/** A record keyed by {@link name}. */
export const named = <S extends z.ZodType>(schema: S) => z.record(name, schema);

/** A refinement of a text that becomes a path, a host or the value of a header, in which Envoy takes no control characters. */
export const printable = [
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what it may not hold
  (text: string): boolean => !/[\0-\x08\n-\x1f\x7f]/.test(text),
  'must not contain line breaks or other control characters',
] as const;

/** Name of a header as it is written, in any case. */
export const headerNameText = z.string().regex(/^:?[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/, 'is not an HTTP header name');

/** Name of a header; becomes small letters. */
export const httpHeaderName = headerNameText.transform(text => text.toLowerCase());

/** How long a cookie lives; 0: until the browser is closed. */
export const cookieTtl = duration().refine(ttl => ttl === 0 || ttl >= 1000, 'must be 0s or at least 1s');

/** A record by header name, which becomes small letters. Names that differ only in case are the same, and stand once. */
export const headerRecord = <V extends z.ZodType>(name: z.ZodType<string, string>, value: V) =>
  z
    .record(name, value)
    .superRefine((record, context) => {
      const seen = new Set<string>();
      for (const key of Object.keys(record)) {
        const message = 'names a header that stands here already, in other letters';
        if (seen.has(key.toLowerCase())) context.addIssue({ code: 'custom', path: [key], message });
        seen.add(key.toLowerCase());
      }
    })
    .transform((record): Record<string, z.output<V>> => {
      const entries = Object.entries(record).map(([key, each]) => [key.toLowerCase(), each] as const);
      return Object.fromEntries(entries);
    });

/** The full form of something, or a text that stands for one. */
export const orInShort = <T extends z.ZodType<string>, F extends z.ZodType>(
  text: T,
  full: F,
  meaning: (text: z.output<T>) => z.input<F>,
): z.ZodUnion<[z.ZodType<z.output<F>, z.input<T>>, F]> => {
  const inShort: z.ZodType = text.transform(meaning as (text: string) => unknown).pipe(full as z.ZodType);
  return z.union([inShort as z.ZodType<z.output<F>, z.input<T>>, full]);
};

/** A refinement of a mapping: exactly one of the keys is given. */
export const exactlyOneOf =
  (...keys: readonly string[]) =>
  (value: Readonly<Record<string, unknown>>, context: z.RefinementCtx): void => {
    if (keys.filter(key => value[key] !== undefined).length === 1) return;
    context.addIssue({ code: 'custom', message: `needs exactly one of ${keys.join(', ')}` });
  };

/** A refinement of a mapping: the two keys exclude each other. */
export const notBoth =
  (one: string, other: string) =>
  (value: Readonly<Record<string, unknown>>, context: z.RefinementCtx): void => {
    if (value[one] === undefined || value[other] === undefined) return;
    context.addIssue({ code: 'custom', path: [other], message: `cannot stand together with ${one}` });
  };

/** A regular expression in RE2 syntax, never given to JavaScript's own engine (P25). */
export const re2 = z
  .string()
  .min(1)
  .max(1024)
  .superRefine((text, context) => {
    const mistake = checkRegex(text);
    if (!mistake) return;
    const { code, message, hint } = mistake;
    context.addIssue({ code: 'custom', params: { problem: code, hint }, message });
  });

/** A template of a path for Envoy's URI template match. */
export const pathTemplate = z
  .string()
  .max(1024)
  .superRefine((text, context) => {
    const mistake = checkTemplate(text);
    if (!mistake) return;
    const { message, hint } = mistake;
    context.addIssue({ code: 'custom', params: { problem: 'schema.invalid_template', hint }, message });
  });

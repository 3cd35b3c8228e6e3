import { z } from 'zod';
import { parseAddress } from '../base/address.ts';
import { type Millis, type Percent, parseDuration, parsePercent, port } from '../base/units.ts';

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
  /** Why no request through an Envoy can show this field's effect; absent for fields whose effect is tested end to end. */
  readonly unseen?: string;
}

/** Attaches the documentation to a schema. */
export function field<S extends z.ZodType>(schema: S, { doc, example, ...rest }: FieldDoc): S {
  return schema.meta({ description: doc, ...(example === undefined ? {} : { examples: [example] }), ...rest });
}

/** `250ms`, `3s`, `1h30m` → milliseconds. */
export const duration = (options: { readonly min?: number; readonly max?: number } = {}) =>
  z.string().transform((text, context): Millis => {
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

/** `5%` → 5. */
export const percentage = z.string().transform((text, context): Percent => {
  const value = parsePercent(text);
  if (value !== undefined) return value;
  context.addIssue({
    code: 'custom',
    params: { problem: 'schema.invalid_percent' },
    message: `"${text}" is not a percentage from 0% to 100%`,
  });
  return z.NEVER;
});

/** `10.0.0.11:8080`, `[::1]:8080`, `db.internal:5432` or `unix:/run/app.sock`, checked, kept as text. */
export const addressText = z.string().superRefine((text, context) => {
  if (parseAddress(text)) return;
  context.addIssue({
    code: 'custom',
    params: { problem: 'schema.invalid_address' },
    message: `"${text}" is neither IP:PORT, [IPv6]:PORT, NAME:PORT nor unix:/PATH`,
  });
});

export const portNumber = z.int().min(1).max(65535).transform(port);

export const namePattern = /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/;
export const nameRule = 'must be 1 to 63 of a-z, 0-9 and -, beginning and ending with a letter or digit';

/** A name that users give: it stands in URLs, file names and Envoy's statistics. */
export const name = z
  .string()
  .regex(namePattern, nameRule)
  .refine(text => text !== 'constructor', 'is reserved');

/** A record keyed by {@link name}. */
export const named = <S extends z.ZodType>(schema: S) => z.record(name, schema);

export const httpHeaderName = z
  .string()
  .regex(/^:?[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/, 'is not an HTTP header name')
  .transform(text => text.toLowerCase());

/** A regular expression in RE2 syntax; checked in `check-regex.ts`, not by JavaScript's own engine (P25). */
export const re2 = z.string().min(1).max(1024);

import { z } from 'zod';
import { printable } from './field.ts';

/** Attributes that have no field of their own. */
const name = z
  .string()
  .regex(/^[A-Za-z][A-Za-z-]{0,63}$/, 'is not the name of an attribute of a cookie')
  .refine(text => !/^(max-age|path|httponly)$/i.test(text), 'is made from ttl or path, or always there');
const value = z
  .string()
  .max(256)
  .refine(text => !text.includes(';'), 'must not contain ";"')
  .refine(...printable);

/** Attributes of a cookie that Envoy makes, beside those that it always has; those without a value have an empty text. */
export const cookieAttributes = z.record(name, value);

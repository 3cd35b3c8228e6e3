import { z } from 'zod';
import { printable } from './field.ts';

/** Name of a cookie, as applications have it too, such as `user[id]`: what separates cookies and ends lines is left out. */
export const cookieName = z
  .string()
  .regex(/^[!-:<>-~]{1,128}$/, 'must be 1 to 128 visible ASCII characters without ; and =');

/** Path attribute of a cookie. What it may not hold would be another attribute, or another header. */
export const cookiePath = z
  .string()
  .max(1024)
  .regex(/^\/[ -:<-~]*$/, 'must begin with / and be of printable ASCII characters without ;');

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

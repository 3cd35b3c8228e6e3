import { Buffer } from 'node:buffer';
import { z } from 'zod';
import { field } from './field.ts';

/** Bytes to send or to find: as text, in UTF-8, or in hexadecimal, which they become, as Envoy takes them. */
export const payload = z
  .union([
    z.string().min(1).max(1024),
    z.strictObject({
      hex: field(
        z
          .string()
          .min(2)
          .max(2048)
          .regex(/^([0-9a-fA-F]{2})+$/, 'is not hexadecimal: two digits a byte'),
        { doc: 'The bytes in hexadecimal, two digits each.', example: '0001ff' },
      ),
    }),
  ])
  .transform(given =>
    typeof given === 'string' ? Buffer.from(given, 'utf8').toString('hex') : given.hex.toLowerCase(),
  );

/** One, or several in order; becomes a list. */
export const payloads = z
  .union([payload, z.array(payload).min(1).max(16)])
  .transform(given => (typeof given === 'string' ? [given] : given));

import { z } from 'zod';
import { exactlyOneOf, field, httpHeaderName } from './field.ts';

/** What of a request a hash is taken of, beside a cookie, of which some make one and others do not. */
export const hashSources = {
  header: field(httpHeaderName.optional(), { doc: 'The value of this request header.', example: 'x-user' }),
  query: field(z.string().min(1).max(128).optional(), {
    doc: 'The value of this query parameter.',
    example: 'user',
  }),
  sourceIp: field(z.literal(true).optional(), {
    doc: "The caller's IP address. Callers behind one sidecar, or one office's address, are one caller.",
    example: true,
  }),
};

/** Exactly one of them, or a cookie. */
export const oneHashSource = exactlyOneOf('header', 'cookie', 'query', 'sourceIp');

import { regexMatcher } from './regex.ts';

/** Methods that do the same when they are done twice (RFC 9110, section 9.2.2). */
export const idempotentMethods = ['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE', 'TRACE'] as const;

export const idempotent = regexMatcher(idempotentMethods.join('|'));

import { z } from 'zod';
import { duration, field } from './field.ts';

/** How long, and for how many requests, an Envoy keeps a connection to an endpoint. */
export const Connections = z.strictObject({
  idleTimeout: field(duration({ min: 1 }).optional(), {
    doc: 'How long a connection without requests is kept. Must be shorter than the time after which the application ends idle connections itself: one that it ends at the moment of a request costs that request.',
    why: 'absent: 4s for http, since most servers end theirs after 5s or more; an hour for http2 and grpc',
    example: '50s',
  }),
  maxDuration: field(duration({ min: 1 }).optional(), {
    doc: 'How long a connection is used; it ends after the requests that it has.',
    why: 'absent: for ever',
    example: '10m',
  }),
  maxRequests: field(z.int().min(1).max(4294967295).optional(), {
    doc: 'How many requests a connection is used for.',
    why: 'absent: any number',
    example: 10_000,
  }),
});
export type Connections = z.output<typeof Connections>;

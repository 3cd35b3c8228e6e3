import { z } from 'zod';
import { field } from './field.ts';

const count = z.int().min(1).max(4294967295);
const limit = (doc: string, value: number, why: string) =>
  field(count.default(value), { doc, why: `${value}: ${why}`, example: value });

const limits = {
  maxConnections: limit('Connections.', 1024, "Envoy's own"),
  maxPending: limit('Requests that wait for a connection.', 256, 'a longer queue only adds waiting'),
  maxRequests: limit('Active requests.', 1024, "Envoy's own"),
  maxRetries: limit(
    'Active retries.',
    256,
    "all that a server had in hand is tried again when it dies; Envoy's own 3 are exhausted by the first few",
  ),
};

/** Most that one Envoy may have open towards a service at once; what is over is answered 503 immediately. */
export const CircuitBreakers = z.strictObject({
  ...limits,
  maxConnectionsPerEndpoint: field(count.optional(), {
    doc: 'Connections to each endpoint; further requests for it wait, as far as `maxPending` allows.',
    why: 'absent: as many as the whole service may have',
    example: 100,
  }),
  high: field(z.strictObject(limits).optional(), {
    doc: 'Limits for rules with `priority: high`, counted apart from the others: what must get through when all else is refused.',
    why: "absent: Envoy's own, 1024 of each, and 3 retries",
    example: { maxRequests: 64 },
  }),
});
export type CircuitBreakers = z.output<typeof CircuitBreakers>;

import { z } from 'zod';
import { field } from './field.ts';

const limit = (doc: string, value: number, why: string) =>
  field(z.int().min(1).max(4294967295).default(value), { doc, why: `${value}: ${why}`, example: value });

/** Most that one Envoy may have open towards a service at once; what is over is answered 503 immediately. */
export const CircuitBreakers = z.strictObject({
  maxConnections: limit('Connections.', 1024, "Envoy's own"),
  maxPending: limit('Requests that wait for a connection.', 256, 'a longer queue only adds waiting'),
  maxRequests: limit('Active requests.', 1024, "Envoy's own"),
  maxRetries: limit(
    'Active retries.',
    16,
    "more than Envoy's 3, which a burst exhausts, and few enough to spare a sick service",
  ),
});
export type CircuitBreakers = z.output<typeof CircuitBreakers>;

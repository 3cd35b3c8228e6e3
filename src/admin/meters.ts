import { Histogram, Registry } from 'prom-client';

/** What is measured as it happens; all else is computed when metrics are asked for. */
export interface Meters {
  readonly registry: Registry;
  /** Seconds from a change to the acknowledgement of a proxy that was there before it, by fleet. */
  readonly push: Histogram<'fleet'>;
  /** Seconds that the building of a policy takes. */
  readonly build: Histogram<'outcome'>;
  /** Seconds until a request to the admin API is answered. */
  readonly requests: Histogram<'method' | 'status'>;
}

export function makeMeters(): Meters {
  const registry = new Registry();
  const registers = [registry];
  return {
    registry,
    push: new Histogram({
      name: 'switchyard_push_seconds',
      help: 'From the moment that a change is built to the acknowledgement of each proxy that was connected before it.',
      labelNames: ['fleet'],
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60],
      registers,
    }),
    build: new Histogram({
      name: 'switchyard_build_seconds',
      help: 'Turning a policy into what the fleets are sent: compiling, translating, encoding and checking.',
      labelNames: ['outcome'],
      buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
      registers,
    }),
    requests: new Histogram({
      name: 'switchyard_admin_request_seconds',
      help: 'Requests to the admin API, until they are answered; streams of events are not among them.',
      labelNames: ['method', 'status'],
      buckets: [0.005, 0.025, 0.1, 0.5, 1, 5, 10, 60],
      registers,
    }),
  };
}

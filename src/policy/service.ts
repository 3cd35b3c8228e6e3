import { z } from 'zod';
import { ApiVersioning } from './api-versioning.ts';
import { CircuitBreakers } from './circuit-breakers.ts';
import { Connections } from './connections.ts';
import { destinationText } from './destination.ts';
import { Endpoint } from './endpoint.ts';
import { duration, field, name, named, percentBetween } from './field.ts';
import { HealthCheck } from './health-check.ts';
import { LoadBalancing } from './load-balancing.ts';
import { Maintenance } from './maintenance.ts';
import { OutlierDetection } from './outlier-detection.ts';
import { Retries, RetryBudget } from './retries.ts';
import { Sessions } from './sessions.ts';
import { AdaptiveConcurrency, AdmissionControl } from './shedding.ts';

/** A named subset of a service's endpoints: those that bear all the labels. */
const Version = z.strictObject({
  labels: field(
    z.record(name, z.string().max(128)).refine(labels => Object.keys(labels).length > 0, 'needs at least one label'),
    { doc: 'Labels that an endpoint must all bear.', example: { version: 'v1' } },
  ),
  fallback: field(destinationText.optional(), {
    doc: 'Takes over while no endpoint of the version is healthy: another version, or another service.',
    why: "absent: the service's",
    example: 'catalog@v1',
  }),
});

/** What endpoints speak. */
const ServiceProtocol = z.enum(['http', 'http2', 'grpc', 'tcp', 'udp']);

/** When the endpoints of a higher number of `priority` step in. */
const Failover = z.enum(['gradual', 'whenAllDown']);

/** Something that answers requests. */
export const Service = z.strictObject({
  protocol: field(ServiceProtocol.default('http'), {
    doc: 'What the endpoints speak: `http` is HTTP/1.1, `http2` and `grpc` are HTTP/2 without TLS, `tcp` is bytes, `udp` is datagrams.',
    why: 'http: every application speaks it',
    example: 'grpc',
  }),
  endpoints: field(z.array(Endpoint).max(10_000).default([]), {
    doc: 'The addresses of the service.',
    why: 'none',
    example: [{ address: '10.0.0.11:8080' }],
  }),
  versions: field(named(Version).default({}), {
    doc: 'Named subsets of the endpoints, for routes to send to.',
    why: 'none',
    example: { v1: { labels: { version: 'v1' } } },
  }),
  loadBalancing: field(LoadBalancing.prefault({ policy: 'leastRequest' }), {
    doc: 'How requests are spread over the endpoints.',
    why: 'leastRequest: a slow server gets less at once',
    example: { policy: 'leastRequest', choiceCount: 2 },
  }),
  failover: field(Failover.default('gradual'), {
    doc: 'When endpoints of the next `priority` get traffic: `gradual`, in proportion, as soon as too few of those before are healthy (see `overprovisioning`); `whenAllDown`, only when none of them is: they are backups.',
    why: "gradual, Envoy's: those that are left are not given the load of all",
    example: 'whenAllDown',
  }),
  overprovisioning: field(percentBetween(100, 999).prefault('140%'), {
    doc: 'How much of its usual share each healthy endpoint may be given before the next `priority` helps out, with `failover: gradual`: at 140%, when fewer than 72% (100 of 140) are healthy; at 100%, as soon as one is not.',
    unit: 'percent of an even share',
    why: "140%, Envoy's: machines have some room, and a spare site is often farther away",
    example: '110%',
  }),
  fallback: field(destinationText.optional(), {
    doc: 'Takes over while no endpoint is healthy, for HTTP and TCP alike; endpoints that drain count as not healthy. It is asked for by every proxy that has the service. When it has none either, its own fallback takes over.',
    why: 'absent: requests are answered 503 then',
    example: 'catalog-static',
  }),
  maintenance: field(Maintenance.optional(), {
    doc: 'A page in place of the service, in every rule that sends to it, at gateways and sidecars; endpoints are checked and connections kept meanwhile. A split sends to its other destinations. The page goes before `fallback`.',
    why: 'absent: the service answers',
    example: { page: { retryAfter: '5m' } },
  }),
  sessions: field(Sessions.optional(), {
    doc: 'Callers stay with the endpoint that answered them first, also while it drains.',
    why: 'absent: every request goes wherever balancing sends it',
    example: { cookie: { name: 'lane' } },
  }),
  healthCheck: field(HealthCheck.optional(), {
    doc: 'Active checks by every Envoy that has the service.',
    why: 'absent: only you know what to ask an application',
    example: { http: { path: '/health' } },
  }),
  outlierDetection: field(z.union([z.literal('off'), OutlierDetection]).prefault({}), {
    doc: 'Takes out endpoints that answer badly; `off` turns it off.',
    why: 'on: it needs nothing from the application',
    example: { consecutiveGatewayErrors: 3 },
  }),
  circuitBreakers: field(CircuitBreakers.prefault({}), {
    doc: 'Limits per Envoy on what is open towards the service.',
    why: 'on: a sick service must not take its callers along',
    example: { maxPending: 256 },
  }),
  admissionControl: field(AdmissionControl.optional(), {
    doc: 'Turns some requests away (503) while too many fail, at every Envoy that calls the service.',
    why: 'absent: ejection and circuit breakers do for most',
    example: { successRate: '90%' },
  }),
  adaptiveConcurrency: field(AdaptiveConcurrency.optional(), {
    doc: 'Turns requests away (503, or 429) that the application is too slow for, at the sidecars before it. Turning it on drains the connections of these once.',
    why: 'absent: to measure, it lets in a few requests at a time now and then',
    example: { maxConcurrency: 200 },
  }),
  connections: field(Connections.prefault({}), {
    doc: 'How long connections to the endpoints are kept.',
    why: 'as long as the protocol suggests',
    example: { idleTimeout: '50s' },
  }),
  connectTimeout: field(duration({ min: 1, max: 60_000 }).prefault('250ms'), {
    doc: 'How long a connection may take to open.',
    why: '250ms: a local network answers in 1 ms; waiting longer only delays the retry',
    example: '250ms',
  }),
  timeout: field(duration().optional(), {
    doc: 'How long a whole request may take, for rules that set none. `0s` turns it off.',
    why: 'absent: 30s; 0s (off) for grpc, whose streams may be long',
    example: '3s',
  }),
  retries: field(Retries.prefault({}), {
    doc: 'Retries for rules that set none.',
    why: 'one, where the request surely had no effect or can be done twice',
    example: { attempts: 2 },
  }),
  retryBudget: field(RetryBudget.optional(), {
    doc: 'Limit retries to a share of active requests instead of `circuitBreakers.maxRetries`.',
    why: 'absent: the fixed limit',
    example: { percent: '20%' },
  }),
  apiVersioning: field(ApiVersioning.optional(), {
    doc: 'How callers choose a version of the API.',
    why: 'absent: rules cannot match by `apiVersion`',
    example: { in: { header: {} }, versions: { v1: {}, v2: {} }, default: 'v1' },
  }),
});
export type Service = z.output<typeof Service>;

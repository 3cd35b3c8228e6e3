import { z } from 'zod';
import { addressText, field, name } from './field.ts';
import { EndpointCheck } from './health-check.ts';
import { zoneText } from './zones.ts';

/** `active` takes traffic, `draining` finishes what it has, `disabled` is left out of what Envoys are told. */
export const EndpointState = z.enum(['active', 'draining', 'disabled']);
export type EndpointState = z.output<typeof EndpointState>;

/** The sidecar's side of an endpoint: what stands behind the address that callers dial. */
const Inbound = z.strictObject({
  application: field(addressText, {
    placeholder: 'text',
    doc: 'Where the local application listens, behind the sidecar. Loopback or a Unix socket.',
    example: '127.0.0.1:8080',
  }),
  node: field(z.string().min(1).max(256).optional(), {
    doc: 'Node id of the sidecar in front of this endpoint. Needed where the sidecars of a service listen differently: at another address (unless the fleet sets `bind`), another port, or before another application.',
    why: 'absent: all sidecars of the service listen alike, so none needs telling apart',
    example: 'checkout-1',
  }),
});

/** One address of a service. */
export const Endpoint = z.strictObject({
  address: field(addressText, {
    placeholder: 'text',
    doc: 'What callers dial: IP and port, host name and port (resolved by the control plane), or a Unix socket.',
    example: '10.0.0.11:8080',
  }),
  weight: field(z.int().min(1).max(1000).default(1), {
    placeholder: 'number',
    doc: 'Share of traffic relative to the other endpoints of the same priority.',
    why: '1: all endpoints alike',
    example: 3,
  }),
  zone: field(zoneText.optional(), {
    doc: 'Failure zone the endpoint stands in, as `ZONE` or `REGION/ZONE`; becomes its Envoy locality. Proxies whose node has a region know a zone as their own only with that region.',
    why: 'absent: the endpoint has no zone',
    example: 'a',
  }),
  priority: field(z.int().min(0).max(15).default(0), {
    doc: "Higher numbers get traffic only when too few endpoints of the lower ones are healthy: see the service's `failover`.",
    why: '0: all endpoints are primaries',
    example: 1,
  }),
  labels: field(z.record(name, z.string().max(128)).default({}), {
    doc: 'Facts about the endpoint; versions select by them.',
    why: 'none',
    example: { version: 'v1' },
  }),
  hashKey: field(z.string().min(1).max(128).optional(), {
    doc: 'What `ringHash` and `maglev` know the endpoint by, in place of its address: another machine that takes over the key takes over the callers. Where a host name has several addresses, `#2`, `#3` … are put after it.',
    why: 'absent: the address',
    example: 'cache-1',
  }),
  state: field(EndpointState.default('active'), {
    doc: '`active` takes traffic; `draining` gets no new requests but those of `sessions`, and keeps the ones it has; `disabled` is not told to Envoys.',
    why: 'active: an endpoint is declared to be used',
    example: 'draining',
  }),
  healthCheck: field(z.union([z.literal('off'), EndpointCheck]).optional(), {
    doc: "Where the service's check asks for this endpoint; `off`: it is not checked, and always counts as healthy.",
    why: 'absent: it is checked where its traffic goes',
    example: { port: 9000 },
  }),
  inbound: field(Inbound.optional(), {
    doc: 'Present where a sidecar stands in front of the application: the address is then where that sidecar listens.',
    why: 'absent: the application itself listens at the address',
    example: { application: '127.0.0.1:8080' },
  }),
});
export type Endpoint = z.output<typeof Endpoint>;

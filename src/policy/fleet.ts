import { z } from 'zod';
import { field, name, orInShort, portNumber } from './field.ts';
import { FleetAdmin } from './fleet-admin.ts';
import { FleetIdentity } from './fleet-identity.ts';
import { bindAddress } from './gateway.ts';
import { ZoneCounts } from './zones.ts';

const glob = z
  .string()
  .min(1)
  .max(256)
  .regex(/^[A-Za-z0-9._:/@*-]+$/, 'may hold letters, digits, . _ : / @ - and * for any text');

/** Which Envoys belong to the fleet: all that is named must fit. `*` stands for any text. */
export const FleetMatch = z
  .strictObject({
    id: field(glob.optional(), { doc: 'Node id (`--service-node`).', example: 'edge-*' }),
    cluster: field(glob.optional(), { doc: 'Node cluster (`--service-cluster`).', example: 'edge' }),
    region: field(glob.optional(), { doc: 'Region of the node.', example: 'eu' }),
    zone: field(glob.optional(), { doc: 'Zone of the node.', example: 'a' }),
    metadata: field(z.record(z.string().min(1).max(128), glob).default({}), {
      doc: 'Texts in the metadata of the node, by key.',
      why: 'none',
      example: { tier: 'web' },
    }),
  })
  .refine(
    match =>
      match.id !== undefined ||
      match.cluster !== undefined ||
      match.region !== undefined ||
      match.zone !== undefined ||
      Object.keys(match.metadata).length > 0,
    'needs at least one of id, cluster, region, zone, metadata',
  );
export type FleetMatch = z.output<typeof FleetMatch>;

/** A service that the applications behind the sidecars call. */
export const Upstream = z.strictObject({
  service: field(name, { doc: 'Name of the service.', example: 'catalog' }),
  port: field(portNumber.optional(), {
    placeholder: 'number',
    doc: 'Local port, for `tcp` services only; the others share the outbound HTTP port, by host.',
    why: 'absent: by host on the outbound HTTP port',
    example: 15432,
  }),
});
export type Upstream = z.output<typeof Upstream>;

/** Sidecars: one Envoy beside each instance of a service. */
export const Sidecar = z.strictObject({
  service: field(name.optional(), {
    doc: 'The service whose instances they stand beside; its endpoints declare their `inbound`.',
    why: 'absent: outbound only, for something that calls and is not called',
    example: 'checkout',
  }),
  bind: field(bindAddress.optional(), {
    placeholder: 'text',
    doc: 'IP address that the inbound listener binds.',
    why: 'absent: the address of each endpoint, so that nothing else is reachable',
    example: '0.0.0.0',
  }),
  upstreams: field(
    z
      .array(orInShort(name, Upstream, service => ({ service })))
      .max(1000)
      .default([]),
    {
      doc: 'Services that may be called; the sidecar is told of, and checks, no others.',
      why: 'none: checks would grow with the square of the fleet',
      example: ['catalog', { service: 'db', port: 15432 }],
    },
  ),
  outbound: field(
    z
      .strictObject({
        address: field(bindAddress.default('127.0.0.1'), {
          placeholder: 'text',
          doc: 'IP address of the outbound ports.',
          why: '127.0.0.1: for the local application only',
          example: '127.0.0.2',
        }),
        port: field(portNumber.prefault(15001), {
          placeholder: 'number',
          doc: 'The HTTP port; services are told apart by host, as in `http://catalog.mesh:15001`.',
          why: "15001, the field's habit",
          example: 15001,
        }),
        domain: field(
          z
            .string()
            .regex(/^[a-z0-9]([a-z0-9.-]{0,61}[a-z0-9])?$/, 'is not a domain')
            .default('mesh'),
          { doc: 'Services are reached as `<service>.<domain>` and as `<service>`.', why: 'mesh', example: 'internal' },
        ),
      })
      .prefault({}),
    {
      doc: 'Where the local application calls others.',
      why: '127.0.0.1:15001, under the domain mesh',
      example: { port: 15001 },
    },
  ),
});
export type Sidecar = z.output<typeof Sidecar>;

/** How what a resource refers to (endpoints of a cluster, routes of a listener) reaches the Envoys of a fleet. */
export const FleetXds = z.discriminatedUnion('streams', [
  z.strictObject({
    streams: field(z.literal('ads'), {
      doc: '`ads`: over the one stream of all types, whose variant the bootstrap says.',
      example: 'ads',
    }),
  }),
  z.strictObject({
    streams: field(z.literal('perType'), {
      doc: '`perType`: over streams of their own, one for each cluster and one for each route table.',
      example: 'perType',
    }),
    variant: field(z.enum(['delta', 'sotw']).default('delta'), {
      doc: 'How these streams speak: `delta` sends what changed, `sotw` (state of the world) all that a stream asks for.',
      why: 'delta: an Envoy that comes back is sent only what it lacks',
      example: 'sotw',
    }),
  }),
]);
export type FleetXds = z.output<typeof FleetXds>;

/** A group of Envoys and what they are given: edge proxies by `gateways`, sidecars by `sidecar`; exactly one of them. */
export const Fleet = z
  .strictObject({
    match: field(FleetMatch, { doc: 'Which Envoys belong to it.', example: { cluster: 'edge' } }),
    identity: field(FleetIdentity.optional(), {
      doc:
        'Which certificates may speak for its nodes. Others are refused, and so is everybody while xDS is served ' +
        'without TLS.',
      why: 'absent: any certificate of the client CA; without TLS, whoever reaches the port',
      example: { san: ['spiffe://shop/edge/{id}'] },
    }),
    gateways: field(z.array(name).min(1).optional(), {
      doc: 'The gateways that they serve.',
      why: 'absent: a fleet of sidecars',
      example: ['public'],
    }),
    sidecar: field(Sidecar.optional(), {
      doc: 'They are sidecars.',
      why: 'absent: a fleet of edge proxies',
      example: { service: 'checkout', upstreams: ['catalog'] },
    }),
    zones: field(ZoneCounts.optional(), {
      doc: 'How many of its proxies stand in each zone, for services that prefer the zone of the proxy (`zones: ownFirst`). Sidecars beside a service stand where its endpoints do.',
      why: 'absent: not known, so the weights of endpoints hold across zones',
      example: { a: 2, b: 1 },
    }),
    admin: field(FleetAdmin.optional(), {
      doc: 'Where the control plane may ask them how they find their endpoints, to show ejections and failed checks in its status. It decides nothing by that.',
      why: 'absent: they are not asked, and it is unknown',
      example: { address: '{peer}:9902', within: ['10.0.0.0/8'] },
    }),
    xds: field(FleetXds.prefault({ streams: 'ads' }), {
      doc: 'The streams over which they get endpoints and routes.',
      why: 'ads: a proxy keeps one stream, however many clusters it has, and on it all types come in their order',
      example: { streams: 'perType', variant: 'delta' },
    }),
  })
  .refine(
    fleet => (fleet.gateways === undefined) !== (fleet.sidecar === undefined),
    'needs exactly one of gateways, sidecar',
  )
  .superRefine(({ zones, sidecar }, context) => {
    if (zones === undefined || sidecar?.service === undefined) return;
    const message = `are those of the endpoints of "${sidecar.service}", which the sidecars stand beside`;
    context.addIssue({ code: 'custom', path: ['zones'], message });
  });
export type Fleet = z.output<typeof Fleet>;

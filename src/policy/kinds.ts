import { z } from 'zod';
import { field, named } from './field.ts';
import { Fleet } from './fleet.ts';
import { Gateway } from './gateway.ts';
import { Route } from './route.ts';
import { Service } from './service.ts';

/** The kinds of resource that a policy holds: the list that parsing, reference, API and CLI derive from. */
export const kinds = {
  services: {
    schema: Service,
    doc: 'Things that answer requests, with their endpoints and versions.',
    example: { catalog: { endpoints: [{ address: '10.0.0.11:8080' }] } },
  },
  gateways: {
    schema: Gateway,
    doc: 'Ports that take traffic in.',
    example: { public: { listeners: [{ port: 80, protocol: 'http' }] } },
  },
  routes: {
    schema: Route,
    doc: 'Hosts and rules: which requests go where.',
    example: { shop: { gateways: ['public'], rules: [{ to: [{ service: 'catalog' }] }] } },
  },
  fleets: {
    schema: Fleet,
    doc: 'Groups of Envoys and what they are given.',
    example: { edge: { match: { cluster: 'edge' }, gateways: ['public'] } },
  },
} as const;

export type Kind = keyof typeof kinds;
export const kindNames = Object.keys(kinds) as readonly Kind[];

const section = <S extends z.ZodType>(kind: { readonly schema: S; readonly doc: string; readonly example: unknown }) =>
  field(named(kind.schema).default({}), { doc: kind.doc, why: 'none', example: kind.example });

/** All that users declare. */
export const Policy = z.strictObject({
  services: section(kinds.services),
  gateways: section(kinds.gateways),
  routes: section(kinds.routes),
  fleets: section(kinds.fleets),
});
/** A checked policy, defaults filled in, durations in milliseconds. */
export type Policy = z.output<typeof Policy>;
/** A policy as people write it. */
export type PolicyInput = z.input<typeof Policy>;

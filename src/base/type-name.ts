import { shortType } from './short-type.ts';

/** Short names of resource types, as operators know them. */
export const typeNames = ['CDS', 'EDS', 'LDS', 'RDS', 'RTDS'] as const;
export type TypeName = (typeof typeNames)[number];

const byUrl: Readonly<Record<string, TypeName>> = {
  'type.googleapis.com/envoy.config.cluster.v3.Cluster': 'CDS',
  'type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment': 'EDS',
  'type.googleapis.com/envoy.config.listener.v3.Listener': 'LDS',
  'type.googleapis.com/envoy.config.route.v3.RouteConfiguration': 'RDS',
  'type.googleapis.com/envoy.service.runtime.v3.Runtime': 'RTDS',
};

/** `CDS` for the type URL of clusters, and so on; undefined for types that operators are not shown. */
export function typeName(typeUrl: string): TypeName | undefined {
  return byUrl[typeUrl];
}

/** `CDS` too, and `Secret` for a type that has no such name. */
export function typeLabel(typeUrl: string): string {
  return typeName(typeUrl) ?? shortType(typeUrl);
}

import type { MessageTypes } from '../../proto/gen/message-types.ts';

/** The types that a fleet is served, in the order in which they are added (removals go the other way; R37). */
export const servedTypes = {
  cluster: 'envoy.config.cluster.v3.Cluster',
  endpoint: 'envoy.config.endpoint.v3.ClusterLoadAssignment',
  listener: 'envoy.config.listener.v3.Listener',
  route: 'envoy.config.route.v3.RouteConfiguration',
  runtime: 'envoy.service.runtime.v3.Runtime',
} as const satisfies Record<string, keyof MessageTypes>;

export type ServedType = (typeof servedTypes)[keyof typeof servedTypes];

/** An Envoy message with the name that xDS knows it by. The same IR object gives the same resource object. */
export interface Resource<T extends ServedType = ServedType> {
  readonly type: T;
  readonly name: string;
  readonly message: MessageTypes[T];
}

/** A message type as sentences name it: `Cluster` of `envoy.config.cluster.v3.Cluster`, or of its type URL. */
export function shortType(type: string): string {
  return type.slice(type.lastIndexOf('.') + 1);
}

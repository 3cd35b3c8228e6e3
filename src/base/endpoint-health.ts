/**
 * How a proxy finds an endpoint: down by its active check, ejected by outlier detection, not checked yet, degraded, or
 * none of these. The worst first: several may hold.
 */
export const endpointStates = ['failedCheck', 'ejected', 'unchecked', 'degraded', 'healthy'] as const;
export type EndpointState = (typeof endpointStates)[number];

/** The endpoints of a cluster as one proxy sees them, by address as the policy writes it. */
export interface ClusterHealth {
  /** All of them. */
  readonly hosts: ReadonlySet<string>;
  /** Those that are not healthy. */
  readonly troubled: ReadonlyMap<string, Exclude<EndpointState, 'healthy'>>;
}

/** What a proxy says of all of its endpoints, by cluster. */
export type HealthReport = ReadonlyMap<string, ClusterHealth>;

/** What is known of how a proxy finds its endpoints, or why nothing is. */
export type HealthView =
  | {
      readonly kind: 'known';
      readonly report: HealthReport;
      /** Milliseconds that the clock of the proxy is ahead of the server's, as far as it tells. */
      readonly ahead?: number;
    }
  /** `silent`: it was asked, and gave no answer that makes sense. */
  | { readonly kind: 'unknown'; readonly why: string; readonly silent?: true };

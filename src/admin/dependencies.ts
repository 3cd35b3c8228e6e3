import type { Logger } from 'pino';
import type { HealthView } from '../base/endpoint-health.ts';
import type { Problem } from '../base/problem.ts';
import type { Control } from '../control/control.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { ProxyStatus } from '../fleet/proxy.ts';
import type { Board } from '../snapshot/board.ts';

/** What the admin API stands on. */
export interface AdminDependencies {
  readonly control: Control;
  readonly fleet: Fleet;
  readonly board: Board;
  readonly log: Logger;
  /** Sends a proxy what it rejected once more. False if nobody with this node id is connected. */
  readonly retry: (nodeId: string) => boolean;
  /** How a proxy finds its endpoints. Absent: nobody asks. */
  readonly endpointHealth?: (proxy: ProxyStatus) => HealthView;
  /** What an operator should know of this process, beside the warnings of the policy. */
  readonly notices?: () => readonly Problem[];
  /** Absent while xDS is in plain text. */
  readonly tls?: TlsStatus;
}

/** TLS of xDS. */
export interface TlsStatus {
  /** Milliseconds since the epoch. */
  readonly expiry: { readonly certificate: number; readonly clientCa: number; readonly clientCrl?: number };
  /** Clients that were not let in. */
  readonly refusals: number;
}

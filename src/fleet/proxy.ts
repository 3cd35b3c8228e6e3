import type { Assignment, NodeIdentity } from '../snapshot/board.ts';
import type { Rejected, Variant } from '../xds/events.ts';

/** Where a proxy stands with one resource type. Versions are content versions of the type. */
export interface TypeStatus {
  readonly typeUrl: string;
  /** `pending`: sent, not yet acknowledged. `notAsked`: the proxy never asked for the type. `rejected`: the newest answer was a NACK. */
  readonly state: 'notAsked' | 'pending' | 'synced' | 'rejected';
  readonly sent: string | undefined;
  readonly acked: string | undefined;
  /** When it acknowledged that, or was found to hold it; milliseconds since the epoch. */
  readonly ackedAt?: number;
  readonly rejection: { readonly version: string; readonly message: string; readonly at: number } | undefined;
}

/** What is kept from a proxy because it rejected it; it has everything else. */
export interface WithheldStatus {
  readonly rejects: readonly WithheldResource[];
  /** Among these there is one that it rejects, and which, is not found out yet. */
  readonly suspects: readonly WithheldResource[];
}

/** `at`: since when. */
export type WithheldResource = Rejected & { readonly at: number };

/** One connected proxy: a client that has said who it is. Instants are milliseconds since the epoch. */
export interface ProxyStatus {
  readonly clientId: number;
  readonly node: NodeIdentity;
  readonly peer: string;
  readonly variant: Variant;
  readonly assignment: Assignment | undefined;
  readonly connectedAt: number;
  readonly types: ReadonlyMap<string, TypeStatus>;
  readonly withheld: WithheldStatus | undefined;
}

/** Key of the fleet that a proxy is of, if there is one for it. */
export function fleetOf({ assignment }: Pick<ProxyStatus, 'assignment'>): string | undefined {
  return assignment?.kind === 'assigned' ? assignment.key : undefined;
}

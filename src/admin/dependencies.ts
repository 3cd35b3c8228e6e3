import type { Logger } from 'pino';
import type { AuditLog } from '../access/audit-log.ts';
import type { Tokens } from '../access/tokens.ts';
import type { HealthView } from '../base/endpoint-health.ts';
import type { Problem } from '../base/problem.ts';
import type { Control } from '../control/control.ts';
import type { EventLog } from '../events/event-log.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { Propagation } from '../fleet/propagation.ts';
import type { ProxyStatus } from '../fleet/proxy.ts';
import type { Board } from '../snapshot/board.ts';
import type { RecentSets } from '../snapshot/recent-sets.ts';
import type { Store } from '../store/store.ts';
import type { EventReaders } from './event-stream.ts';
import type { Meters } from './meters.ts';
import type { Refusals } from './refusals.ts';

/** What the admin API stands on. */
export interface AdminDependencies {
  readonly control: Control;
  readonly fleet: Fleet;
  readonly board: Board;
  /** What fleets were sent lately. Absent: it is kept from the start of the API on. */
  readonly recent?: RecentSets;
  readonly log: Logger;
  /** Sends a proxy what it rejected once more. False if nobody with this node id is connected. */
  readonly retry: (nodeId: string) => boolean;
  /** How a proxy finds its endpoints. Absent: nobody asks. */
  readonly endpointHealth?: (proxy: ProxyStatus) => HealthView;
  /** What an operator should know of this process, beside the warnings of the policy. */
  readonly notices?: () => readonly Problem[];
  /** Absent while xDS is in plain text. */
  readonly tls?: TlsStatus;
  /** Absent while the admin API is in plain text. */
  readonly adminTls?: TlsStatus;
  readonly tokens: Tokens;
  readonly audit: AuditLog;
  /** Where answers to requests with an `Idempotency-Key` outlive a restart. Absent: they do not. */
  readonly answers?: Pick<Store, 'answers' | 'keepAnswer'>;
  readonly events: EventLog;
  readonly readers: EventReaders;
  readonly refusals: Refusals;
  readonly propagation: Propagation;
  /** Milliseconds since the epoch; that of the system unless a test has another. */
  readonly now?: () => number;
  /** The version of Switchyard, and when the server has started, in milliseconds since the epoch. */
  readonly about: { readonly version: string; readonly startedAt: number };
  /** Data directory. */
  readonly data: string;
  /** xDS streams that are open. */
  readonly openStreams: () => number;
  readonly meters: Meters;
  /** Absent: nobody traces. */
  readonly trace?: TraceRequest;
  /** Aborted when the server ends: what goes on for long ends then. */
  readonly stopped: AbortSignal;
}

/** Calls what it is given, and tells of it in a trace. Rejects as that does. */
export type TraceRequest = (
  about: { readonly method: string; readonly traceparent: string | undefined; readonly request: string },
  act: () => Promise<{ readonly route: string | undefined; readonly status: number }>,
) => Promise<void>;

/** TLS of a listener. */
export interface TlsStatus {
  /** Milliseconds since the epoch. */
  readonly expiry: { readonly certificate: number; readonly clientCa?: number; readonly clientCrl?: number };
  /** Clients that were not let in. */
  readonly refusals: number;
}

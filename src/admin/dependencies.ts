import type { Logger } from 'pino';
import type { Control } from '../control/control.ts';
import type { Fleet } from '../fleet/fleet.ts';
import type { Board } from '../snapshot/board.ts';

/** What the admin API stands on. */
export interface AdminDependencies {
  readonly control: Control;
  readonly fleet: Fleet;
  readonly board: Board;
  readonly log: Logger;
  /** Sends a proxy what it rejected once more. False if nobody with this node id is connected. */
  readonly retry: (nodeId: string) => boolean;
}

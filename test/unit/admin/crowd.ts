import type { Assignment } from '../../../src/snapshot/board.ts';
import type { Snapshot } from '../../../src/snapshot/snapshot.ts';
import { AdminWorld, shift } from './admin-world.ts';

/** As many proxies as the server is made for. */
export const many = 10_000;

/** Edge proxies; the others are sidecars, each two of them in a sub-fleet of their own. */
const edges = 4000;

/** What is shown of a crowd: how many snapshots were looked up, which is once for each proxy that is looked at. */
export class CountedSnapshots extends Map<string, Snapshot> {
  lookups = 0;

  override get(key: string): Snapshot | undefined {
    this.lookups += 1;
    return super.get(key);
  }
}

export interface Crowd {
  readonly world: AdminWorld;
  readonly snapshots: CountedSnapshots;
  readonly ids: readonly string[];
}

/**
 * Ten thousand proxies in thousands of fleets and sub-fleets: some stale, some that reject in many words, some strangers,
 * some that have gone.
 */
export function crowdOf(world = new AdminWorld()): Crowd {
  const former = world.accept().snapshots.get('edge');
  const content = world.reject('Cluster', 'catalog@v1', 'x'.repeat(8000));
  const ids: string[] = [];
  for (let client = 1; client <= many; client++) {
    const id = `proxy-${client * 7919 - Math.floor((client * 7919) / many) * many}-${client}`;
    ids.push(id);
    world.connect(client, id, assignmentOf(client));
    world.exchange(client, 'Cluster', 'acked');
    world.exchange(client, 'RouteConfiguration', client % 50 === 1 ? 'asked' : 'acked');
    if (client % 20 === 3) {
      const rejects = Array.from({ length: 30 }, () => ({ ...content, message: `${content.message}${client % 7}` }));
      world.apply({ kind: 'withheld', clientId: client, rejects, suspects: [] });
    }
    if (client % 100 === 9) world.apply({ kind: 'closed', clientId: client, reason: 'the connection was lost' });
  }
  const next = world.accept([shift]).snapshots.get('edge');
  if (!former || !next) throw new Error('fleet edge has nothing');
  const snapshots = new CountedSnapshots([['edge', next]]);
  // Nine of ten sub-fleets are to hold what they hold.
  for (let at = 0; at < many; at++) snapshots.set(subFleet(at), at % 10 === 0 ? next : former);
  world.board.publish({ snapshots, assign: node => ({ kind: 'unmatched', nearest: undefined, why: node.id }) });
  snapshots.lookups = 0;
  return { world, snapshots, ids };
}

const subFleet = (at: number) => `catalog/10.1.${at >> 8}.${at & 255}:15006`;

function assignmentOf(client: number): Assignment {
  if (client % 97 === 0) return { kind: 'unmatched', nearest: 'edge', why: 'its cluster is "egde", not "edge"' };
  return { kind: 'assigned', key: client <= edges ? 'edge' : subFleet(client >> 1) };
}

import { readableSnapshot } from '../../snapshot/readable.ts';
import { readSnapshot, type SnapshotReply } from '../api.ts';
import type { AdminDependencies } from '../dependencies.ts';
import { ApiError } from '../problem-json.ts';
import { perType } from '../replies.ts';
import { type Api, answer, serve } from '../serve.ts';

/** What a fleet holds, read back from the very bytes that its proxies are sent. A key with `/` is percent-encoded. */
export function fleetRoutes(api: Api, { board }: AdminDependencies): void {
  serve(api, readSnapshot, ({ params: { fleet: key } }) => {
    const snapshots = board.current?.snapshots;
    const snapshot = snapshots?.get(key);
    if (!snapshot) {
      const known = [...(snapshots?.keys() ?? [])].join(', ') || 'none';
      throw new ApiError(404, 'Not found', `There is no fleet "${key}".`, { hint: `fleets: ${known}` });
    }
    const reply: SnapshotReply = {
      fleet: key,
      version: snapshot.version,
      versions: perType(snapshot, type => type.version),
      resources: { ...readableSnapshot(snapshot) },
    };
    return answer(200, reply);
  });
}

import type { NodeIdentity } from '../snapshot/board.ts';
import type { ByStream } from './by-stream.ts';
import type { Beat, Beats, Member } from './client-state.ts';
import { beatEvery, knowsTtl } from './heartbeat.ts';
import type { Lane } from './lanes.ts';

/** Those of the lanes that hold something with a time to live and have no timer for its next sign of life yet (R34). */
export function missingBeats(
  lanes: readonly Lane[],
  streams: ByStream<Member>,
  node: NodeIdentity | undefined,
  beats: Beats,
): readonly { readonly beat: Beat; readonly afterMs: number }[] {
  if (!node?.features) return [];
  return lanes.flatMap(({ streamId, state }) => {
    const { typeUrl } = state;
    const afterMs = beatEvery(state);
    const variant = streams.get(streamId)?.settings.variant;
    if (afterMs === undefined || !variant || !knowsTtl(variant, node)) return [];
    const runs = [...beats.values()].some(beat => beat.streamId === streamId && beat.typeUrl === typeUrl);
    return runs ? [] : [{ beat: { streamId, typeUrl }, afterMs }];
  });
}

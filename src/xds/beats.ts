import type { ByStream } from './by-stream.ts';
import type { Beat, Beats, Member } from './client-state.ts';
import { beatEvery } from './heartbeat.ts';
import type { Lane } from './lanes.ts';
import type { Traits } from './traits.ts';

/** Those of the lanes that hold something with a time to live and have no timer for its next sign of life yet (R34). */
export function missingBeats(
  lanes: readonly Lane[],
  streams: ByStream<Member>,
  traits: Traits | undefined,
  beats: Beats,
): readonly { readonly beat: Beat; readonly afterMs: number }[] {
  if (!traits?.knowsTtl.delta && !traits?.knowsTtl.sotw) return [];
  return lanes.flatMap(({ streamId, state }) => {
    const { typeUrl } = state;
    const afterMs = beatEvery(state);
    const variant = streams.get(streamId)?.settings.variant;
    if (afterMs === undefined || !variant || !traits.knowsTtl[variant]) return [];
    const runs = [...beats.values()].some(beat => beat.streamId === streamId && beat.typeUrl === typeUrl);
    return runs ? [] : [{ beat: { streamId, typeUrl }, afterMs }];
  });
}

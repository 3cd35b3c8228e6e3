import type { Lanes } from './lanes.ts';
import { isSettled, type MachineEvent } from './machine.ts';
import { publishedVersion } from './overlay.ts';

/**
 * What is told of a step of a client. Of a type on several streams it holds what is published when it does so on all of
 * them: until then an acknowledgement is of a part.
 *
 * @param touched types of streams of their own of which one has moved or gone.
 */
export function told(
  events: readonly MachineEvent[],
  before: Lanes,
  after: Lanes,
  touched: ReadonlySet<string>,
): readonly MachineEvent[] {
  const shared = [...touched].filter(typeUrl => areSeveral(before, typeUrl) || areSeveral(after, typeUrl));
  if (shared.length === 0) return events;
  const held = shared.flatMap((typeUrl): MachineEvent[] => {
    const version = heldOf(after, typeUrl);
    return version === undefined || version === heldOf(before, typeUrl) ? [] : [{ kind: 'current', typeUrl, version }];
  });
  const parts = events.flatMap((event): MachineEvent[] => {
    if (event.kind === 'current' && shared.includes(event.typeUrl)) return [];
    return event.kind === 'acked' && shared.includes(event.typeUrl) ? [{ ...event, part: true }] : [event];
  });
  return [...parts, ...held];
}

function areSeveral(lanes: Lanes, typeUrl: string): boolean {
  // The lanes of a type stand together.
  const first = lanes.findIndex(({ state }) => state.typeUrl === typeUrl);
  return first >= 0 && lanes[first + 1]?.state.typeUrl === typeUrl;
}

/** The version that the client holds on all lanes of the type; undefined while something is under way on one of them. */
function heldOf(lanes: Lanes, typeUrl: string): string | undefined {
  let held: string | undefined;
  for (const { state } of lanes) {
    if (state.typeUrl !== typeUrl) continue;
    if (!state.target || !isSettled(state)) return undefined;
    held = publishedVersion(state.target);
  }
  return held;
}

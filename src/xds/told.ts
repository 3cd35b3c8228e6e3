import { type Lanes, rangeOf } from './lanes.ts';
import type { MachineEvent } from './machine.ts';
import { publishedVersion } from './overlay.ts';
import { counted, type Tally } from './tally.ts';

interface Counted {
  readonly lanes: Lanes;
  readonly tally: Tally;
}

/**
 * What is told of a step of a client. Of a type on several streams it holds what is published when it does so on all of
 * them: until then an acknowledgement is of a part.
 *
 * @param touched types of streams of their own of which one has moved or gone.
 */
export function told(
  events: readonly MachineEvent[],
  before: Counted,
  after: Counted,
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

function areSeveral({ tally }: Counted, typeUrl: string): boolean {
  return counted(tally, typeUrl).lanes > 1;
}

/** The version that the client holds on all lanes of the type; undefined while something is under way on one of them. */
function heldOf({ lanes, tally }: Counted, typeUrl: string): string | undefined {
  if (counted(tally, typeUrl).unsettled > 0) return undefined;
  const [from, to] = rangeOf(lanes, typeUrl);
  const target = from < to ? lanes[from]?.state.target : undefined;
  return target && publishedVersion(target);
}

import { isSettled, type TypeState } from './machine.ts';

/** What has to be known of all lanes of a type: counted as they change, since there may be thousands. */
interface Counts {
  readonly lanes: number;
  /** That do not hold their target. */
  readonly unsettled: number;
  readonly rejected: number;
  /** That have something left from an earlier stream. */
  readonly leftover: number;
  /** Names that are subscribed to where something was accepted, and lanes on which these do not say what is. */
  readonly names: number;
  readonly broad: number;
}

/** By type. */
export type Tally = ReadonlyMap<string, Counts>;

const nothing: Counts = { lanes: 0, unsettled: 0, rejected: 0, leftover: 0, names: 0, broad: 0 };

/** The tally after a lane has become another, has begun or has gone. */
export function recounted(tally: Tally, before: TypeState | undefined, after: TypeState | undefined): Tally {
  const typeUrl = (after ?? before)?.typeUrl;
  const [old, young] = [countsOf(before), countsOf(after)];
  if (typeUrl === undefined || isSame(old, young)) return tally;
  const known = tally.get(typeUrl) ?? nothing;
  const count = (key: keyof Counts): number => known[key] - old[key] + young[key];
  return new Map(tally).set(typeUrl, {
    lanes: count('lanes'),
    unsettled: count('unsettled'),
    rejected: count('rejected'),
    leftover: count('leftover'),
    names: count('names'),
    broad: count('broad'),
  });
}

function countsOf(state: TypeState | undefined): Counts {
  if (!state) return nothing;
  const { names, wildcard, globs } = state.subscription;
  return {
    lanes: 1,
    unsettled: isSettled(state) ? 0 : 1,
    rejected: state.rejected ? 1 : 0,
    leftover: state.leftover.length > 0 ? 1 : 0,
    names: state.acked ? names.size : 0,
    broad: wildcard || globs ? 1 : 0,
  };
}

function isSame(a: Counts, b: Counts): boolean {
  return (
    a.lanes === b.lanes &&
    a.unsettled === b.unsettled &&
    a.rejected === b.rejected &&
    a.leftover === b.leftover &&
    a.names === b.names &&
    a.broad === b.broad
  );
}

/** What the tally has of a type. */
export function counted(tally: Tally, typeUrl: string): Counts {
  return tally.get(typeUrl) ?? nothing;
}

/** True if any lane of any type counts there. */
export function anyCounted(tally: Tally, key: keyof Counts): boolean {
  return [...tally.values()].some(each => each[key] > 0);
}

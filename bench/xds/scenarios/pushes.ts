import type { Variant } from '../../../src/xds/events.ts';
import { type Context, megabytes, pushFigures, spreads } from '../context.ts';
import type { Size, TypeName } from '../fixtures.ts';
import type { Peer } from '../peers.ts';
import { peakOf, resetPeak } from '../process.ts';
import type { Push, Session } from '../session.ts';

/** One change, in turns at every peer: what is compared was measured within seconds. */
interface Pushes {
  readonly scenario: string;
  readonly variant: Variant;
  readonly change: (count: number) => string;
  readonly type: TypeName;
  readonly peers: readonly Peer[];
  readonly streams: number;
  readonly size: Size;
  readonly want?: readonly TypeName[];
  readonly sets?: readonly [size: number, of: number];
  /** A stream for each type and each cluster's endpoints. */
  readonly perType?: boolean;
  /** Proxies that the change concerns; all if left out. */
  readonly touched?: number;
  /** Per round. */
  readonly pushes: number;
  /** The most bytes that the server held during a push are of interest. */
  readonly peak?: boolean;
  /** Done with each session before its first push. */
  readonly prepare?: (session: Session) => Promise<void>;
  /** Its name in the results, where that is not the peer's. */
  readonly label?: string;
}

export async function measurePushes(context: Context, what: Pushes): Promise<void> {
  const { scenario, variant, streams, touched = streams } = what;
  const sessions = await opened(context, what);
  const done = new Map<Session, { readonly figures: Record<string, number>; readonly notes: readonly string[] }[]>();
  try {
    for (const session of sessions) {
      await what.prepare?.(session);
      await pushMany(session, what, context.quick ? 3 : 10);
    }
    for (let round = 0; round < context.rounds; round++) {
      context.progress(`  round ${round + 1}`);
      for (const session of sessions) {
        const made = await oneRound(context, session, what, touched);
        done.set(session, [...(done.get(session) ?? []), made]);
      }
    }
    for (const [{ peer }, rounds] of done) {
      context.row({
        scenario,
        variant: what.label ?? variant,
        peer: peer.name,
        figures: spreads(rounds.map(each => each.figures)),
        notes: [...new Set(rounds.flatMap(each => each.notes))],
      });
    }
  } finally {
    await Promise.all(sessions.map(session => session.close()));
  }
}

async function opened(context: Context, what: Pushes): Promise<readonly Session[]> {
  const { variant, streams, size, want, sets, perType = false } = what;
  const sessions: Session[] = [];
  try {
    for (const peer of what.peers) {
      const options = { variant, streams, size, perType, ...(want && { want }), ...(sets && { sets }) };
      const session = await context.open(peer, options);
      if (session) sessions.push(session);
    }
  } catch (error) {
    await Promise.all(sessions.map(session => session.close()));
    throw error;
  }
  return sessions;
}

async function oneRound(
  context: Context,
  session: Session,
  what: Pushes,
  touched: number,
): Promise<{ readonly figures: Record<string, number>; readonly notes: readonly string[] }> {
  const { pid } = session.server;
  const rest = what.peak ? await session.restingBytes() : 0;
  await session.server.ask('lag');
  if (what.peak) resetPeak(pid);
  const pushes = await pushMany(session, what, context.quick ? Math.min(what.pushes, 3) : what.pushes);
  const peak = peakOf(pid);
  const [, , lag] = (await session.server.ask('lag')).split(' ');
  const { figures, notes } = pushFigures(pushes, touched);
  return {
    figures: {
      ...figures,
      ...(what.peak ? { 'peak MB over rest': megabytes(peak - rest) } : {}),
      ...(lag === undefined ? {} : { 'loop lag p99 ms': Number(lag) / 1e6 }),
    },
    notes,
  };
}

/** So many, or fewer where they take long: what takes seconds says the same each time. */
async function pushMany(session: Session, what: Pushes, most: number): Promise<readonly Push[]> {
  const began = performance.now();
  const pushes: Push[] = [];
  while (pushes.length < most && (pushes.length === 0 || performance.now() - began < enough)) {
    pushes.push(await push(session, what, pushes.length));
  }
  return pushes;
}

/** Milliseconds. */
const enough = 3000;

async function push(session: Session, what: Pushes, count: number): Promise<Push> {
  return await session.push(what.change(count), what.type, what.touched ?? what.streams);
}

import { type Context, megabytes, spreads, us } from '../context.ts';
import type { Peer } from '../peers.ts';

/** How costs grow with what there is: a straight line in a double logarithmic scale, whose slope is printed. */

/** Resting memory, by proxies. */
export async function idleMemory(context: Context): Promise<void> {
  const steps = context.quick ? [200, 1000] : [1000, 2500, 5000];
  for (const peer of context.peers('floor', 'http2', 'grpc', 'ours', 'oursHttp2', 'g1', 'g2', 'g3')) {
    const most = steps.at(-1) ?? 0;
    const session = await context.start(peer, { variant: 'delta', streams: most, size: context.size() });
    if (!session) continue;
    try {
      context.progress(`  ${peer.name}: up to ${most} proxies`);
      const empty = await session.restingBytes();
      const points: (readonly [number, number])[] = [];
      let connected = 0;
      for (const step of steps) {
        await session.client.ask('learn on');
        await session.connect(step - connected);
        connected = step;
        points.push([step, megabytes(await session.restingBytes())]);
      }
      const [first, last] = [points[0] ?? [0, 0], points.at(-1) ?? [0, 0]];
      context.row({
        ...{ scenario: 'S6', variant: 'delta', peer: peer.name, notes: [] },
        figures: spreads([
          {
            'KB/further stream': ((last[1] - first[1]) * 1024) / (last[0] - first[0]),
            'MB without proxies': megabytes(empty),
            [`MB with ${first[0]}`]: first[1],
            [`MB with ${last[0]}`]: last[1],
          },
        ]),
      });
      context.curves.push({ name: 'resting MB, by streams', peer: peer.name, points });
    } finally {
      await session.close();
    }
  }
}

/** One endpoint changes, with more and more proxies, and with more and more clusters that do not change. */
export async function growth(context: Context): Promise<void> {
  const byStreams = context.quick ? [100, 400] : [250, 500, 1000, 2000, 4000, 8000];
  const byClusters = context.quick ? [100, 400] : [250, 1000, 4000, 16_000];
  for (const peer of context.peers('grpc', 'ours', 'oursHttp2', 'g1', 'g3')) {
    // What is linear in both would take hours, and shows with less.
    const slow = peer.name.startsWith('G');
    const sizes = byStreams.filter(size => !slow || size <= 2000);
    const cpu: (readonly [number, number])[] = [];
    for (const streams of sizes) {
      cpu.push([streams, ((await oneChange(context, peer, streams, context.size().clusters)) * streams) / 1000]);
    }
    context.curves.push({ name: 'CPU ms of one change, by streams', peer: peer.name, points: finite(cpu) });
    const flat: (readonly [number, number])[] = [];
    for (const clusters of byClusters.filter(size => !slow || size <= 4000)) {
      flat.push([clusters, await oneChange(context, peer, context.quick ? 100 : 500, clusters)]);
    }
    context.curves.push({ name: 'CPU µs/stream of one change, by clusters', peer: peer.name, points: finite(flat) });
  }
}

/** µs of CPU for each proxy; not a number where the peer cannot be had. */
async function oneChange(context: Context, peer: Peer, streams: number, clusters: number): Promise<number> {
  const session = await context.open(peer, { variant: 'delta', streams, size: { clusters, endpoints: 10 } });
  if (!session) return Number.NaN;
  try {
    for (let warm = 0; warm < 5; warm++) await session.push(`endpoint ${warm}`, 'eds');
    const costs: number[] = [];
    for (let round = 0; round < context.rounds; round++) {
      costs.push(us((await session.push(`endpoint ${round}`, 'eds')).cpu) / streams);
    }
    return costs.toSorted((a, b) => a - b)[costs.length >> 1] ?? Number.NaN;
  } finally {
    await session.close();
  }
}

function finite(points: readonly (readonly [number, number])[]): readonly (readonly [number, number])[] {
  return points.filter(([, value]) => Number.isFinite(value));
}

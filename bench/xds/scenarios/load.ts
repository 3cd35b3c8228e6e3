import { type Context, megabytes, ms, spreads, us, voided } from '../context.ts';
import type { Peer } from '../peers.ts';
import { cpuOf, peakOf, quietCpuOf, resetPeak } from '../process.ts';
import type { Session } from '../session.ts';

/** Scenarios that go on for a while, or in which some proxies behave badly. */

/** 100 changes a second: how old is what proxies are told? */
export async function manyChanges(context: Context): Promise<void> {
  const seconds = context.quick ? 2 : 60;
  const streams = context.streams(1000);
  const few = ['grpc', 'ours', 'oursHttp2', 'g3'] as const;
  const peers = context.quick ? context.peers(...few) : context.peers('floor', 'http2', 'g1', ...few);
  for (const peer of peers) {
    const session = await context.open(peer, { variant: 'delta', streams, size: context.size() });
    if (!session) continue;
    try {
      await session.client.ask('markers on');
      await session.server.ask('stream 10 100');
      await session.settle();
      const armed = JSON.parse(await session.client.ask('arm eds')) as { readonly cpu: number };
      await session.server.ask('lag');
      const before = cpuOf(session.server.pid);
      const began = Number(process.hrtime.bigint());
      const [, made = '0'] = (await session.server.ask(`stream 10 ${seconds * 100}`)).split(' ');
      const [, , lag] = (await session.server.ask('lag')).split(' ');
      const wall = Number(process.hrtime.bigint()) - began;
      const after = cpuOf(session.server.pid);
      await session.settle();
      const came = await session.report(began);
      const busy = (came.cpu - armed.cpu) / wall;
      context.row({
        ...{ scenario: 'S7', variant: 'delta', peer: peer.name, notes: busy > 0.6 ? [voided] : [] },
        figures: spreads([
          {
            'changes/s': Number(made) / (wall / 1e9),
            'CPU % of a core': (100 * (after - before)) / wall,
            ...(busy > 0.6
              ? {}
              : {
                  'staleness p50 ms': ms(came.staleness?.p50 ?? Number.NaN),
                  'staleness p99 ms': ms(came.staleness?.p99 ?? Number.NaN),
                  'staleness max ms': ms(came.staleness?.max ?? Number.NaN),
                }),
            'responses/stream': (came.messages[1] ?? 0) / streams,
            'fewest responses': came.least,
            'most responses': came.most,
            ...(lag === undefined ? {} : { 'loop lag p99 ms': Number(lag) / 1e6 }),
          },
        ]),
      });
    } finally {
      await session.close();
    }
  }
}

/** One proxy in a hundred does not read while megabytes are pushed: what do the others notice? */
export async function slowReaders(context: Context): Promise<void> {
  const streams = context.streams(1000);
  const size = context.size(2500);
  for (const peer of context.peers('http2', 'grpc', 'ours', 'oursHttp2', 'g1', 'g3')) {
    const session = await context.open(peer, { variant: 'delta', streams, size, want: ['cds'] });
    if (!session) continue;
    try {
      const all = await pushed(context, session, streams);
      const slow = Math.ceil(streams / 100);
      await session.client.ask('stall 100');
      const others = await pushed(context, session, streams - slow);
      context.row({
        ...{ scenario: 'S8', variant: 'delta', peer: peer.name, notes: [] },
        figures: spreads([
          {
            'p99 ms, all read': all.p99,
            'p99 ms of the others': others.p99,
            'times as long': others.p99 / all.p99,
            'peak MB over rest, all read': all.peak,
            'peak MB over rest': others.peak,
          },
        ]),
      });
    } finally {
      await session.close();
    }
  }
}

async function pushed(
  context: Context,
  session: Session,
  count: number,
): Promise<{ readonly p99: number; readonly peak: number }> {
  await session.push('clusters', 'cds', count);
  const rest = await session.restingBytes();
  resetPeak(session.server.pid);
  const times: number[] = [];
  const began = performance.now();
  for (let round = 0; round < (context.quick ? 4 : 10) && performance.now() - began < 60_000; round++) {
    const { report } = await session.push('clusters', 'cds', count);
    times.push(ms(report.receipt?.p99 ?? Number.NaN));
  }
  const peak = megabytes(peakOf(session.server.pid) - rest);
  return { p99: times.toSorted((a, b) => a - b)[times.length >> 1] ?? Number.NaN, peak };
}

/** A tenth of the proxies rejects a new cluster: is anything sent again and again? */
export async function rejections(context: Context): Promise<void> {
  const streams = context.streams(1000);
  for (const peer of context.peers('ours', 'oursHttp2', 'g1', 'g3')) {
    const session = await context.open(peer, { variant: 'delta', streams, size: context.size(), want: ['cds'] });
    if (!session) continue;
    try {
      const plain = await rejected(context, session, streams);
      await session.client.ask('reject bench-bad 10');
      const bad = await rejected(context, session, streams);
      context.row({
        ...{ scenario: 'S10', variant: 'delta', peer: peer.name, notes: [] },
        figures: spreads([
          {
            'CPU µs/stream, all accept': plain.cpu,
            'CPU µs/stream, a tenth rejects': bad.cpu,
            'times as much': bad.cpu / plain.cpu,
            'rejections/rejecting stream': bad.rejections,
            'of these later than 1 s': bad.late,
          },
        ]),
      });
    } finally {
      await session.close();
    }
  }
}

/** Adds a cluster and takes it away again, a few times. */
async function rejected(
  context: Context,
  session: Session,
  streams: number,
): Promise<{ readonly cpu: number; readonly rejections: number; readonly late: number }> {
  const rounds = context.quick ? 2 : 5;
  const rejecting = Math.ceil(streams / 10);
  let [cpu, rejections, late] = [0, 0, 0];
  for (let round = 0; round < rounds; round++) {
    await session.client.ask('arm cds');
    const before = cpuOf(session.server.pid);
    await session.server.ask('change bad');
    await session.wait(`received ${streams}`, 60_000);
    await session.settle();
    const early = await session.report(0);
    cpu += us((await quietCpuOf(session.server.pid)) - before) / streams;
    await new Promise(resolve => setTimeout(resolve, 1000));
    const later = await session.report(0);
    rejections += later.rejected / rejecting;
    late += (later.rejected - early.rejected) / rejecting;
    // Whoever has rejected it is not told of its end by everybody.
    await session.server.ask('change bad');
    await session.settle();
  }
  return { cpu: cpu / rounds, rejections: rejections / rounds, late };
}

/** Proxies acknowledge once more with all names that they ask for, as every SotW proxy does. */
export async function longAcknowledgements(context: Context): Promise<void> {
  const streams = context.streams(1000);
  const times = 5;
  const peers = context.peers('floor', 'http2', 'grpc', 'ours', 'oursHttp2', 'g1', 'g3');
  const rounds = new Map<Peer, Readonly<Record<string, number>>[]>();
  const sessions: Session[] = [];
  try {
    for (const peer of peers) {
      const session = await context.open(peer, { variant: 'sotw', streams, size: context.size() });
      if (session) sessions.push(session);
    }
    for (let round = 0; round <= context.rounds; round++) {
      for (const session of sessions) {
        const before = cpuOf(session.server.pid);
        const { requests } = await session.report(0);
        await session.client.ask(`again ${times}`);
        const after = await quietCpuOf(session.server.pid);
        const sent = (await session.report(0)).requests - requests;
        const list = rounds.get(session.peer) ?? [];
        list.push({ 'CPU µs/ACK': us(after - before) / sent, ACKs: sent });
        rounds.set(session.peer, list);
      }
    }
    for (const [peer, list] of rounds) {
      const figures = spreads(list.slice(1).map(({ 'CPU µs/ACK': each = Number.NaN }) => ({ 'CPU µs/ACK': each })));
      context.row({ scenario: 'S11', variant: 'sotw', peer: peer.name, figures, notes: [] });
    }
  } finally {
    await Promise.all(sessions.map(session => session.close()));
  }
}

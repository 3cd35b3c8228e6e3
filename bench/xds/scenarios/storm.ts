import { type Context, ms, spreads, sum, us } from '../context.ts';
import type { Peer } from '../peers.ts';
import { cpuOf } from '../process.ts';
import type { Session } from '../session.ts';

/** All proxies connect at once and ask for everything; over delta then once more, with what they have. */
export async function storm(context: Context): Promise<void> {
  const streams = context.streams(2000);
  const size = context.size();
  const again = context.peers('ours', 'oursHttp2', 'g1', 'g3');
  for (const peer of context.peers('floor', 'http2', 'grpc', 'ours', 'oursHttp2', 'g1', 'g2', 'g3')) {
    context.progress(`  ${peer.name}: ${streams} proxies`);
    const session = await context.start(peer, { variant: 'delta', streams, size });
    if (!session) continue;
    try {
      await session.client.ask('remember on');
      await session.connect(1);
      await session.client.ask('remember off');
      await disconnect(session);
      await report(context, peer, session, 'delta');
      if (!again.includes(peer)) continue;
      await session.client.ask('resume on');
      await report(context, peer, session, 'delta, coming back');
    } finally {
      await session.close();
    }
  }
  if (!context.quick) await secured(context);
}

/** The same over mutual TLS: only what the server takes says anything, since a process between does the proxies' part. */
async function secured(context: Context): Promise<void> {
  const streams = context.streams(500);
  for (const peer of context.peers('ours', 'oursHttp2', 'g1', 'g3')) {
    context.progress(`  ${peer.name}: ${streams} proxies over mutual TLS`);
    const session = await context.start(peer, { variant: 'delta', streams, size: context.size(), tls: true });
    if (!session) continue;
    try {
      await report(context, peer, session, overTls);
    } finally {
      await session.close();
    }
  }
}

const overTls = 'delta, mutual TLS';

async function report(context: Context, peer: Peer, session: Session, variant: string): Promise<void> {
  const rounds: Readonly<Record<string, number>>[] = [];
  // The first is to warm up.
  for (let round = 0; round <= Math.min(context.rounds, 3); round++) {
    rounds.push(await once(session, variant));
    await disconnect(session);
  }
  context.row({ scenario: 'S3', variant, peer: peer.name, figures: spreads(rounds.slice(1)), notes: [] });
}

async function once(session: Session, variant: string): Promise<Readonly<Record<string, number>>> {
  const { streams } = session.options;
  await session.client.ask('learn on');
  const armed = JSON.parse(await session.client.ask('arm cds')) as { readonly cpu: number };
  const before = cpuOf(session.server.pid);
  const began = Number(process.hrtime.bigint());
  await session.connect(streams);
  const after = cpuOf(session.server.pid);
  const came = await session.report(began);
  return {
    'CPU µs/stream': us(after - before) / streams,
    ...(variant !== 'delta' ? {} : { 'last ready ms': ms(came.lastReady - began) }),
    'bytes/stream': came.wire / streams,
    'responses/stream': sum(came.messages) / streams,
    'resources/stream': sum(came.resources) / streams,
    ...(variant === overTls
      ? {}
      : { 'client % of its core': (100 * (came.cpu - armed.cpu)) / Math.max(1, came.lastReady - began) }),
  };
}

async function disconnect(session: Session): Promise<void> {
  await session.client.ask('close');
  await session.settle();
}

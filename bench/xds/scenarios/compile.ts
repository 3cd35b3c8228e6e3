import { join } from 'node:path';
import { type Context, megabytes, spreads } from '../context.ts';
import { Led } from '../process.ts';

interface Compiled {
  readonly read: number;
  readonly build: number;
  readonly readAgain: number;
  readonly buildAgain: number;
  readonly changeRead: number;
  readonly changeBuild: number;
  readonly rss: number;
}

/** From the text of a policy to encoded resources, without any proxy. */
export async function compileAll(context: Context): Promise<void> {
  const shapes = context.quick
    ? [[1000, 10]]
    : [
        [10_000, 10],
        [100, 1000],
      ];
  for (const [services = 0, endpoints = 0] of shapes) {
    const variant = `${services.toLocaleString('en-US')} × ${endpoints}`;
    const rounds: Readonly<Record<string, number>>[] = [];
    for (let round = 0; round < Math.min(context.rounds, 3); round++) rounds.push(await ours(services, endpoints));
    context.row({ scenario: 'S4', variant, peer: 'ours', figures: spreads(rounds), notes: [] });
    const theirs = await snapshotCache(context, services, endpoints);
    if (theirs) context.row({ scenario: 'S4', variant, peer: 'G1', figures: spreads([theirs]), notes: [fromMessages] });
  }
}

const fromMessages =
  'begins with finished messages, which something else has made of a configuration; names, bytes and hashes only';

async function ours(services: number, endpoints: number): Promise<Readonly<Record<string, number>>> {
  const script = join(import.meta.dirname, '../servers/compile.ts');
  const command = [process.execPath, '--expose-gc', script, String(services), String(endpoints), '9'];
  const process_ = new Led('compile', command, 0);
  const came = JSON.parse(await process_.ask('')) as Compiled;
  await process_.stop();
  return {
    'read ms': came.read,
    'compile and encode ms': came.build,
    'once more: read ms': came.readAgain,
    'once more: compile and encode ms': came.buildAgain,
    'of a change: read ms': came.changeRead,
    'of a change: compile and encode ms': came.changeBuild,
    'resting MB': megabytes(came.rss),
  };
}

/** What SnapshotCache does with as many resources: a snapshot, and versions of all that is in it. */
async function snapshotCache(
  context: Context,
  clusters: number,
  endpoints: number,
): Promise<Readonly<Record<string, number>> | undefined> {
  const [peer] = context.peers('g1');
  const session = peer && (await context.start(peer, { variant: 'delta', streams: 1, size: { clusters, endpoints } }));
  if (!session) return undefined;
  try {
    const [, all = '0', change = '0'] = (await session.server.ask('compile')).split(' ');
    return {
      'compile and encode ms': Number(all),
      'of a change: compile and encode ms': Number(change),
      'resting MB': megabytes(await session.restingBytes()),
    };
  } finally {
    await session.close();
  }
}

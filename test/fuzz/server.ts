import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { Fleet } from '../../src/fleet/fleet.ts';
import { Board } from '../../src/snapshot/board.ts';
import { XdsService } from '../../src/xds/service.ts';
import { publication, snapshot } from '../support/xds-fixtures.ts';
import { testXdsSettings } from '../support/xds-transport.ts';

/** What a server in a process of its own is told by the test, and what it answers. */
export type Order =
  | { readonly kind: 'publish'; readonly content: string }
  | { readonly kind: 'counts' }
  | { readonly kind: 'end' };

export interface Counts {
  readonly streams: number;
  readonly connections: number;
  readonly clients: number;
  /** Responses sent so far. */
  readonly sent: number;
  /** Streams and connections that came to a limit. */
  readonly limited: number;
  /** Bytes in use after a garbage collection, on and off the heap. */
  readonly memory: number;
}

setFlagsFromString('--expose-gc');
const collect = runInNewContext('gc') as () => void;

const board = new Board();
const fleet = new Fleet();
// Sooner than the usual 15 s and 10 s, so that the test need not wait as long, and not so soon that it is too slow itself.
const settings = {
  ...testXdsSettings,
  port: 0,
  keepaliveTime: 1000,
  keepaliveTimeout: 5000,
  // Less than usual, so that little is much.
  limits: { ...testXdsSettings.limits, partialMessages: 8 * 1024 * 1024 },
};
const service = new XdsService(board, settings, event => fleet.apply(event), fleet);
const port = await service.listen();

function counts(): Counts {
  collect();
  const { heapUsed, external } = process.memoryUsage();
  return {
    streams: service.streams,
    connections: service.connections,
    clients: fleet.proxies().length,
    sent: [...fleet.totals.byType.values()].reduce((sum, each) => sum + each.sent, 0),
    limited: [...fleet.totals.limited.values()].reduce((sum, each) => sum + each, 0),
    memory: heapUsed + external,
  };
}

process.on('message', async ({ id, order }: { readonly id: number; readonly order: Order }) => {
  if (order.kind === 'publish') {
    board.publish(publication(snapshot('fleet', { CDS: { a: order.content }, LDS: { l: '1' }, EDS: { a: '1' } })));
  }
  if (order.kind === 'end') await service.close(AbortSignal.timeout(300));
  process.send?.({ id, answer: order.kind === 'counts' ? counts() : undefined });
  if (order.kind === 'end') process.exit();
});
process.on('disconnect', () => process.exit(1));
process.send?.({ id: 0, answer: port });

import { SnapshotBoard, XdsServer } from '../../../src/index.ts';
import { marked, readFixtures, urlOf } from '../fixtures.ts';
import { serverTls } from '../tls.ts';
import { type Change, lead, serverArguments } from './protocol.ts';

/** Ours, as a user of the library has it. Limits that count clients of one address are raised: here all have the same. */

const { fixtures, transport, tls } = serverArguments();
const all = readFixtures(fixtures);
const of = (type: string, role: string) =>
  all.filter(each => each.type === type && each.role === role).map(each => each.resource);
const clusters = [of('cds', 'base'), of('cds', 'other')];
const routes = [of('rds', 'base'), of('rds', 'other')];
const [bad] = of('cds', 'extra');
const assignments = of('eds', 'base');

const board = new SnapshotBoard(() => 'edge');
const many = 1_000_000;
const server = new XdsServer(board, {
  transport: transport === 'http2' ? 'http2' : 'grpc-js',
  // What grpc-go does unless told otherwise, so that no peer has work of its own between pushes.
  keepaliveTime: 2 * 60 * 60_000,
  limits: { peerConnections: many, peerStreams: many, connections: many, streams: many, clients: many },
});
board.set('edge', [...(clusters[0] ?? []), ...assignments, ...of('lds', 'base'), ...(routes[0] ?? [])]);

let other = 0;
let shifted = 0;
let withBad = false;

function change({ kind, at, count, step, number }: Change, time: bigint): void {
  if (kind === 'endpoint') {
    const put = Array.from({ length: count }, (_, each) => {
      const before = assignments[(at + each * step) % assignments.length];
      if (!before) throw new Error('there is no such assignment');
      return marked(before, number, time);
    });
    board.update('edge', { put });
  } else if (kind === 'clusters') {
    other = 1 - other;
    board.update('edge', { put: clusters[other] ?? [] });
  } else if (kind === 'route') {
    shifted = 1 - shifted;
    board.update('edge', { put: routes[shifted] ?? [] });
  } else if (bad) {
    withBad = !withBad;
    if (withBad) board.put('edge', bad);
    else board.remove('edge', bad.typeUrl, bad.name);
  }
}

function status(): Readonly<Record<string, number>> {
  const snapshot = board.get('edge');
  const url = urlOf('eds');
  const version = snapshot?.types.get(url)?.version;
  const clients = server.clients();
  const current = clients.filter(each => each.types.get(url)?.acked === version);
  return { clients: clients.length, current: current.length };
}

lead({ port: await server.listen({ port: 0, ...(tls && { tls: serverTls(tls) }) }), change, status });

import { parseArgs } from 'node:util';
import { startMeasured } from '../xds/servers/measured.ts';
import { lead } from '../xds/servers/protocol.ts';

/** The whole server in a process of its own, which says when it did what. */

const { values } = parseArgs({
  options: {
    policy: { type: 'string', default: '' },
    data: { type: 'string', default: '' },
    xds: { type: 'string', default: '0' },
  },
});

/** Milliseconds since this process began. */
const age = (): number => performance.now();
/** Microseconds of processor time, of all threads. */
const cpu = (): number => {
  const { user, system } = process.cpuUsage();
  return user + system;
};
const now = (): number => Number(process.hrtime.bigint());

const server = await startMeasured(values.policy, values.data, Number(values.xds));
const { board, fleet } = server;
/** Instants in nanoseconds of the machine's clock; processor time until the publication, before anybody is told of it. */
const last = { listening: age(), inForce: 0, published: 0, cpuPublished: 0, publications: 0, acked: 0 };
const publish = board.publish.bind(board);
board.publish = publication => {
  Object.assign(last, {
    published: now(),
    cpuPublished: cpu(),
    publications: last.publications + 1,
    inForce: last.inForce || age(),
  });
  publish(publication);
};
// What the store has is published before it listens.
if (board.current) last.inForce = last.listening;

fleet.onChange(() => {
  const proxies = fleet.proxies();
  const holds = proxies.every(({ assignment, types }) => {
    const snapshot = assignment?.kind === 'assigned' ? board.current?.snapshots.get(assignment.key) : undefined;
    return [...types.values()].every(each => each.acked === snapshot?.types.get(each.typeUrl)?.version);
  });
  if (holds && last.acked < last.published) last.acked = now();
});

while (!board.current) await new Promise(resolve => setTimeout(resolve, 1));
lead({
  port: server.xdsPort,
  change: () => {
    throw new Error('it is changed by its files and its API');
  },
  status: () => ({ ...last, cpu: cpu(), admin: server.adminPort, clients: fleet.proxies().length }),
});

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { PolicyInput } from '../../../src/policy/kinds.ts';
import { nameOf, readFixtures } from '../fixtures.ts';
import { startMeasured } from './measured.ts';
import { type Change, lead, serverArguments } from './protocol.ts';

/** The whole server: policy files, store, admin API. Its resources are its own, since it makes them of a policy. */

const { fixtures, folder } = serverArguments();
const services = readFixtures(fixtures).filter(each => each.type === 'cds' && each.role === 'base').length;
const hosts = Math.min(services - 1, 100);

function policy(): PolicyInput {
  const numbers = Array.from({ length: hosts + 1 }, (_, index) => index);
  const endpoints = (index: number) =>
    Array.from({ length: 10 }, (_, at) => ({
      address: `10.${at}.${index >> 8}.${index & 255}:8080`,
      zone: 'abc'[at % 3] ?? '',
    }));
  const canary = (index: number) => ({
    name: 'canary',
    to: [
      { service: nameOf(index), weight: 90 },
      { service: nameOf(index + 1), weight: 10 },
    ],
    timeout: '3s',
  });
  return {
    services: Object.fromEntries(numbers.map(index => [nameOf(index), { endpoints: endpoints(index) }])),
    routes: Object.fromEntries(
      numbers
        .slice(0, hosts)
        .map(index => [nameOf(index), { gateways: ['edge'], hosts: [`host-${index}.test`], rules: [canary(index)] }]),
    ),
    gateways: { edge: { listeners: [{ port: 8080, protocol: 'http' }] } },
    fleets: { edge: { match: { cluster: 'edge' }, gateways: ['edge'] } },
  };
}

const own = mkdtempSync(join(folder, 'policy-'));
process.on('exit', () => rmSync(own, { recursive: true, force: true }));
const file = join(own, 'switchyard.json');
writeFileSync(file, JSON.stringify(policy()));
const server = await startMeasured(file, join(own, 'data'));

let shifted = 0;

async function change({ kind, at }: Change): Promise<void> {
  if (kind !== 'route') throw new Error(`the server of the policy does not measure "${kind}"`);
  shifted = 1 - shifted;
  const outcome = await server.control.shift({
    route: nameOf(at % hosts),
    rule: 'canary',
    weights: { [nameOf(at % hosts)]: 90 - 10 * shifted, [nameOf((at % hosts) + 1)]: 10 + 10 * shifted },
    by: 'bench',
  });
  if (outcome.kind !== 'done') throw new Error(JSON.stringify(outcome));
}

while (server.board.current === undefined) await new Promise(resolve => setTimeout(resolve, 20));
lead({ port: server.xdsPort, change, status: () => ({ clients: server.fleet.proxies().length }) });

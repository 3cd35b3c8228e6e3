import { type Command, Option } from 'commander';
import {
  type ProxiesReply,
  type ProxyOrder,
  type ProxyState,
  proxyOrders,
  proxyStates,
  readEndpointHealth,
  readPolicy,
} from '../../admin/api.ts';
import { allProxies, firstProxies } from '../all-proxies.ts';
import { call } from '../call.ts';
import { mostTroubled } from '../health-text.ts';
import type { CliHost } from '../host.ts';
import { type ClientFlags, type ReadFlags, withExamples, withReadOptions } from '../options.ts';
import { CliFailure, painter, printable } from '../output.ts';
import { type Reading, read } from '../reading.ts';
import { statusText } from '../status-text.ts';

type StatusFlags = ClientFlags &
  ReadFlags & {
    readonly fleet?: string;
    readonly state?: ProxyState;
    readonly name?: string;
    readonly sort: ProxyOrder;
    readonly limit?: string;
  };

export function statusCommand(program: Command, host: CliHost): void {
  const command = withReadOptions(program.command('status').alias('ps'))
    .summary('which proxy holds what')
    .description(
      'Shows the revision in force, a freeze, overrides, refused saves, what is in quarantine, and where every proxy stands with ' +
        'every resource type, the worst first; many proxies are counted by fleet. What a proxy rejected is told in its own words, with the place in the policy.\n' +
        'Exit code 0: all proxies are synced; 2: something is not as it should be, all is frozen, or no proxy is connected.',
    )
    .option('--fleet <key>', 'only the proxies of this fleet')
    .option('--name <part>', 'only the proxies whose node id has this in it')
    .addOption(new Option('--state <state>', 'only the proxies in this state').choices([...proxyStates]))
    .addOption(new Option('--sort <order>', 'what comes first').choices([...proxyOrders]).default('worst'))
    .option('--limit <number>', 'show at most so many proxies one by one (default: as many as fit, 40 at most)')
    .action((flags: StatusFlags) => read(host, flags, () => look(host, flags)));
  withExamples(command, [
    'switchyard status',
    'switchyard status --watch',
    'switchyard status --state rejected -o wide',
    'switchyard status --fleet edge --sort since --limit 1000',
    'switchyard retry "$(switchyard status --state rejected -o name | head -n 1)"',
    'until switchyard status > /dev/null; do sleep 1; done',
  ]);
}

async function look(host: CliHost, flags: StatusFlags): Promise<Reading> {
  const status = await fetchStatus(host, flags, rowsOf(host, flags));
  const { counts, quarantines, rejected, revision, freeze } = status;
  const whole = revision !== null && rejected === null && freeze === null;
  const good = whole && quarantines.length === 0 && counts.length > 0;
  // Who says how many shall be shown, is shown them.
  const screen = flags.limit === undefined ? host.screen() : undefined;
  const table = (wide: boolean) => () =>
    statusText({ ...printable(status), wide }, { paint: painter(host), now: host.now(), screen });
  return {
    value: status,
    table: table(false),
    wide: table(true),
    name: () => status.proxies.map(each => each.id),
    code: good && counts.every(each => each.state === 'synced') ? 0 : 2,
  };
}

/** Rows above and below the table of proxies, at most, while nothing else is amiss. */
const around = 8;
const fewest = 10;
const most = 40;

/** How many proxies are shown one by one; undefined: all of them. */
function rowsOf(host: CliHost, { limit, output }: StatusFlags): number | undefined {
  if (limit !== undefined) {
    if (/^[1-9]\d{0,5}$/.test(limit)) return Number(limit);
    throw new CliFailure(`--limit ${limit} is no number above 0`);
  }
  if (output !== 'table' && output !== 'wide') return undefined;
  const height = host.screen()?.rows;
  return height === undefined ? most : Math.min(most, Math.max(fewest, height - around));
}

async function fetchStatus(host: CliHost, flags: StatusFlags, rows: number | undefined) {
  // Nothing shows the texts of the policy, and they may be long.
  const { body: policy } = await call(host, flags, readPolicy, { query: { documents: 'false' } });
  const { proxies, total, counts } = await fetchProxies(host, flags, rows);
  const query = { limit: String(mostTroubled) };
  const { body: endpointHealth } = await call(host, flags, readEndpointHealth, rows === undefined ? {} : { query });
  const { documents: _, ...rest } = policy;
  return { ...rest, proxies, total, counts, endpointHealth };
}

function fetchProxies(host: CliHost, flags: StatusFlags, rows: number | undefined): Promise<ProxiesReply> {
  const { sort, fleet, state, name } = flags;
  const filter = {
    ...(fleet === undefined ? {} : { fleet }),
    ...(state === undefined ? {} : { state }),
    ...(name === undefined ? {} : { name }),
  };
  return rows === undefined ? allProxies(host, flags, filter, sort) : firstProxies(host, flags, { filter, sort, rows });
}

import type { Command } from 'commander';
import { readEndpointHealth } from '../../admin/api.ts';
import { call } from '../call.ts';
import { healthText } from '../health-text.ts';
import type { CliHost } from '../host.ts';
import { type ClientFlags, type ReadFlags, withExamples, withReadOptions } from '../options.ts';
import { painter, printable } from '../output.ts';
import { type Reading, read } from '../reading.ts';

export function healthCommand(program: Command, host: CliHost): void {
  const command = withReadOptions(program.command('health'))
    .summary('how the proxies find the endpoints')
    .description(
      'Shows by how many proxies each endpoint is healthy, ejected by outlier detection, or down by its active check, ' +
        'as far as the fleets of the policy say where to ask their proxies (fleets.*.admin); all else is unknown.\n' +
        'Exit code 0: all endpoints that are shown are healthy to all proxies that are known; 2: some are not, or nothing is known.',
    )
    .argument('[service]', 'all endpoints of this service; absent: those of all services that are not healthy')
    .action((service: string | undefined, flags: ClientFlags & ReadFlags) =>
      read(host, flags, () => look(host, service, flags)),
    );
  withExamples(command, [
    'switchyard health',
    'switchyard health catalog --watch',
    'switchyard health catalog -o json',
  ]);
}

async function look(host: CliHost, service: string | undefined, flags: ClientFlags): Promise<Reading> {
  const query = service === undefined ? {} : { service };
  const { body } = await call(host, flags, readEndpointHealth, { query });
  const table = () => {
    const text = healthText(printable(body), painter(host));
    return text === '' ? 'all endpoints are healthy to all proxies\n' : text;
  };
  const troubled = body.endpoints.some(each => each.failedCheck + each.ejected + each.unchecked + each.degraded > 0);
  return {
    value: body,
    table,
    name: () => body.endpoints.map(each => `${each.service}/${each.endpoint}`),
    code: troubled || body.unknownCount === body.proxies ? 2 : 0,
  };
}

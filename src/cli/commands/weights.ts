import type { Command } from 'commander';
import { type EndpointWeightsReply, readEndpointWeights } from '../../admin/api.ts';
import { call } from '../call.ts';
import type { CliHost } from '../host.ts';
import { type ClientFlags, type ReadFlags, withExamples, withReadOptions } from '../options.ts';
import { printable, renderTable } from '../output.ts';
import { type Reading, read } from '../reading.ts';
import { computedText } from '../status-text.ts';

export function weightsCommand(program: Command, host: CliHost): void {
  const command = withReadOptions(program.command('weights'))
    .summary('which weight holds for each endpoint of a service, and why')
    .description(
      'Shows the weight that holds for each endpoint of a service, on the scale of the declared ones, and where it comes ' +
        'from: an override, else what somebody computes, else the policy.',
    )
    .argument('<service>', 'name of the service')
    .action((service: string, flags: ClientFlags & ReadFlags) => read(host, flags, () => look(host, service, flags)));
  withExamples(command, ['switchyard weights catalog', 'switchyard weights catalog --watch']);
}

async function look(host: CliHost, service: string, flags: ClientFlags): Promise<Reading> {
  const { body } = await call(host, flags, readEndpointWeights, { params: { service } });
  return {
    value: body,
    table: () => weightsText(printable(body), host.now()),
    name: () => body.endpoints.map(each => each.address),
  };
}

function weightsText({ endpoints, computed }: EndpointWeightsReply, now: number): string {
  const cell = (value: number | undefined) => (value === undefined ? '-' : String(value));
  const rows = endpoints.map(({ address, weight, from, declared, computed: given, override }) => [
    address,
    String(weight),
    from,
    String(declared),
    cell(given),
    cell(override),
  ]);
  const head = computed ? `${computedText(computed, now)}\n` : '';
  return `${head}${renderTable(['ENDPOINT', 'WEIGHT', 'FROM', 'DECLARED', 'COMPUTED', 'OVERRIDE'], rows)}`;
}

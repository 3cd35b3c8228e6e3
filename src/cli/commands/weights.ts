import type { Command } from 'commander';
import type { EndpointWeightsReply } from '../../admin/api.ts';
import { callAdmin } from '../client.ts';
import type { CliHost } from '../host.ts';
import { type ClientFlags, withClientOptions, withExamples } from '../options.ts';
import { printable, render, renderTable } from '../output.ts';
import { computedText } from '../status-text.ts';

export function weightsCommand(program: Command, host: CliHost): void {
  const command = withClientOptions(program.command('weights'))
    .summary('which weight holds for each endpoint of a service, and why')
    .description(
      'Shows the weight that holds for each endpoint of a service, on the scale of the declared ones, and where it comes ' +
        'from: an override, else what somebody computes, else the policy.',
    )
    .argument('<service>', 'name of the service')
    .action(async (service: string, flags: ClientFlags) => {
      const path = `/api/v1/services/${encodeURIComponent(service)}/weights`;
      const { body } = await callAdmin<EndpointWeightsReply>(host, flags, 'GET', path);
      host.out(render(body, flags.output, () => weightsText(printable(body))));
    });
  withExamples(command, ['switchyard weights catalog']);
}

function weightsText({ endpoints, computed }: EndpointWeightsReply): string {
  const cell = (value: number | undefined) => (value === undefined ? '-' : String(value));
  const rows = endpoints.map(({ address, weight, from, declared, computed: given, override }) => [
    address,
    String(weight),
    from,
    String(declared),
    cell(given),
    cell(override),
  ]);
  const head = computed ? `${computedText(computed, Date.now())}\n` : '';
  return `${head}${renderTable(['ENDPOINT', 'WEIGHT', 'FROM', 'DECLARED', 'COMPUTED', 'OVERRIDE'], rows)}`;
}

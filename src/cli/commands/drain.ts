import type { Command } from 'commander';
import type { EndpointBody, OverrideWriteReply } from '../../admin/api.ts';
import { callAdmin } from '../client.ts';
import type { AdminFlags, CliHost } from '../host.ts';
import { outputOption, type WaitFlags, waitQuery, withAdminOptions, withWaitOptions } from '../options.ts';
import { CliFailure, type OutputFormat, render } from '../output.ts';
import { writeTable } from '../write-table.ts';

type DrainFlags = AdminFlags &
  WaitFlags & {
    readonly output: OutputFormat;
    readonly undo?: boolean;
    readonly force?: boolean;
    readonly disable?: boolean;
    readonly for?: string;
  };

export function drainCommand(program: Command, host: CliHost): void {
  withWaitOptions(withAdminOptions(program.command('drain')))
    .summary('take an endpoint out of traffic, or put it back')
    .description(
      'Draining: the endpoint gets no new requests and finishes the ones it has. Undone by --undo, by --for, or when the\n' +
        'endpoint leaves the policy. The last usable endpoint of a service is not drained without --force.\n\n' +
        'Example: switchyard drain catalog 10.0.0.11:8080 --for 30m --wait',
    )
    .argument('<service>', 'name of the service')
    .argument('<address>', 'address of the endpoint as the policy declares it')
    .option('--undo', 'end the drain (or other override) of the endpoint')
    .option('--disable', 'take it out altogether instead of draining it')
    .option('--for <duration>', 'end the drain by itself after this time')
    .option('--force', 'also when it is the last usable endpoint')
    .addOption(outputOption())
    .action(async (service: string, address: string, flags: DrainFlags) => {
      const path = `/api/v1/services/${encodeURIComponent(service)}/endpoints/${encodeURIComponent(address)}`;
      const query = waitQuery(flags, flags.force ? { force: 'true' } : {});
      const body: EndpointBody = {
        state: flags.disable ? 'disabled' : 'draining',
        ...(flags.for === undefined ? {} : { expiresIn: flags.for }),
      };
      const answer = flags.undo
        ? await callAdmin<OverrideWriteReply>(host, flags, 'DELETE', path + query)
        : await callAdmin<OverrideWriteReply>(host, flags, 'PATCH', path + query, body);
      host.out(render(answer.body, flags.output, () => writeTable(answer.body)));
      if (answer.status === 202) throw new CliFailure('', 2);
    });
}

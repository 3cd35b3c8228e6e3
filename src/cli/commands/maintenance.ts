import type { Command } from 'commander';
import {
  endRouteMaintenance,
  endServiceMaintenance,
  type MaintenanceBody,
  maintainRoute,
  maintainService,
} from '../../admin/api.ts';
import { call } from '../call.ts';
import type { CliHost } from '../host.ts';
import { type WriteFlags, withExamples, withWriteOptions, writeQuery } from '../options.ts';
import { CliFailure } from '../output.ts';
import { type OverrideAnswer, showWrite } from '../write-answer.ts';

type MaintenanceFlags = WriteFlags & {
  readonly route?: string;
  readonly undo?: boolean;
  readonly for?: string;
};

export function maintenanceCommand(program: Command, host: CliHost): void {
  const command = withWriteOptions(program.command('maintenance'))
    .summary('put a page in place of a service, or take it away')
    .description(
      'Callers of the service, or of all services behind a route, are answered the page that the policy declares, or a plain ' +
        '503. Those that `except` names get through. Requests under way are finished, connections stay, and endpoints are ' +
        'checked all along. Undone by --undo, or by --for.',
    )
    .argument('[service]', 'name of the service')
    .option('--route <route>', 'the services behind this route, instead of one service')
    .option('--for <duration>', 'end it by itself after this time, e.g. 30m')
    .option('--undo', 'end it')
    .action((service: string | undefined, flags: MaintenanceFlags) => maintain(host, service, flags));
  withExamples(command, [
    'switchyard maintenance catalog --for 30m --wait --reason "new schema"',
    'switchyard maintenance catalog --undo --wait',
    'switchyard maintenance --route shop --dry-run',
    'switchyard maintenance --route shop',
  ]);
}

async function maintain(host: CliHost, service: string | undefined, flags: MaintenanceFlags): Promise<void> {
  const { route, undo } = flags;
  if ((service === undefined) === (route === undefined)) {
    throw new CliFailure('give a service, or a route with --route');
  }
  if (undo && flags.for !== undefined) throw new CliFailure('give --undo alone, without --for');
  const body: MaintenanceBody = flags.for === undefined ? {} : { expiresIn: flags.for };
  showWrite(host, flags.output, await write(host, flags, service, body));
}

function write(
  host: CliHost,
  flags: MaintenanceFlags,
  service: string | undefined,
  body: MaintenanceBody,
): Promise<OverrideAnswer> {
  const query = writeQuery(flags);
  if (service !== undefined) {
    const params = { service };
    return flags.undo
      ? call(host, flags, endServiceMaintenance, { params, query })
      : call(host, flags, maintainService, { params, query, body });
  }
  const params = { route: flags.route ?? '' };
  return flags.undo
    ? call(host, flags, endRouteMaintenance, { params, query })
    : call(host, flags, maintainRoute, { params, query, body });
}

import type { Command } from 'commander';
import {
  type EndpointsBody,
  endEndpointOverride,
  endEndpointOverrides,
  overrideEndpoint,
  overrideEndpoints,
} from '../../admin/api.ts';
import { call } from '../call.ts';
import type { CliHost } from '../host.ts';
import { asked, type WriteFlags, withExamples, withWriteOptions, writeQuery } from '../options.ts';
import { CliFailure } from '../output.ts';
import { type OverrideAnswer, showWrite } from '../write-answer.ts';

type DrainFlags = WriteFlags & {
  readonly undo?: boolean;
  readonly force?: boolean;
  readonly disable?: boolean;
  readonly for?: string;
  readonly sessionsFor?: string;
};

export function drainCommand(program: Command, host: CliHost): void {
  const command = withWriteOptions(program.command('drain'))
    .summary('take an endpoint, or all of a service, out of traffic, or put it back')
    .description(
      'Draining: the endpoint gets no new requests, finishes the ones it has, and keeps the sessions of a service that has ' +
        'some, for the time of --sessions-for or until the drain ends. Undone by --undo, by --for, or when the endpoint ' +
        'leaves the policy. The last usable endpoint of a service without fallback is not drained without --force. Without an ' +
        'address it is about all endpoints that the service has now, in one step, all or nothing.',
    )
    .argument('<service>', 'name of the service')
    .argument('[address]', 'address of the endpoint as the policy declares it; without it, all of the service')
    .option('--undo', 'end the drain (or other override) of the endpoint, or of all')
    .option('--disable', 'take it out altogether instead of draining it')
    .option('--for <duration>', 'end the drain by itself after this time, e.g. 30m')
    .option('--sessions-for <duration>', 'end its sessions after this time: from then on it is disabled, e.g. 10m')
    .option('--force', 'also when no usable endpoint is left then, and no fallback takes over')
    .action((service: string, address: string | undefined, flags: DrainFlags) => drain(host, service, address, flags));
  withExamples(command, [
    'switchyard drain catalog 10.0.0.11:8080 --for 30m --wait',
    'switchyard drain cart 10.0.0.21:8080 --sessions-for 10m',
    'switchyard drain catalog 10.0.0.11:8080 --undo',
    'switchyard drain catalog --dry-run',
    'switchyard drain catalog --wait --reason "move to the second site"',
    'switchyard drain catalog --undo',
  ]);
}

async function drain(host: CliHost, service: string, address: string | undefined, flags: DrainFlags): Promise<void> {
  if (address === '') throw new CliFailure('the address is empty; leave it out to mean all endpoints of the service');
  if (flags.undo && (flags.disable || flags.for !== undefined || flags.sessionsFor !== undefined)) {
    throw new CliFailure('give --undo alone, without --disable, --for and --sessions-for');
  }
  if (flags.disable && flags.sessionsFor !== undefined) {
    throw new CliFailure('give --disable or --sessions-for: an endpoint that is taken out keeps no sessions');
  }
  const body: EndpointsBody = {
    state: flags.disable ? 'disabled' : 'draining',
    ...(flags.for === undefined ? {} : { expiresIn: flags.for }),
    ...(flags.sessionsFor === undefined ? {} : { sessionsFor: flags.sessionsFor }),
  };
  showWrite(host, flags.output, await write(host, service, address, flags, body));
}

function write(
  host: CliHost,
  service: string,
  address: string | undefined,
  flags: DrainFlags,
  body: EndpointsBody,
): Promise<OverrideAnswer> {
  const end = { query: writeQuery(flags) };
  const put = { body, query: { ...writeQuery(flags), ...asked('force', flags.force) } };
  if (address === undefined) {
    const params = { service };
    return flags.undo
      ? call(host, flags, endEndpointOverrides, { params, ...end })
      : call(host, flags, overrideEndpoints, { params, ...put });
  }
  const params = { service, address };
  return flags.undo
    ? call(host, flags, endEndpointOverride, { params, ...end })
    : call(host, flags, overrideEndpoint, { params, ...put });
}

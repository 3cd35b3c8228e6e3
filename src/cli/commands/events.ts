import type { Command } from 'commander';
import { type EventReply, listEvents } from '../../admin/api.ts';
import { escaped } from '../../base/one-line.ts';
import { call } from '../call.ts';
import { followEvents, type Heard } from '../event-reader.ts';
import type { CliHost } from '../host.ts';
import { type ClientFlags, withClientOptions, withExamples } from '../options.ts';
import { printable, render, renderTable } from '../output.ts';

type EventFlags = ClientFlags & {
  readonly follow?: boolean;
  readonly type?: string;
  readonly fleet?: string;
  readonly proxy?: string;
  readonly limit: string;
};

export function eventsCommand(program: Command, host: CliHost): void {
  const command = withClientOptions(program.command('events'))
    .summary('what happened of late, and what happens')
    .description(
      'Lists what happened of late, the newest last: revisions, overrides, pushes, acknowledgements, rejections.',
    )
    .option('-f, --follow', 'go on with what happens, until Ctrl-C')
    .option('--type <types>', 'only these types, with commas between')
    .option('--fleet <fleet>', 'only what is about this fleet, or one of its sub-fleets')
    .option('--proxy <id>', 'only what is about this proxy')
    .option('--limit <number>', 'how many at most, up to 1000', '50')
    .action((flags: EventFlags) => show(host, flags));
  withExamples(command, [
    'switchyard events',
    'switchyard events --follow --type revision,nack,reject,quarantine',
    'switchyard events --proxy edge-1 -o json',
  ]);
}

async function show(host: CliHost, flags: EventFlags): Promise<void> {
  const { type, fleet, proxy, limit, follow, output } = flags;
  const query = { ...(type && { type }), ...(fleet && { fleet }), ...(proxy && { proxy }) };
  const { body } = await call(host, flags, listEvents, { query: { ...query, limit } });
  const one = (event: Heard): string => {
    if (output === 'json') return escaped(`${JSON.stringify(event)}\n`);
    return render(event, output, {
      table: () => lineOf(printable(event)),
      name: () => ['id' in event ? String(event.id) : ''],
    });
  };
  if (!follow) {
    const table = () => {
      const rows = printable(body).events.map(rowOf);
      return rows.length === 0 ? 'nothing has happened\n' : renderTable(['AT', 'TYPE', 'MESSAGE'], rows);
    };
    host.out(render(body, output, { table, name: () => body.events.map(each => String(each.id)) }));
    return;
  }
  for (const event of body.events) host.out(one(event));
  // 0: from now on.
  const since = body.events.at(-1)?.id ?? 0;
  await followEvents(host, flags, { query, since, hear: event => host.out(one(event)) });
}

const rowOf = ({ at, type, message }: EventReply): readonly string[] => [at, type, message];

function lineOf(event: Heard): string {
  const at = 'at' in event ? event.at : '-'.padEnd(24);
  return `${at}  ${event.type.padEnd(12)}  ${event.message}\n`;
}

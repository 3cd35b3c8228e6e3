import type { Command } from 'commander';
import { endQuarantine, listQuarantines, type QuarantineReply } from '../../admin/api.ts';
import { call } from '../call.ts';
import type { CliHost } from '../host.ts';
import {
  type ClientFlags,
  type ReadFlags,
  type WaitFlags,
  waitQuery,
  withExamples,
  withReadOptions,
  withWaitOptions,
} from '../options.ts';
import { ago, painter, printable, renderTable } from '../output.ts';
import { type Reading, read } from '../reading.ts';
import { placeText, quarantinesHead, quarantineText } from '../rejection-text.ts';
import { showWrite } from '../write-answer.ts';

export function quarantineCommand(program: Command, host: CliHost): void {
  const quarantine = program
    .command('quarantine')
    .summary('what is not sent to a fleet, since its proxies reject it')
    .description(
      'A content that several proxies of a fleet reject and none accepts is not sent to the fleet any more: what was there ' +
        'before stands in its place, or nothing. It ends when the policy changes it, or by hand.',
    );
  const list = withReadOptions(quarantine.command('list'))
    .summary('list what is in quarantine')
    .description('Lists what is in quarantine, where it stands in the policy, and what the proxies say of it.')
    .action((flags: ClientFlags & ReadFlags) => read(host, flags, () => look(host, flags)));
  const release = withWaitOptions(quarantine.command('release'))
    .summary('send it again')
    .description(
      'Sends a content to the fleet again, as it is. Where its proxies still reject it, it comes back into quarantine.',
    )
    .argument('<fleet>', 'key of the fleet')
    .argument('<type>', 'CDS, EDS, LDS, RDS or RTDS')
    .argument('<name>', 'name of the resource')
    .action((fleet: string, type: string, name: string, flags: WaitFlags) => end(host, fleet, type, name, flags));
  const examples = ['switchyard quarantine list', 'switchyard quarantine release edge CDS catalog@v1 --wait'];
  withExamples(quarantine, examples);
  withExamples(list, ['switchyard quarantine list', 'switchyard quarantine list -o json']);
  withExamples(release, examples.slice(1));
}

async function look(host: CliHost, flags: ClientFlags): Promise<Reading> {
  const { body } = await call(host, flags, listQuarantines, {});
  const table = () => {
    const { quarantines } = printable(body);
    return quarantines.length === 0 ? 'nothing is in quarantine\n' : listText(host, quarantines);
  };
  // As the arguments of "release".
  const name = () => body.quarantines.map(each => `${each.fleet} ${each.type} ${each.name}`);
  return { value: body, table, name };
}

function listText(host: CliHost, quarantines: readonly QuarantineReply[]): string {
  const now = host.now();
  const rows = quarantines.map(each => [
    each.fleet,
    each.type,
    each.name,
    ago(each.since, now),
    each.instead,
    placeText(each) || '-',
  ]);
  const table = renderTable(['FLEET', 'TYPE', 'NAME', 'SINCE', 'INSTEAD', 'PLACE'], rows);
  const paint = painter(host);
  const each = quarantines.map(each => quarantineText(each, paint, now)).join('');
  return `${table}\n${quarantinesHead(quarantines, paint)}${each}`;
}

async function end(host: CliHost, fleet: string, type: string, name: string, flags: WaitFlags): Promise<void> {
  const answer = await call(host, flags, endQuarantine, { params: { fleet, type, name }, query: waitQuery(flags) });
  showWrite(host, flags.output, answer, `${type} ${name} is sent to fleet ${fleet} again`);
}

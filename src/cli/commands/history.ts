import type { Command } from 'commander';
import {
  type DiffReply,
  type HeldReply,
  listRevisions,
  proxyHistory,
  type RevisionEntry,
  readHistory,
} from '../../admin/api.ts';
import { call } from '../call.ts';
import type { CliHost } from '../host.ts';
import { parseMoment } from '../moment.ts';
import { type ClientFlags, type ReadFlags, withExamples, withReadOptions } from '../options.ts';
import { ago, CliFailure, count, printable, renderTable } from '../output.ts';
import { type Reading, read } from '../reading.ts';

type HistoryFlags = ClientFlags &
  ReadFlags & { readonly proxy?: string; readonly fleet?: string; readonly at?: string; readonly limit: string };

export function historyCommand(program: Command, host: CliHost): void {
  const command = withReadOptions(program.command('history'))
    .summary('what was changed, by whom, and what proxies were sent')
    .description(
      'Lists the accepted changes, the newest first. With --proxy it says what was in force for a proxy at a moment, and who ' +
        'had changed it; with --fleet, when a fleet was sent something else, and why.',
    )
    .option('--proxy <id>', 'what was in force for this proxy')
    .option('--at <moment>', 'when: 14:02, "10m ago" or 2026-03-01T14:02:00Z; with --proxy')
    .option('--fleet <key>', 'what this fleet was sent')
    .option('--limit <number>', 'how many at most, up to 1000', '20')
    .action((flags: HistoryFlags) => read(host, flags, () => look(host, flags)));
  withExamples(command, [
    'switchyard history',
    'switchyard history --proxy edge-1 --at 14:02',
    'switchyard history --fleet edge --limit 100',
  ]);
}

function look(host: CliHost, flags: HistoryFlags): Promise<Reading> {
  if (flags.at !== undefined && flags.proxy === undefined) throw new CliFailure('--at needs --proxy');
  if (flags.proxy !== undefined) return lookAtProxy(host, flags, flags.proxy);
  return flags.fleet === undefined ? lookAtRevisions(host, flags) : lookAtFleet(host, flags, flags.fleet);
}

async function lookAtRevisions(host: CliHost, flags: HistoryFlags): Promise<Reading> {
  const { body } = await call(host, flags, listRevisions, { query: { limit: flags.limit } });
  const table = () => revisionsTable(printable(body).revisions, host.now());
  return { value: body, table, name: () => body.revisions.map(each => String(each.number)) };
}

export function revisionsTable(revisions: readonly RevisionEntry[], now: number): string {
  if (revisions.length === 0) return 'nothing was accepted yet\n';
  const rows = revisions.map(({ number, at, author, what, reason, pin }) => [
    `${number}${pin ? ' (pinned)' : ''}`,
    ago(at, now),
    author,
    `${what || 'the policy'}${reason === '' || reason === 'saved' ? '' : ` (${reason})`}`,
  ]);
  return renderTable(['REVISION', 'WHEN', 'WHO', 'WHAT'], rows);
}

async function lookAtFleet(host: CliHost, flags: HistoryFlags, fleet: string): Promise<Reading> {
  const { body } = await call(host, flags, readHistory, { query: { limit: flags.limit, fleet } });
  const table = () => {
    const { publications } = printable(body);
    if (publications.length === 0) return `nothing is known of what fleet ${fleet} was sent\n`;
    const rows = publications.map(({ at, revision, author, cause, what, fleets }) => {
      return [at, String(revision), fleets[fleet] ?? 'gone', author, `${cause}: ${what}`];
    });
    return renderTable(['AT', 'REVISION', 'VERSION', 'WHO', 'WHY'], rows);
  };
  return { value: body, table, name: () => body.publications.map(each => String(each.number)) };
}

async function lookAtProxy(host: CliHost, flags: HistoryFlags, id: string): Promise<Reading> {
  const query = flags.at === undefined ? {} : { at: parseMoment(flags.at, host.now()) };
  const { body } = await call(host, flags, proxyHistory, { params: { id }, query });
  return { value: body, table: () => heldText(printable(body)), name: () => [body.version] };
}

function heldText({ id, fleet, at, version, since, until, author, what, cause, revision }: HeldReply): string {
  const end = until === undefined ? 'and still is' : `until ${until}`;
  const reason = revision && revision.reason !== '' && revision.reason !== 'saved' ? ` (${revision.reason})` : '';
  return (
    `${id} of fleet ${fleet}, at ${at}: version ${version}\n` +
    `in force since ${since}, ${end}\n` +
    `by ${author}, ${cause}: ${what}${reason}\n` +
    `${revision ? `revision ${revision.number}, accepted ${revision.at}` : 'its revision is kept no longer'}\n`
  );
}

/** The text of a difference between two revisions. */
export function diffText({ documents, overrides, fleets, why }: DiffReply): string {
  const parts = [
    ...documents.map(({ file, change, diff }) => `${change} ${file}\n${diff}`),
    ...overrides.removed.map(each => `- ${each}\n`),
    ...overrides.added.map(each => `+ ${each}\n`),
    ...fleets.map(({ fleet, resources, count: all }) => {
      const lines = resources.map(({ type, name, change, fields, drains }) => {
        const what = fields.length > 0 ? `: ${count(fields.length, 'field')}` : '';
        return `  ${change} ${type} ${name}${what}${drains ? ', drains its connections' : ''}\n`;
      });
      const more = all > resources.length ? `  and ${all - resources.length} more\n` : '';
      return `fleet ${fleet}\n${lines.join('')}${more}`;
    }),
    ...(why === undefined ? [] : [`what fleets would hold is not known: ${why}\n`]),
  ];
  return parts.join('') || 'no difference\n';
}

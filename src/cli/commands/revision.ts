import type { Command } from 'commander';
import {
  acceptName,
  acceptRefused,
  type ChangeReply,
  diffRevisions,
  pinRevision,
  readRevision,
  rollBack,
  unpinRevision,
} from '../../admin/api.ts';
import { escaped } from '../../base/one-line.ts';
import { call } from '../call.ts';
import { effectText } from '../effect-text.ts';
import type { CliHost } from '../host.ts';
import {
  asked,
  type ClientFlags,
  type ReadFlags,
  type WriteFlags,
  withClientOptions,
  withExamples,
  withReadOptions,
  withWriteOptions,
  writeQuery,
} from '../options.ts';
import { CliFailure, painter, printable, render } from '../output.ts';
import { type Reading, read } from '../reading.ts';
import { refuseShrinks, writeText } from '../write-answer.ts';
import { diffText, revisionsTable } from './history.ts';

/** Revisions: to see, to compare, to keep, and to go back to. */
export function revisionCommand(program: Command, host: CliHost): void {
  const revision = program
    .command('revision')
    .summary('show, compare or keep an accepted change')
    .description(
      'Every accepted change is a revision, with the whole policy and what lay over it; "history" lists them.',
    );
  const show = withReadOptions(revision.command('show'))
    .summary('show a revision')
    .description('Shows who made a change, and the documents and overrides from then on.')
    .argument('<number>', 'of the revision')
    .action((number: string, flags: ClientFlags & ReadFlags) => read(host, flags, () => look(host, number, flags)));
  const diff = withReadOptions(revision.command('diff'))
    .summary('what turns one revision into another')
    .description('Shows what becomes of the policy, of what lies over it, and of what each fleet holds.')
    .argument('<from>', 'number of the one')
    .argument('<to>', 'number of the other')
    .action((from: string, to: string, flags: ClientFlags & ReadFlags) =>
      read(host, flags, () => compare(host, from, to, flags)),
    );
  const pin = withClientOptions(revision.command('pin'))
    .summary('keep a revision for ever')
    .description('Keeps a revision however many and however old; --undo lets it go as others.')
    .argument('<number>', 'of the revision')
    .option('--undo', 'keep it no longer than others')
    .option('--reason <text>', 'why')
    .action((number: string, flags: PinFlags) => keep(host, number, flags));
  withExamples(show, ['switchyard revision show 12', 'switchyard revision show 12 -o json']);
  withExamples(diff, ['switchyard revision diff 11 12']);
  withExamples(pin, ['switchyard revision pin 12 --reason "before the move"', 'switchyard revision pin 12 --undo']);
  withExamples(revision, ['switchyard revision show 12', 'switchyard revision diff 11 12']);
}

type PinFlags = ClientFlags & { readonly undo?: boolean; readonly reason?: string };
type ChangeFlags = WriteFlags & { readonly overrides?: boolean; readonly allowShrink?: boolean };

export function rollbackCommand(program: Command, host: CliHost): void {
  const command = withWriteOptions(program.command('rollback'))
    .summary('put the policy of a revision in force again')
    .description(
      'That is a revision itself. What operators have set over the policy stays, unless --overrides is given. Policy files ' +
        'that say otherwise are without effect until they change.',
    )
    .argument('<number>', 'of the revision; "history" lists them')
    .option('--overrides', 'go back to its overrides as well')
    .option('--allow-shrink', 'also if services lose all or more than half of their endpoints')
    .action(async (number: string, flags: ChangeFlags) => {
      const query = {
        ...writeQuery(flags),
        ...asked('overrides', flags.overrides),
        ...asked('allowShrink', flags.allowShrink),
      };
      const answer = await call(host, flags, rollBack, { params: { number }, query });
      showChange(host, flags, answer);
      refuseShrinks(answer.body.effect, flags.allowShrink);
    });
  withExamples(command, [
    'switchyard rollback 12 --wait --reason "checkout is slow"',
    'switchyard rollback 12 --overrides --dry-run',
  ]);
}

export function acceptCommand(program: Command, host: CliHost): void {
  const command = withWriteOptions(program.command('accept'))
    .summary('take a save, or the addresses of a name, that was held back')
    .description(
      'A save that would take all or more than half of its endpoints from a service that fleets use is refused, and so few ' +
        'addresses of a host name are not believed. This says that it is meant so.',
    )
    .argument('[host]', 'a host name; without one, the save that was refused')
    .action(async (name: string | undefined, flags: ChangeFlags) => {
      if (name !== undefined) {
        const query = asked('dryRun', flags.dryRun);
        const { body } = await call(host, flags, acceptName, { params: { host: name }, query });
        const table = () => {
          const { accepted, effect } = printable(body);
          return effect ? effectText(effect, painter(host)) : `${accepted} has no other addresses than it has\n`;
        };
        host.out(render(body, flags.output, { table, name: () => [body.accepted] }));
        return;
      }
      showChange(host, flags, await call(host, flags, acceptRefused, { query: writeQuery(flags) }));
    });
  withExamples(command, ['switchyard accept --wait', 'switchyard accept --dry-run', 'switchyard accept app.internal']);
}

async function look(host: CliHost, number: string, flags: ClientFlags): Promise<Reading> {
  const { body } = await call(host, flags, readRevision, { params: { number } });
  const table = () => {
    const heading = revisionsTable([printable(body)], host.now());
    const texts = body.documents.map(({ file, text }) => `\n--- ${printable(file)}\n${escaped(text)}`);
    const over = body.overrides.map(each => `${printable(each)}\n`).join('');
    return `${heading}${over === '' ? '' : `\nover the policy:\n${over}`}${texts.join('')}`;
  };
  return { value: body, table, name: () => body.documents.map(each => each.file) };
}

/** What turns one revision into another. */
export async function compare(host: CliHost, from: string, to: string, flags: ClientFlags): Promise<Reading> {
  const { body } = await call(host, flags, diffRevisions, { params: { number: from, other: to } });
  const differs = body.documents.length + body.overrides.added.length + body.overrides.removed.length > 0;
  const table = () => escaped(diffText(body));
  return { value: body, table, name: () => body.fleets.map(each => each.fleet), code: differs ? 2 : 0 };
}

async function keep(host: CliHost, number: string, flags: PinFlags): Promise<void> {
  const params = { number };
  const query = flags.reason === undefined ? {} : { reason: flags.reason };
  const { body } = flags.undo
    ? await call(host, flags, unpinRevision, { params })
    : await call(host, flags, pinRevision, { params, query });
  const table = () => `revision ${body.number} ${body.pinned ? 'is kept for ever' : 'is kept as long as others'}\n`;
  host.out(render(body, flags.output, { table, name: () => [String(body.number)] }));
}

interface ChangeAnswer {
  readonly status: number;
  readonly body: ChangeReply;
}

/** @throws CliFailure (2) when not all have acknowledged in time. */
function showChange(host: CliHost, flags: ClientFlags, { status, body }: ChangeAnswer): void {
  const table = () => {
    const { revision, warnings, effect, ...rest } = printable(body);
    if (effect) return effectText(effect, painter(host), rest.waitsForThaw);
    const warned = warnings.map(each => `warning ${each.code}: ${each.message}\n`).join('');
    const how = rest.waitsForThaw ? 'is accepted' : 'is in force';
    return `revision ${revision} ${how}\n${warned}${writeText(rest, painter(host))}`;
  };
  host.out(
    render(body, flags.output, { table, name: () => (body.revision === undefined ? [] : [String(body.revision)]) }),
  );
  if (status === 202) throw new CliFailure('', 2);
}

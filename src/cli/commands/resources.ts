import type { Command } from 'commander';
import { type DeclaredReply, type ResourceWriteReply, resources, transact } from '../../admin/api.ts';
import { fieldChanges } from '../../base/field-changes.ts';
import { kindNames } from '../../policy/kinds.ts';
import { call } from '../call.ts';
import { listDeclared, readPuts, readResource, readTarget } from '../declared.ts';
import { effectText, fieldLine } from '../effect-text.ts';
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
import { CliFailure, painter, printable, render, renderTable } from '../output.ts';
import { problemText } from '../problem-text.ts';
import { type Reading, read } from '../reading.ts';
import { refuseShrinks, writeText } from '../write-answer.ts';
import { compare } from './revision.ts';

type EditFlags = WriteFlags & { readonly takeOver?: boolean; readonly allowShrink?: boolean };

const query = (flags: EditFlags) => ({
  ...writeQuery(flags),
  ...asked('takeOver', flags.takeOver),
  ...asked('allowShrink', flags.allowShrink),
});

export function getCommand(program: Command, host: CliHost): void {
  const command = withReadOptions(program.command('get'))
    .summary('what is declared: services, gateways, routes, fleets')
    .description('Lists the resources of a kind, or shows one as it was written, and whom it belongs to.')
    .argument('<resource>', 'KIND, or KIND/NAME')
    .action((target: string, flags: ClientFlags & ReadFlags) => read(host, flags, () => look(host, target, flags)));
  withExamples(command, ['switchyard get services', 'switchyard get routes/shop -o yaml']);
}

async function look(host: CliHost, target: string, flags: ClientFlags): Promise<Reading> {
  const { kind, name } = readTarget(target);
  if (name === undefined) {
    const all = await listDeclared(host, flags, kind);
    return { value: { resources: all }, table: () => tableOf(printable(all)), name: () => all.map(idOf) };
  }
  const { body } = await call(host, flags, resources[kind].read, { params: { name } });
  const text = () => `${tableOf([printable(body)])}\n${JSON.stringify(printable(body.spec), undefined, 2)}\n`;
  return { value: body, table: text, name: () => [idOf(body)] };
}

const idOf = ({ kind, name }: Pick<DeclaredReply, 'kind' | 'name'>) => `${kind}/${name}`;
const placeOf = ({ file, line }: { readonly file?: string; readonly line?: number }) => `${file}:${line}`;

function tableOf(all: readonly DeclaredReply[]): string {
  const rows = all.map(each => {
    const over = each.takesOver ? ` (in place of ${placeOf(each.takesOver)})` : '';
    return [idOf(each), each.owner, each.version, `${placeOf(each)}${over}`];
  });
  return renderTable(['RESOURCE', 'OWNER', 'VERSION', 'DECLARED AT'], rows);
}

export function deleteCommand(program: Command, host: CliHost): void {
  const command = withWriteOptions(program.command('delete'))
    .summary('delete a resource that was made by API')
    .description(
      'What was taken over from the policy files becomes what they declare again. What belongs to the files is removed there.',
    )
    .argument('<resource>', 'KIND/NAME')
    .option('--allow-shrink', 'also if services lose all or more than half of their endpoints')
    .action((target: string, flags: EditFlags) => remove(host, target, flags));
  withExamples(command, ['switchyard delete routes/cart --wait', 'switchyard delete services/cart --dry-run']);
}

async function remove(host: CliHost, target: string, flags: EditFlags): Promise<void> {
  const { kind, name } = readResource(target);
  const answer = await call(host, flags, resources[kind].remove, { params: { name }, query: query(flags) });
  show(host, flags, answer, `${kind}/${name}`);
}

export function applyCommand(program: Command, host: CliHost): void {
  const command = withWriteOptions(program.command('apply'))
    .summary('put what files declare on the server, by API')
    .description(
      'Shows first what it would lead to, and on a terminal asks before it is done; all of it or nothing. What is put there ' +
        'belongs to the API afterwards, and stays until it is deleted.',
    )
    .argument('<path>', 'file or folder of policy')
    .option('--take-over', "also what the server's own policy files declare")
    .option('--allow-shrink', 'also if services lose all or more than half of their endpoints')
    .option('--yes', 'do not ask')
    .action((path: string, flags: EditFlags & { readonly yes?: boolean }) => apply(host, path, flags));
  withExamples(command, ['switchyard apply cart.yaml --wait', 'switchyard apply ./policy --dry-run']);
}

async function apply(host: CliHost, path: string, flags: EditFlags & { readonly yes?: boolean }): Promise<void> {
  const changes = await readPuts(host, path);
  if (changes.length === 0) throw new CliFailure(`${path} declares nothing`);
  const preview = await call(host, flags, transact, {
    body: { changes },
    query: query({ ...flags, dryRun: true, wait: false }),
  });
  if (flags.dryRun) return show(host, flags, preview, path);
  if (host.ask && !flags.yes) {
    host.err(effectText(printable(preview.body.effect ?? nothing), painter(host)));
    const reply = await host.ask('Do it? [y/N] ');
    if (!/^y(es)?$/i.test(reply.trim())) throw new CliFailure('nothing was changed');
  }
  show(host, flags, await call(host, flags, transact, { body: { changes }, query: query(flags) }), path);
}

const nothing = { fleets: [], moves: [], proxyCount: 0, drains: false, problems: [], solved: [], shrinks: [] };

type Written = {
  readonly status: number;
  readonly body: Pick<ResourceWriteReply, 'changed' | 'fleets' | 'warnings'> & Partial<ResourceWriteReply>;
};

/** @throws CliFailure (2) when not all have acknowledged in time. */
function show(host: CliHost, flags: EditFlags, { status, body }: Written, what: string): void {
  const paint = painter(host);
  const text = () => {
    const { effect, warnings, revision, ...rest } = printable(body);
    if (effect) return effectText(effect, paint, rest.waitsForThaw);
    const made = revision === undefined ? '' : `${what} is in revision ${revision}\n`;
    return `${warnings.map(each => problemText(each, paint)).join('')}${made}${writeText(rest, paint)}`;
  };
  host.out(render(body, flags.output, { table: text, name: () => [what] }));
  refuseShrinks(body.effect, flags.allowShrink);
  if (status === 202) throw new CliFailure('', 2);
}

export function diffCommand(program: Command, host: CliHost): void {
  const command = withClientOptions(program.command('diff'))
    .summary('what files would change on the server, or what turns one revision into another')
    .description(
      'Compares what policy files declare with what is declared on the server, whoever that belongs to, and shows what the ' +
        'fleets would hold then. With two numbers of revisions it compares these, as "revision diff" does. Exit code 2 where ' +
        'there is a difference.',
    )
    .argument('<path>', 'file or folder of policy; or the number of a revision')
    .argument('[to]', 'number of another revision')
    .action((path: string, to: string | undefined, flags: ClientFlags) => {
      if (to === undefined) return diff(host, path, flags);
      if (/^\d+$/.test(path) && /^\d+$/.test(to)) return read(host, flags, () => compare(host, path, to, flags));
      throw new CliFailure('give one path, or the numbers of two revisions');
    });
  withExamples(command, [
    'switchyard diff ./policy',
    'switchyard diff switchyard.yaml -o json',
    'switchyard diff 11 12',
  ]);
}

async function diff(host: CliHost, path: string, flags: ClientFlags): Promise<void> {
  const puts = await readPuts(host, path);
  const declared = (await Promise.all(kindNames.map(kind => listDeclared(host, flags, kind)))).flat();
  const there = new Map(declared.map(each => [idOf(each), each]));
  const differing = puts.flatMap(each => {
    const { fields } = fieldChanges(there.get(idOf(each))?.spec, each.spec, 100);
    return fields.length === 0 ? [] : [{ resource: idOf(each), fields: fields.map(field => ({ ...field })) }];
  });
  const here = new Set(puts.map(idOf));
  const missing = declared.map(idOf).filter(each => !here.has(each));
  const asking = { body: { changes: [...puts] }, query: { dryRun: 'true', takeOver: 'true' } } as const;
  const effect =
    differing.length === 0 ? nothing : ((await call(host, flags, transact, asking)).body.effect ?? nothing);
  const value = { differences: differing, onlyOnServer: missing, effect };
  const table = () => {
    const { differences, onlyOnServer } = printable(value);
    const lines = differences.flatMap(({ resource, fields }) => [
      resource,
      ...fields.map(each => `  ${fieldLine(each.path === '' ? { ...each, path: 'all of it' } : each)}`),
    ]);
    const rest = onlyOnServer.length === 0 ? [] : [`only on the server: ${onlyOnServer.join(', ')}`];
    const same = differences.length === 0 ? ['the server has all that the files declare'] : [];
    return `${[...lines, ...same, ...rest].join('\n')}\n${differences.length === 0 ? '' : effectText(printable(effect), painter(host))}`;
  };
  host.out(render(value, flags.output, { table, name: () => differing.map(each => each.resource) }));
  if (differing.length > 0) throw new CliFailure('', 2);
}

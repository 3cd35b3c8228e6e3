import type { Command } from 'commander';
import type { BodyInput } from '../../admin/api/operation.ts';
import { createToken, listTokens, revokeToken, roles, scopeKinds, type TokenReply } from '../../admin/api.ts';
import { call } from '../call.ts';
import type { CliHost } from '../host.ts';
import { type ClientFlags, type ReadFlags, withClientOptions, withExamples, withReadOptions } from '../options.ts';
import { printable, render, renderTable } from '../output.ts';
import { type Reading, read } from '../reading.ts';

type CreateFlags = ClientFlags & {
  readonly role: string;
  readonly fleet?: readonly string[];
  readonly kind?: readonly string[];
  readonly expires?: string;
};

export function tokenCommand(program: Command, host: CliHost): void {
  const token = program
    .command('token')
    .summary('who may call the admin API, and for what')
    .description('Makes, lists and ends the tokens of the admin API, beside that of the first admin.');
  const create = withClientOptions(token.command('create'))
    .summary('make a token')
    .description('Makes a token and shows it, this once: the server keeps only a hash of it.')
    .argument('<name>', 'its name: the author of what is changed with it')
    .option('--role <role>', roles.join(', '), 'viewer')
    .option('--fleet <fleet...>', 'confine it to these fleets (default: all)')
    .option('--kind <kind...>', `confine it to these kinds: ${scopeKinds.join(', ')} (default: all)`)
    .option('--expires <duration>', 'when it ends by itself, such as 30d (default: never)')
    .action((name: string, flags: CreateFlags) => make(host, name, flags));
  const list = withReadOptions(token.command('list'))
    .summary('list the tokens')
    .description('Lists the tokens, those that have expired too, without the tokens themselves.')
    .action((flags: ClientFlags & ReadFlags) => read(host, flags, () => look(host, flags)));
  const revoke = withClientOptions(token.command('revoke'))
    .summary('end a token at once')
    .description('Ends a token at once, and what is followed with it.')
    .argument('<name>', 'its name')
    .action((name: string, flags: ClientFlags) => end(host, name, flags));
  const examples = [
    'switchyard token create pipeline --role operator --fleet edge --expires 30d',
    'switchyard token list',
    'switchyard token revoke pipeline',
  ];
  withExamples(token, examples);
  withExamples(create, [...examples.slice(0, 1), 'switchyard token create grafana']);
  withExamples(list, ['switchyard token list', 'switchyard token list -o name']);
  withExamples(revoke, examples.slice(2));
}

async function make(host: CliHost, name: string, flags: CreateFlags): Promise<void> {
  const { role, fleet, kind, expires, output } = flags;
  const body = {
    name,
    role,
    ...(fleet && { fleets: fleet }),
    ...(kind && { kinds: kind }),
    ...(expires !== undefined && { expiresIn: expires }),
  };
  // The server says which roles and kinds there are.
  const answer = await call(host, flags, createToken, { body: body as BodyInput<typeof createToken> });
  const table = () => `${answer.body.token}\n`;
  host.out(render(answer.body, output, { table, name: () => [answer.body.name] }));
  if (output === 'table' || output === 'wide')
    host.err('this is shown once: keep it where only its bearer can read it\n');
}

async function look(host: CliHost, flags: ClientFlags): Promise<Reading> {
  const { body } = await call(host, flags, listTokens, {});
  const row = (each: TokenReply) => [
    each.name,
    each.role,
    each.fleets?.join(',') ?? '*',
    each.kinds?.join(',') ?? '*',
    each.expiresAt ?? 'never',
    each.createdBy,
  ];
  const table = () => {
    const { tokens } = printable(body);
    if (tokens.length === 0) return "there is no token but the first admin's\n";
    return renderTable(['NAME', 'ROLE', 'FLEETS', 'KINDS', 'EXPIRES', 'BY'], tokens.map(row));
  };
  return { value: body, table, name: () => body.tokens.map(each => each.name) };
}

async function end(host: CliHost, name: string, flags: ClientFlags): Promise<void> {
  const { body } = await call(host, flags, revokeToken, { params: { name } });
  host.out(
    render(body, flags.output, { table: () => `the token ${name} is good for nothing any more\n`, name: () => [name] }),
  );
}

import { type Command, Option } from 'commander';
import type { AdminFlags } from './host.ts';
import { type OutputFormat, outputFormats } from './output.ts';

/** `-o table|wide|json|yaml|name`, and what else a command can print. */
export const outputOption = (more: readonly string[] = []) =>
  new Option('-o, --output <format>', 'how to print').choices([...outputFormats, ...more]).default('table');

const examples = new WeakMap<Command, readonly string[]>();

/** Command lines that a command was given, for those who check them. */
export const examplesOf = (command: Command): readonly string[] => examples.get(command) ?? [];

/** Command lines below the help of a command. Every command has some, and they are good command lines. */
export function withExamples(command: Command, lines: readonly string[]): Command {
  examples.set(command, lines);
  return command.addHelpText('after', `\nExamples:\n${lines.map(line => `  ${line}`).join('\n')}`);
}

/** The flags of every command that talks to a running server. */
export type ClientFlags = AdminFlags & { readonly output: OutputFormat };

export function withClientOptions(command: Command): Command {
  return command
    .option(
      '--admin <address>',
      'where the server is: HOST:PORT, https://HOST:PORT or unix:PATH (SWITCHYARD_ADMIN; default 127.0.0.1:18080)',
    )
    .option('--ca <file>', "authorities of the server's certificate: PEM; means https:// (SWITCHYARD_CA)")
    .option('--cert <file>', "the caller's own certificate, if the server wants one: PEM (SWITCHYARD_CERT)")
    .option('--key <file>', 'its private key: PEM (SWITCHYARD_KEY)')
    .option(
      '--data <dir>',
      "the server's data directory, where the token stands (SWITCHYARD_DATA; default ./.switchyard)",
    )
    .option('--token <token>', 'admin token, instead of the one in the data directory (SWITCHYARD_TOKEN)')
    .addOption(outputOption());
}

/** The flags of every command that shows what a running server has. */
export type ReadFlags = { readonly output: OutputFormat; readonly watch?: boolean };

export function withReadOptions(command: Command): Command {
  return withWatchOption(withClientOptions(command));
}

/** `--watch`, for what {@link read} repeats. */
export function withWatchOption(command: Command): Command {
  return command.option('-w, --watch', 'show it anew every second until Ctrl-C');
}

/** `--dry-run`, of every command that changes what proxies hold. */
export type DryFlags = ClientFlags & { readonly dryRun?: boolean };

export function withDryRun(command: Command): Command {
  return command.option('--dry-run', 'change nothing: show what it would lead to');
}

/** The flags of every command that changes what proxies hold: wait for them. */
export type WaitFlags = DryFlags & {
  readonly wait?: boolean;
  readonly timeout: string;
};

export function withWaitOptions(command: Command): Command {
  return withDryRun(withClientOptions(command))
    .option('--wait', 'answer only when every connected proxy concerned has acknowledged; exit code 2 if not in time')
    .option('--timeout <duration>', 'how long --wait waits, up to 60s', '5s');
}

/** The flags of every command that sets something over the policy. */
export type WriteFlags = WaitFlags & { readonly reason?: string; readonly duringFreeze?: boolean };

export function withWriteOptions(command: Command): Command {
  return withWaitOptions(command)
    .option('--reason <text>', 'why, for those who look later')
    .option('--during-freeze', 'publish it although everything is frozen; all else goes on waiting');
}

/** The query that the flags of a command which waits stand for. */
export function waitQuery({ wait, timeout, dryRun }: WaitFlags) {
  return {
    ...(wait ? { wait: 'acked' as const, timeout } : {}),
    ...(dryRun ? { dryRun: 'true' as const } : {}),
  };
}

/** The query that the flags of a write stand for. */
export function writeQuery(flags: WriteFlags) {
  return {
    ...waitQuery(flags),
    ...(flags.reason === undefined ? {} : { reason: flags.reason }),
    ...(flags.duringFreeze ? { duringFreeze: 'true' as const } : {}),
  };
}

/** A flag as a query says it. */
export const asked = <const Name extends string>(name: Name, flag: boolean | undefined) =>
  (flag ? { [name]: 'true' } : {}) as { readonly [Key in Name]?: 'true' };

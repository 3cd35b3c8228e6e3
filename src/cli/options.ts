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

/** The flags of every command that changes what proxies hold: wait for them. */
export type WaitFlags = ClientFlags & {
  readonly wait?: boolean;
  readonly timeout: string;
};

export function withWaitOptions(command: Command): Command {
  return withClientOptions(command)
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

/** The query that the flags of a write and `extra` stand for, with its question mark. */
export function writeQuery(flags: WriteFlags, extra: Readonly<Record<string, string>> = {}): string {
  const query = new URLSearchParams(extra);
  if (flags.wait) {
    query.set('wait', 'acked');
    query.set('timeout', flags.timeout);
  }
  if (flags.reason !== undefined) query.set('reason', flags.reason);
  if (flags.duringFreeze) query.set('duringFreeze', 'true');
  const text = query.toString();
  return text === '' ? '' : `?${text}`;
}

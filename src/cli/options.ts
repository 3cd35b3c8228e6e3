import { type Command, Option } from 'commander';
import { outputFormats } from './output.ts';

/** `-o table|json|yaml`. */
export const outputOption = () =>
  new Option('-o, --output <format>', 'how to print').choices([...outputFormats]).default('table');

/** The flags of every command that talks to a running server. */
export function withAdminOptions(command: Command): Command {
  return command
    .option('--admin <host:port>', 'admin address of the server (SWITCHYARD_ADMIN; default 127.0.0.1:18080)')
    .option('--data <dir>', "the server's data directory, where the token stands (SWITCHYARD_DATA)")
    .option('--token <token>', 'admin token, instead of the one in the data directory (SWITCHYARD_TOKEN)');
}

/** The flags of every command that writes: wait for the proxies. */
export function withWaitOptions(command: Command): Command {
  return command
    .option('--wait', 'answer only when every connected proxy concerned has acknowledged')
    .option('--timeout <duration>', 'how long to wait', '5s')
    .option('--reason <text>', 'why, for those who look later');
}

export interface WaitFlags {
  readonly wait?: boolean;
  readonly timeout: string;
  readonly reason?: string;
}

/** The query that `withWaitOptions` and `extra` stand for, with its question mark. */
export function waitQuery(flags: WaitFlags, extra: Readonly<Record<string, string>> = {}): string {
  const query = new URLSearchParams(extra);
  if (flags.wait) {
    query.set('wait', 'acked');
    query.set('timeout', flags.timeout);
  }
  if (flags.reason !== undefined) query.set('reason', flags.reason);
  const text = query.toString();
  return text === '' ? '' : `?${text}`;
}

import type { Command } from 'commander';
import { switchyardProgram } from '../../../src/cli/program.ts';
import { hostOf } from './here.ts';

/** Commands that do something, with their whole names. */
export function leaves(command: Command, name: string): readonly (readonly [string, Command])[] {
  if (command.commands.length === 0) return [[name, command]];
  return command.commands.flatMap(each => leaves(each, `${name} ${each.name()}`));
}

/** The arguments of every call of `switchyard` in a line of shell. */
export function commandLines(line: string): readonly (readonly string[])[] {
  const calls = line.replace(/ +# .*/, '').match(/(?<![\w./-])switchyard (?:"[^"]*"|'[^']*'|[^|;&>)"'])*/g) ?? [];
  if (calls.length === 0) throw new Error(`no call of switchyard in ${line}`);
  return calls.map(call => {
    const words = call.match(/(?:"[^"]*"|'[^']*'|\S)+/g) ?? [];
    return words.slice(1).map(word => word.replaceAll(/["']/g, ''));
  });
}

/** Reads a command line without doing anything. Rejects where it is wrong. */
export async function parses(words: readonly string[]): Promise<void> {
  const texts: string[] = [];
  const note = (text: string) => void texts.push(text);
  const program = switchyardProgram(hostOf({ out: note, err: note }));
  for (const [, command] of leaves(program, '')) command.action(() => {});
  await program.parseAsync([...words], { from: 'user' }).catch((error: Error) => {
    throw new Error(`switchyard ${words.join(' ')}: ${texts.join('')}`, { cause: error });
  });
}

import { Argument, type Command } from 'commander';
import { completionScript, type Shell, shells } from '../completion.ts';
import type { CliHost } from '../host.ts';
import { withExamples } from '../options.ts';

export function completionCommand(program: Command, host: CliHost): void {
  const command = program
    .command('completion')
    .summary('completion of commands, flags and values, for a shell')
    .description('Prints what makes a shell complete the command line, made from the commands of this very program.')
    .addArgument(new Argument('<shell>', 'whose').choices([...shells]))
    .action((shell: Shell) => host.out(completionScript(program, shell)));
  withExamples(command, [
    'source <(switchyard completion bash)                                        # in ~/.bashrc',
    'switchyard completion zsh > ~/.zsh/completions/_switchyard                  # a folder of fpath',
    'switchyard completion fish > ~/.config/fish/completions/switchyard.fish',
  ]);
}

import type { Command, Option } from 'commander';

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

/** What can stand in a place of the command line: one of these words, a file, or what no shell can know. */
type Value = readonly string[] | 'file' | 'other';

interface Flag {
  /** `-o` and `--output`. */
  readonly names: readonly string[];
  readonly about: string;
  /** Absent: it stands for itself. */
  readonly value?: Value;
}

/** A command, or a group of commands. */
interface Node {
  /** `switchyard canary weights`. */
  readonly path: string;
  readonly commands: readonly { readonly names: readonly string[]; readonly about: string; readonly path: string }[];
  readonly flags: readonly Flag[];
  /** What its arguments can be, all of them together. */
  readonly words: readonly string[];
  readonly files: boolean;
}

/** A script that makes a shell complete the command line of a program; it needs nothing but the shell. */
export function completionScript(program: Command, shell: Shell): string {
  const nodes = nodesOf(program, program.name());
  return { bash, zsh, fish }[shell](program.name(), nodes);
}

function nodesOf(command: Command, path: string): readonly Node[] {
  const commands = command.commands.map(each => ({
    names: [each.name(), ...each.aliases()],
    about: each.summary() || each.description(),
    path: `${path} ${each.name()}`,
  }));
  const values = command.registeredArguments.map(each => placeValue(each.name(), each.argChoices));
  const node: Node = {
    path,
    commands,
    flags: [...command.options.map(flagOf), { names: ['-h', '--help'], about: 'say what it does, with examples' }],
    words: values.flatMap(value => (typeof value === 'string' ? [] : value)),
    files: values.includes('file'),
  };
  return [node, ...command.commands.flatMap(each => nodesOf(each, `${path} ${each.name()}`))];
}

function flagOf({ short, long, flags, description, argChoices }: Option): Flag {
  const [, placeholder] = /[<[]([^>\].]+)/.exec(flags) ?? [];
  const names = [short, long].filter(name => name !== undefined);
  return {
    names,
    about: description,
    ...(placeholder === undefined ? {} : { value: placeValue(placeholder, argChoices) }),
  };
}

/** What is called a file, folder or path is one. */
function placeValue(placeholder: string, choices: readonly string[] | undefined): Value {
  if (choices) return choices;
  return /^(?:file|dir|path)$/.test(placeholder) ? 'file' : 'other';
}

/** A word, or several, as these shells take it for one. */
const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`;

/** The cases of `"$node $word"` that lead from a command to one below it. */
const descents = (nodes: readonly Node[]) =>
  nodes.flatMap(({ path, commands }) =>
    commands.map(each => {
      const patterns = each.names.map(name => quoted(`${path} ${name}`)).join('|');
      return `      ${patterns}) node=${quoted(each.path)} ;;\n`;
    }),
  );

/** The cases of `"$node $previous"` in which the value of a flag is due. */
const valueCases = (nodes: readonly Node[], offer: (value: Value) => string) =>
  nodes.flatMap(({ path, flags }) =>
    flags.flatMap(({ names, value }) => {
      if (value === undefined) return [];
      return [`    ${names.map(name => quoted(`${path} ${name}`)).join('|')}) ${offer(value)}return ;;\n`];
    }),
  );

function bash(name: string, nodes: readonly Node[]): string {
  const reply = (words: string) => `mapfile -t COMPREPLY < <(compgen ${words} -- "$current")`;
  const offer = (value: Value) => {
    if (value === 'other') return '';
    return `${reply(value === 'file' ? '-f' : `-W ${quoted(value.join(' '))}`)}; `;
  };
  const candidates = nodes.map(({ path, commands, flags, words, files }) => {
    const plain = [...commands.flatMap(each => each.names), ...words].join(' ');
    const dashed = flags.flatMap(each => each.names).join(' ');
    return `    ${quoted(path)}) plain=${quoted(plain)} dashed=${quoted(dashed)}${files ? ' files=-f' : ''} ;;\n`;
  });
  return `# Completion of ${name} for bash: source <(${name} completion bash)
_${name}() {
  local current=\${COMP_WORDS[COMP_CWORD]} previous=\${COMP_WORDS[COMP_CWORD-1]} node=${quoted(name)} word plain dashed files=
  COMPREPLY=()
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$node $word" in
${descents(nodes).join('')}    esac
  done
  case "$node $previous" in
${valueCases(nodes, offer).join('')}  esac
  case $node in
${candidates.join('')}  esac
  [[ $current == -* ]] && plain=$dashed files=
  ${reply('$files -W "$plain"')}
}
complete -o filenames -F _${name} ${name}
`;
}

function zsh(name: string, nodes: readonly Node[]): string {
  const offer = (value: Value) => {
    if (value === 'other') return '';
    return value === 'file' ? '_files; ' : `compadd -- ${value.map(quoted).join(' ')}; `;
  };
  const described = (text: string, about: string) => quoted(`${text.replaceAll(':', '\\:')}:${about}`);
  const candidates = nodes.map(({ path, commands, flags, words, files }) => {
    const plain = [
      ...commands.flatMap(each => each.names.map(text => described(text, each.about))),
      ...words.map(word => quoted(word.replaceAll(':', '\\:'))),
    ];
    const dashed = flags.flatMap(each => each.names.map(text => described(text, each.about)));
    return `    ${quoted(path)}) plain=(${plain.join(' ')}) dashed=(${dashed.join(' ')})${files ? ' files=1' : ''} ;;\n`;
  });
  return `#compdef ${name}
# Completion of ${name} for zsh: as a file _${name} in a folder of fpath, or source <(${name} completion zsh)
_${name}() {
  local node=${quoted(name)} previous=\${words[CURRENT-1]} word files=
  local -a plain dashed
  for word in "\${(@)words[2,CURRENT-1]}"; do
    case "$node $word" in
${descents(nodes).join('')}    esac
  done
  case "$node $previous" in
${valueCases(nodes, offer).join('')}  esac
  case $node in
${candidates.join('')}  esac
  if [[ $PREFIX == -* ]]; then
    _describe flag dashed
  else
    (( $#plain )) && _describe command plain
    [[ -n $files ]] && _files
  fi
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _${name} "$@"; else compdef _${name} ${name}; fi
`;
}

function fish(name: string, nodes: readonly Node[]): string {
  const lines = nodes.flatMap(({ path, commands, flags, words, files }) => {
    const here = `complete -c ${name} -n ${quoted(`test (__${name}_node) = "${path}"`)}`;
    return [
      ...(files ? [`${here} -F`] : [`${here} -f`]),
      ...commands.flatMap(({ names, about }) => names.map(text => `${here} -a ${quoted(text)} -d ${quoted(about)}`)),
      ...(words.length > 0 ? [`${here} -a ${quoted(words.join(' '))}`] : []),
      ...flags.map(({ names, about, value }) => {
        const spelled = names.map(text => (text.startsWith('--') ? `-l ${text.slice(2)}` : `-s ${text.slice(1)}`));
        return `${here} ${spelled.join(' ')}${fishValue(value)} -d ${quoted(about)}`;
      }),
    ];
  });
  return `# Completion of ${name} for fish: ${name} completion fish > ~/.config/fish/completions/${name}.fish
function __${name}_node
  set -l node ${name}
  for word in (commandline -opc)[2..]
    switch "$node $word"
${nodes
  .flatMap(({ path, commands }) =>
    commands.map(each => {
      const patterns = each.names.map(text => quoted(`${path} ${text}`)).join(' ');
      return `      case ${patterns}\n        set node ${quoted(each.path)}\n`;
    }),
  )
  .join('')}    end
  end
  echo $node
end
${lines.join('\n')}
`;
}

function fishValue(value: Value | undefined): string {
  if (value === undefined) return '';
  if (value === 'file') return ' -r -F';
  return value === 'other' ? ' -x' : ` -x -a ${quoted(value.join(' '))}`;
}
